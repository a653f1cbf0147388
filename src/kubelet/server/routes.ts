import type { Clock } from '../../std/clock.ts';
import { configzDocument } from '../configuration/configz.ts';
import type { KubeletView } from './kubelet-view.ts';
import type { ExpirationHistogram } from './metrics.ts';
import { metricsPage, resourceMetricsPage, statsSummary } from './metrics-pages.ts';

/** An answer, whole. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const text = (status: number, line: string): Answer => ({ status, contentType: 'text/plain; charset=utf-8', body: `${line}\n` });
const json = (document: unknown): Answer => ({ status: 200, contentType: 'application/json', body: JSON.stringify(document) });
const prometheus = (body: string): Answer => ({ status: 200, contentType: 'text/plain; version=0.0.4; charset=utf-8', body });

/** Paths that act on containers; served once a runtime can. */
const DEBUGGING = ['/run', '/exec', '/attach', '/portForward', '/containerLogs', '/cri', '/logs', '/runningpods', '/debug'];
const LATER = ['/metrics/cadvisor', '/metrics/probes', '/stats/container', '/spec', '/checkpoint'];

/** Answers the requests that were let in. */
export function createRoutes(view: KubeletView, expirations: ExpirationHistogram, clock: Clock) {
  const below = (path: string, prefixes: readonly string[]) =>
    prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
  const debugging = view.configuration.enableDebuggingHandlers;

  return async (method: string, path: string): Promise<Answer> => {
    const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path;
    if (below(trimmed, DEBUGGING) && !debugging) return text(405, 'Debug endpoints are disabled.');
    if (trimmed !== '/runningpods' && (below(trimmed, DEBUGGING) || below(trimmed, LATER)))
      return text(501, `${trimmed} is not supported by the runtime of this node`);
    const answer = await get(trimmed);
    if (!answer) return text(404, '404 page not found');
    return method === 'GET' || method === 'HEAD' ? answer : text(405, 'Method Not Allowed');
  };

  async function get(path: string): Promise<Answer | undefined> {
    switch (path) {
      case '/healthz':
      case '/healthz/ping':
      case '/healthz/log':
      case '/healthz/syncloop':
        return healthAnswer(view);
      case '/pods':
        return json(podList(view.pods()));
      case '/runningpods': {
        const running = new Set((await view.containers()).filter(({ phase }) => phase === 'running').map(({ podUid }) => podUid));
        return json(podList(view.pods().filter((pod) => running.has(pod.metadata?.uid ?? ''))));
      }
      case '/configz':
        return json(configzDocument(view.configuration));
      case '/metrics':
        return prometheus(await metricsPage(view, expirations, clock));
      case '/metrics/resource':
        return prometheus(await resourceMetricsPage(view));
      case '/stats':
      case '/stats/summary':
        return json(await statsSummary(view, clock));
      default:
        return undefined;
    }
  }
}

/** The same on :10248 and on the secured port. */
export function healthAnswer(view: Pick<KubeletView, 'unhealthy'>): Answer {
  const why = view.unhealthy();
  return why === undefined
    ? { status: 200, contentType: 'text/plain; charset=utf-8', body: 'ok' }
    : { status: 500, contentType: 'text/plain; charset=utf-8', body: `[-]syncloop failed: ${why}\nhealthz check failed\n` };
}

function podList(pods: readonly object[]): object {
  return {
    kind: 'PodList',
    apiVersion: 'v1',
    metadata: {},
    items: pods.map((pod) => ({ kind: 'Pod', apiVersion: 'v1', ...pod })),
  };
}
