import { podLimits, podRequests } from '../api/core/v1/pod-resource-usage.ts';
import type { V1Pod } from '../api/gen/types.ts';
import type { Quantity } from '../api/machinery/quantity.ts';
import { Gauge, type LabelValues } from '../std/metric.ts';

const LABELS = ['namespace', 'pod', 'node', 'scheduler', 'priority', 'resource', 'unit'];
const BASIS =
  'This shows the resource usage the scheduler and kubelet expect per pod for resources along with the unit for the resource if any.';

/** `/metrics/resources`: what pods that have not ended ask for and may use (pkg/scheduler/metrics/resources). */
export function podResourceMetrics(pods: Iterable<V1Pod>): string {
  const living = [...pods].filter(({ spec, status }) => !spec?.nodeName || !ENDED.has(status?.phase ?? ''));
  const gauge = (name: string, help: string, read: (pod: V1Pod) => ReadonlyMap<string, Quantity>) =>
    new Gauge(name, help, LABELS, () => living.flatMap((pod) => samples(pod, read(pod)))).render();
  return (
    gauge('kube_pod_resource_request', `Resources requested by workloads on the cluster, broken down by pod. ${BASIS}`, (pod) =>
      podRequests(pod, { fromStatus: true }),
    ) +
    gauge('kube_pod_resource_limit', `Resources limit for workloads on the cluster, broken down by pod. ${BASIS}`, (pod) =>
      podLimits(pod, { fromStatus: true }),
    )
  );
}

const ENDED: ReadonlySet<string> = new Set(['Succeeded', 'Failed']);

function samples({ metadata, spec }: V1Pod, amounts: ReadonlyMap<string, Quantity>): (readonly [LabelValues, number])[] {
  const { namespace = '', name = '' } = metadata ?? {};
  const { nodeName = '', schedulerName = '', priority } = spec ?? {};
  const who = [namespace, name, nodeName, schedulerName, priority === undefined ? '' : String(priority)];
  return [...amounts].flatMap(([resource, { nano }]) =>
    nano === 0n ? [] : [[[...who, resource, unitOf(resource)], Number(nano) / 1e9] as const],
  );
}

function unitOf(resource: string): string {
  if (resource === 'cpu') return 'cores';
  if (['memory', 'storage', 'ephemeral-storage'].includes(resource) || resource.startsWith('hugepages-')) return 'bytes';
  return resource.startsWith('attachable-volumes-') ? 'integer' : '';
}
