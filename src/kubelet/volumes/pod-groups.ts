import type { V1Pod } from '../../api/gen/types.ts';
import type { VolumeOwnership } from './volume-ownership.ts';

/** What `fsGroup` of the pod makes of a volume; undefined: volumes keep their groups. */
export function ownershipFor({ spec }: V1Pod, readOnly: boolean): VolumeOwnership | undefined {
  const { fsGroup, fsGroupChangePolicy } = spec?.securityContext ?? {};
  if (fsGroup === undefined) return undefined;
  return { gid: fsGroup, readOnly, onlyOnRootMismatch: fsGroupChangePolicy === 'OnRootMismatch' };
}

/** The user that every container of the pod runs as, when its spec says one and the same for all: tokens belong to it. */
export function commonUser({ spec }: V1Pod): number | undefined {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])];
  const users = new Set(containers.map(({ securityContext }) => securityContext?.runAsUser ?? spec?.securityContext?.runAsUser));
  return users.size === 1 ? [...users][0] : undefined;
}
