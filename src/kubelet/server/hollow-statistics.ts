import type { Clock } from '../../std/clock.ts';
import { formatMetric } from '../metrics/metric-text.ts';
import type { KubeletView, StatisticsPages } from './kubelet-view.ts';

/**
 * Statistics of a node whose pods are hollow: they use nothing, so that the pages tell which containers there are and what the
 * kubelet's own process takes.
 */
export function createHollowStatistics(view: Omit<KubeletView, 'statistics'>, clock: Clock): StatisticsPages {
  const containers = async () => (await view.runtime.list()).containers;
  const time = () => new Date(clock.now()).toISOString();

  return {
    async summary() {
      const byPod = Map.groupBy(await containers(), ({ podUid }) => podUid);
      const rss = process.memoryUsage.rss();
      return {
        node: {
          nodeName: view.nodeName,
          startTime: new Date(view.startedAtMs).toISOString(),
          cpu: { time: time(), usageCoreNanoSeconds: Math.round(cpuSeconds() * 1e9) },
          memory: { time: time(), usageBytes: rss, workingSetBytes: rss, rssBytes: rss },
        },
        pods: view.pods().map((pod) => ({
          podRef: { name: pod.metadata?.name, namespace: pod.metadata?.namespace, uid: pod.metadata?.uid },
          startTime: pod.status?.startTime ?? null,
          containers: (byPod.get(pod.metadata?.uid ?? '') ?? []).map(({ name, startedAtMs }) => ({
            name,
            startTime: startedAtMs === undefined ? null : new Date(startedAtMs).toISOString(),
          })),
        })),
      };
    },
    async cadvisorMetrics() {
      return formatMetric(
        'cadvisor_version_info',
        'gauge',
        'A metric with a constant value 1: no container here has a process to measure.',
        [{ labels: { cadvisorVersion: '', kernelVersion: '', osVersion: '' }, value: 1 }],
      );
    },
    async resourceMetrics() {
      const pods = new Map(view.pods().map((pod) => [pod.metadata?.uid, pod]));
      const running = (await containers()).filter(({ phase }) => phase === 'running');
      const started = running.map(({ name, podUid, startedAtMs }) => {
        const { namespace = '', name: pod = '' } = pods.get(podUid)?.metadata ?? {};
        return { labels: { container: name, namespace, pod }, value: (startedAtMs ?? 0) / 1000 };
      });
      const one = (name: string, type: 'gauge' | 'counter', help: string, value: number) =>
        formatMetric(name, type, help, [{ value }]);
      return [
        formatMetric('container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds', started),
        one('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', cpuSeconds()),
        one('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', process.memoryUsage.rss()),
        one('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', 0),
      ].join('');
    },
    async machine() {
      return { num_cores: 0, memory_capacity: 0, timestamp: time() };
    },
    async cgroup(name) {
      return name === '/' ? { name, spec: { creation_time: new Date(view.startedAtMs).toISOString() }, stats: [] } : undefined;
    },
    async container(podUid, name) {
      const found = (await containers()).find((container) => container.podUid === podUid && container.name === name);
      return found && { name: found.id, spec: { creation_time: new Date(found.createdAtMs).toISOString() }, stats: [] };
    },
  };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
