import type { V1PersistentVolumeClaim, V1Pod } from '../../api/gen/types.ts';
import { isMadeFor } from '../workloads/pod-claims.ts';

/**
 * Whether a pod keeps a claim from going. One that is on no node yet does not: no kubelet would start it with a claim that is being
 * deleted (pkg/controller/volume/pvcprotection, podUsesPVC).
 */
export function usesClaim(pod: V1Pod, claim: V1PersistentVolumeClaim): boolean {
  if (!pod.spec?.nodeName) return false;
  const name = claim.metadata?.name;
  return (pod.spec.volumes ?? []).some((volume) => {
    if (volume.persistentVolumeClaim?.claimName === name) return true;
    if (!volume.ephemeral || isShutDown(pod) || `${pod.metadata?.name}-${volume.name}` !== name) return false;
    return isMadeFor(claim, pod);
  });
}

/** The kubelet is done with it, or it was deleted by force; it may itself wait for its claims. */
const isShutDown = ({ metadata }: V1Pod) =>
  metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;

/** Whether what happened to a pod may let a claim go: it is gone, has ended, or is on no node. */
export function mayRelease({ spec, status }: V1Pod, deleted: boolean): boolean {
  return deleted || !spec?.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded';
}
