import { noSuchMethod } from '../api/machinery/status-error.ts';
import type { Logger } from '../std/logger.ts';
import { METRICS_TYPE } from '../std/metric.ts';
import type { Store } from '../store/store.ts';
import type { Handler } from './contracts.ts';
import { createDiscoveryHandler } from './discovery/serve-discovery.ts';
import { createHealthHandler, type HealthCheck } from './health/health-checks.ts';
import { postStartHooks } from './health/post-start-hooks.ts';
import { createFlagz, createStatusz } from './health/zpages.ts';
import type { KindRegistry } from './kinds/kind-registry.ts';
import { HealthMetrics } from './metrics/health-metrics.ts';
import type { ServerMetrics } from './metrics/server-metrics.ts';
import { sendText, sendValue } from './response/send.ts';
import { versionInfo } from './version.ts';

export interface NonResourceDeps {
  readonly kinds: KindRegistry;
  readonly store: Pick<Store, 'healthy'>;
  readonly metrics: ServerMetrics;
  readonly logger: Logger;
  /** What must be done before the server is ready. */
  readonly readyChecks: readonly HealthCheck[];
  readonly isStopping: () => boolean;
  readonly process: {
    readonly startMs: number;
    readonly now: () => number;
    /** The command line as it was understood; absent where there was none. */
    readonly flags?: () => ReadonlyMap<string, string>;
  };
  readonly serverAddress: () => string;
  readonly openApi: Handler;
  readonly more: ReadonlyMap<string, Handler>;
}

/** Everything that is served besides resources, by path. A path that ends in a slash stands for all below it. */
export function createNonResourcePaths(deps: NonResourceDeps): Map<string, Handler> {
  const { kinds, store, metrics, logger, readyChecks, isStopping } = deps;
  const ok = () => Promise.resolve();
  const ping: HealthCheck = { name: 'ping', check: ok };
  const log: HealthCheck = { name: 'log', check: ok };
  const etcd: HealthCheck = { name: 'etcd', check: () => store.healthy() };
  const shutdown: HealthCheck = {
    name: 'shutdown',
    check: () => (isStopping() ? Promise.reject(new Error('process is shutting down')) : ok()),
  };
  const hooks = postStartHooks(readyChecks);
  const live = [ping, log, etcd, ...hooks];
  const ready = [ping, log, etcd, { ...etcd, name: 'etcd-readiness' }, { ...ping, name: 'informer-sync' }, ...hooks, shutdown];
  const slis = new HealthMetrics();
  const health = {
    healthz: createHealthHandler('healthz', slis.watch('healthz', live), logger),
    livez: createHealthHandler('livez', slis.watch('livez', live), logger),
    readyz: createHealthHandler('readyz', slis.watch('readyz', ready), logger),
  };
  const discovery = createDiscoveryHandler(kinds, deps.serverAddress);
  const paths = new Map<string, Handler>();
  for (const [name, handler] of Object.entries(health)) paths.set(`/${name}`, handler).set(`/${name}/`, handler);
  paths.set('/version', async (context, response) => {
    if (context.request.method !== 'GET') throw noSuchMethod();
    return sendValue(context, response, 200, versionInfo());
  });
  paths.set('/version/', paths.get('/version')!);
  paths.set('/metrics/slis', async (_context, response) => sendText(response, 200, slis.render(), METRICS_TYPE));
  paths.set(
    '/statusz',
    createStatusz('kube-apiserver', { ...deps.process, paths: () => [...paths.keys()].filter((p) => !p.endsWith('/')) }),
  );
  const { flags } = deps.process;
  if (flags) paths.set('/flagz', createFlagz('kube-apiserver', flags));
  paths.set('/metrics', async (_context, response) => sendText(response, 200, metrics.render(), METRICS_TYPE));
  for (const path of ['/api', '/apis', '/api/', '/apis/']) paths.set(path, discovery);
  for (const path of ['/openapi/v2', '/openapi/v3', '/openapi/v3/']) paths.set(path, deps.openApi);
  for (const [path, handler] of deps.more) paths.set(path, handler);
  return paths;
}
