import type { V1Pod } from '../../api/gen/types.ts';
import type { Clock } from '../../std/clock.ts';
import type { PodStarter } from '../pods/pod-starter.ts';
import type { KubeletMetrics } from './kubelet-metrics.ts';

interface Beginning {
  readonly seenMs: number;
  /** Containers that have not been started yet. */
  readonly missing: Set<string>;
}

/** The same starter, which counts the pods and containers that it starts, and how long a pod takes until all its containers run. */
export function countStarts(starter: PodStarter, metrics: KubeletMetrics, clock: Clock): PodStarter {
  const beginnings = new Map<string, Beginning>();
  const secondsSince = (ms: number) => (clock.now() - ms) / 1000;
  const forget = (podUid: string) => beginnings.delete(podUid);

  function started(pod: V1Pod, name: string): void {
    const { uid = '', creationTimestamp } = pod.metadata ?? {};
    const beginning = beginnings.get(uid);
    if (!beginning?.missing.delete(name) || beginning.missing.size > 0) return;
    metrics.observe('kubelet_pod_start_duration_seconds', secondsSince(beginning.seenMs));
    const createdMs = creationTimestamp ? new Date(creationTimestamp).getTime() : beginning.seenMs;
    metrics.observe('kubelet_pod_start_total_duration_seconds', Math.max(0, secondsSince(createdMs)));
  }

  return {
    detailed: starter.detailed,
    prepare(pod, signal) {
      const { uid = '' } = pod.metadata ?? {};
      // A pod that runs already was started by a kubelet before this one.
      if (!beginnings.has(uid) && !pod.status?.containerStatuses?.some(({ containerID }) => containerID)) {
        const names = pod.spec?.containers.map(({ name }) => name) ?? [];
        beginnings.set(uid, { seenMs: clock.now(), missing: new Set(names) });
        metrics.observe('kubelet_containers_per_pod_count', names.length);
      }
      return starter.prepare(pod, signal);
    },
    async runSandbox(pod, attempt, podCidr, signal) {
      const handler = [pod.spec?.runtimeClassName ?? ''];
      const beganMs = clock.now();
      metrics.add('kubelet_started_pods_total');
      try {
        return await starter.runSandbox(pod, attempt, podCidr, signal);
      } catch (error) {
        if (!signal.aborted) {
          metrics.add('kubelet_started_pods_errors_total');
          metrics.add('kubelet_run_podsandbox_errors_total', handler);
        }
        throw error;
      } finally {
        metrics.observe('kubelet_run_podsandbox_duration_seconds', secondsSince(beganMs), handler);
      }
    },
    async startContainer(request, signal) {
      const { pod, container } = request;
      const type = typeOf(pod, container.name);
      metrics.add('kubelet_started_containers_total', [type]);
      try {
        const running = await starter.startContainer(request, signal);
        started(pod, container.name);
        return running;
      } catch (error) {
        const { reason } = error as { reason?: unknown };
        if (!signal.aborted)
          metrics.add('kubelet_started_containers_errors_total', [type, typeof reason === 'string' ? reason : 'Unknown']);
        throw error;
      }
    },
    resize: (pod, spec, containerId) => starter.resize(pod, spec, containerId),
    changed: (spec, container) => starter.changed(spec, container),
    release(podUid) {
      forget(podUid);
      return starter.release(podUid);
    },
    discard(podUid) {
      forget(podUid);
      return starter.discard(podUid);
    },
    known: () => starter.known(),
  };
}

function typeOf({ spec }: V1Pod, name: string): string {
  if (spec?.initContainers?.some((container) => container.name === name)) return 'init_container';
  return spec?.ephemeralContainers?.some((container) => container.name === name) ? 'ephemeral_container' : 'container';
}
