import { podKind } from '../../api/core/v1/pod.ts';
import type { V1PersistentVolumeClaim, V1Pod } from '../../api/gen/types.ts';
import type { Informer } from '../../client/informer.ts';
import type { SharedInformers } from '../framework/shared-informers.ts';

const BY_CLAIM = 'pod-pvc-index';

/** The names of the claims that a pod's volumes are of, its ephemeral ones included. */
export function claimsOfPod({ metadata, spec }: V1Pod): string[] {
  return (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName];
    return ephemeral ? [`${metadata?.name}-${name}`] : [];
  });
}

/** Whether a claim was made for a pod: the pod's ephemeral volumes have no others. */
export function isMadeFor(claim: V1PersistentVolumeClaim, pod: V1Pod): boolean {
  return claim.metadata?.ownerReferences?.some(({ controller, uid }) => controller && uid === pod.metadata?.uid) ?? false;
}

/** All pods, and those whose volumes are of one claim (`namespace/name`). */
export function podsByClaim(informers: SharedInformers): { pods: Informer<V1Pod>; withClaim(key: string): readonly V1Pod[] } {
  const pods = informers.of<V1Pod>(podKind);
  informers.index(pods, BY_CLAIM, (pod) => claimsOfPod(pod).map((name) => `${pod.metadata?.namespace}/${name}`));
  return { pods, withClaim: (key) => pods.byIndex(BY_CLAIM, key) };
}
