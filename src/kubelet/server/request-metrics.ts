import { type Clock, steadyMs } from '../../std/clock.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { ApiRequest, Outcome } from './api-exchange.ts';

const METHODS: ReadonlySet<string> = new Set(['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT']);
const LONG_RUNNING: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward', 'debug']);
const BUCKETS: ReadonlySet<string> = new Set([
  ...[
    'healthz',
    'pods',
    'stats',
    'spec',
    'metrics',
    'metrics/cadvisor',
    'metrics/probes',
    'metrics/resource',
    'run',
    'exec',
    'attach',
  ],
  ...['portForward', 'containerLogs', 'configz', 'runningpods', 'checkpoint', 'logs', 'debug', 'flagz', 'statusz'],
]);

/** Counts and times the requests of one server. What a caller may choose freely is `other`. */
export function countRequests(
  metrics: KubeletMetrics,
  clock: Clock,
  serverType: 'readonly' | 'readwrite',
  serve: (request: ApiRequest) => Promise<Outcome>,
): (request: ApiRequest) => Promise<Outcome> {
  return async (request) => {
    const [, first = '', second = ''] = request.path.split('/', 3);
    const root = first === 'metrics' && second ? `${first}/${second}` : first;
    const path = BUCKETS.has(root) ? root : 'other';
    const labels = [METHODS.has(request.method) ? request.method : 'other', path, serverType, String(LONG_RUNNING.has(path))];
    const startedMs = steadyMs(clock);
    metrics.add('kubelet_http_requests_total', labels);
    metrics.add('kubelet_http_inflight_requests', labels);
    try {
      return await serve(request);
    } finally {
      metrics.add('kubelet_http_inflight_requests', labels, -1);
      metrics.observe('kubelet_http_requests_duration_seconds', (steadyMs(clock) - startedMs) / 1000, labels);
    }
  };
}
