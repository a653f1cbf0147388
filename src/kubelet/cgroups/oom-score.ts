import { qualityOfService } from '../../api/core/v1/quality-of-service.ts';
import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { byteAmount } from './amounts.ts';

/** Guaranteed and node-critical pods: killed last, but before the node's own daemons (-999). */
export const PROTECTED_OOM_SCORE = -997;
const BEST_EFFORT_OOM_SCORE = 1000;

/**
 * The `oom_score_adj` of a container's processes (pkg/kubelet/qos/policy.go): the more memory a burstable container asks for, the later
 * it is killed; 3 to 999 for those.
 *
 * @param capacityBytes the node's memory
 */
export function oomScoreAdjust(pod: V1Pod, container: V1Container, capacityBytes: number): number {
  if (pod.spec?.priorityClassName === 'system-node-critical') return PROTECTED_OOM_SCORE;
  const quality = pod.spec ? qualityOfService(pod.spec) : 'BestEffort';
  if (quality === 'Guaranteed') return PROTECTED_OOM_SCORE;
  if (quality === 'BestEffort') return BEST_EFFORT_OOM_SCORE;
  const spread = podSurplusOf(pod);
  const scoreOf = (bytes: number) => 1000 - Math.floor((1000 * (bytes + spread)) / capacityBytes);
  let score = scoreOf(requestOf(container));
  if (isSidecar(pod, container)) {
    // A sidecar lives at least as long as the containers it serves.
    const least = Math.min(...(pod.spec?.containers ?? []).map(requestOf));
    if (Number.isFinite(least)) score = Math.min(score, scoreOf(least));
  }
  return Math.min(BEST_EFFORT_OOM_SCORE - 1, Math.max(1000 + PROTECTED_OOM_SCORE, score));
}

const requestOf = ({ resources }: V1Container) => byteAmount(resources?.requests?.['memory']);

/** What the pod as a whole asks for beyond its containers, each one's part. */
function podSurplusOf({ spec }: V1Pod): number {
  const asked = spec?.resources?.requests?.['memory'];
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')];
  if (asked === undefined || containers.length === 0) return 0;
  const own = containers.reduce((sum, container) => sum + requestOf(container), 0);
  return Math.max(0, Math.floor((byteAmount(asked) - own) / containers.length));
}

function isSidecar({ spec }: V1Pod, container: V1Container): boolean {
  return (spec?.initContainers ?? []).some(({ name, restartPolicy }) => name === container.name && restartPolicy === 'Always');
}
