import { type ComponentPage, flagzPage, statuszPage } from '../api/configuration/component-pages.ts';
import { printedConfiguration } from '../api/configuration/printed-configuration.ts';
import { type Page, type PageServer, servePages } from '../client/serving/http-page.ts';
import type { Clock } from '../std/clock.ts';
import { type Component, deferred } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';
import { METRICS_TYPE } from '../std/metric.ts';
import { kubeProxyFields } from './configuration/fields.ts';
import { type KubeProxyConfiguration, parseAddressAndPort } from './configuration/kube-proxy-configuration.ts';
import type { ProxyHealth } from './health/proxy-health.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';

export interface ProxyServersOptions {
  readonly configuration: KubeProxyConfiguration;
  readonly mode: string;
  readonly health: ProxyHealth;
  readonly metrics: ProxyMetrics;
  /** The command line as it was understood; absent where there was none. */
  readonly flags?: ReadonlyMap<string, string>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The servers that flags have switched off. */
  readonly without: readonly ('healthz' | 'metrics')[];
}

const COMPONENT = 'kube-proxy';
const METRICS_PATHS = ['/configz', '/healthz', '/metrics', '/proxyMode', '/statusz'];

const plain = (body: string): Page => ({ status: 200, type: 'text/plain; charset=utf-8', body });

const pageOf = ({ headers: { 'content-type': type = '', ...headers }, body }: ComponentPage): Page => ({
  status: 200,
  type,
  headers,
  body,
});

/** The health server (:10256) and the metrics server (:10249). One that cannot listen is told, and fatal with `bindAddressHardFail`. */
export function createProxyServers(options: ProxyServersOptions): Component {
  const { configuration, mode, health, metrics, flags, clock, logger } = options;
  const startMs = clock.now();
  const done = deferred();
  const counted = (counter: ProxyMetrics['healthz'], page: Page): Page => {
    counter.increment(String(page.status));
    return page;
  };
  const pages = {
    healthz: (path: string): Page | undefined => {
      if (path === '/healthz') return counted(metrics.healthz, health.healthz());
      return path === '/livez' ? counted(metrics.livez, health.livez()) : undefined;
    },
    metrics: (path: string, accept?: string): Page | Promise<Page> | undefined => {
      switch (path) {
        case '/healthz':
          return plain('ok');
        case '/proxyMode':
          return plain(mode);
        case '/metrics':
          return { status: 200, type: METRICS_TYPE, body: metrics.render() };
        case '/configz':
          return {
            status: 200,
            type: 'application/json',
            body: JSON.stringify({ 'kubeproxy.config.k8s.io': printedConfiguration(kubeProxyFields, configuration) }),
          };
        case '/flagz':
          return flags && flagzPage(COMPONENT, flags, accept).then(pageOf);
        case '/statusz':
          return statuszPage(
            COMPONENT,
            { startMs, nowMs: clock.now(), paths: [...METRICS_PATHS, ...(flags ? ['/flagz'] : [])] },
            accept,
          ).then(pageOf);
        default:
          return undefined;
      }
    },
  };
  return {
    name: 'kube-proxy servers',
    done: done.promise,
    async start(signal) {
      const servers: PageServer[] = [];
      const closeAll = () => Promise.all(servers.map((server) => server.close()));
      for (const name of ['healthz', 'metrics'] as const) {
        const text = configuration[`${name}BindAddress`];
        const address = parseAddressAndPort(text);
        if (!address || options.without.includes(name)) continue;
        try {
          servers.push(await servePages(address, pages[name]));
        } catch (error) {
          if (configuration.bindAddressHardFail) {
            await closeAll();
            done.resolve();
            throw error;
          }
          logger.error(`Failed to start ${name} server`, { address: text, error });
        }
      }
      const stop = () => void closeAll().then(() => done.resolve(), done.reject);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    },
  };
}
