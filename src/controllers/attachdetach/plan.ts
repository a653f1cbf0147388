/** Which nodes a volume belongs on, and which of its attachments may go (upstream's pkg/controller/volume/attachdetach): pure decisions. */
import type { V1CSIDriver, V1Node, V1PersistentVolume, V1Pod, V1VolumeAttachment } from '../../api/gen/types.ts';
import { attachmentName } from '../../api/storage/v1/attachment-name.ts';

/** How long a node that does not answer may keep a volume that it says it uses (maxWaitForUnmountDuration). */
export const FORCE_DETACH_MS = 360_000;
const MANAGED = 'volumes.kubernetes.io/controller-managed-attach-detach';
const KEEP_TERMINATED = 'volumes.kubernetes.io/keep-terminated-pod-volumes';
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

/** What `Node.status.volumesInUse` and `volumesAttached` call a volume; undefined for one that is not of a CSI driver. */
export function uniqueName({ spec }: V1PersistentVolume): string | undefined {
  return spec?.csi && `kubernetes.io/csi/${spec.csi.driver}^${spec.csi.volumeHandle}`;
}

/** A driver that says nothing of itself wants its volumes attached. */
export const requiresAttach = (driver: V1CSIDriver | undefined): boolean => driver?.spec.attachRequired ?? true;

/** Whether a pod needs its volumes on its node. */
export function needsVolumes({ spec, status }: V1Pod, node: V1Node | undefined): boolean {
  if (!spec?.nodeName || node?.metadata?.annotations?.[MANAGED] !== 'true') return false;
  const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  if (!hasEnded || node.metadata.annotations[KEEP_TERMINATED] === 'true') return true;
  // The pod has been given up, but its containers may still write.
  return status.containerStatuses?.some(({ state }) => state?.running) ?? false;
}

export interface VolumeSituation {
  readonly volume: V1PersistentVolume;
  /** Pods that need it on their nodes. */
  readonly users: readonly V1Pod[];
  readonly attachments: readonly V1VolumeAttachment[];
  readonly required: boolean;
}

export interface VolumePlan {
  /** Nodes that it is to be attached to. */
  readonly attach: readonly string[];
  /** Nodes that must wait, because the volume is on another and can be on one alone. */
  readonly blocked: readonly string[];
  readonly detach: readonly V1VolumeAttachment[];
}

export function planVolume({ volume, users, attachments, required }: VolumeSituation): VolumePlan {
  const { driver = '', volumeHandle = '' } = volume.spec?.csi ?? {};
  const ours = attachments.filter(
    ({ metadata, spec }) => metadata?.name === attachmentName(volumeHandle, driver, spec.nodeName) && !metadata.deletionTimestamp,
  );
  const wanted = new Set(required ? users.map((pod) => pod.spec?.nodeName ?? '') : []);
  const detach = ours.filter(({ spec }) => !wanted.has(spec.nodeName));
  // One that is being deleted is still there; only when it is gone may it be made anew.
  const held = new Set(attachments.map(({ spec }) => spec.nodeName));
  const attach: string[] = [];
  const blocked: string[] = [];
  for (const node of wanted) {
    if (held.has(node)) continue;
    if (held.size + attach.length > 0 && !maySpread(volume)) blocked.push(node);
    else attach.push(node);
  }
  return { attach, blocked, detach };
}

/** Volumes whose access modes are not known are left to their driver. */
function maySpread({ spec }: V1PersistentVolume): boolean {
  const modes = spec?.accessModes ?? [];
  return modes.length === 0 || modes.includes('ReadWriteMany') || modes.includes('ReadOnlyMany');
}

export interface DetachSituation {
  /** Undefined when it is gone. */
  readonly node: V1Node | undefined;
  readonly isInUse: boolean;
  /** For how long nobody has needed the volume there. */
  readonly unwantedMs: number;
  readonly mayForce: boolean;
}

/** `now`, `force` although the node still uses it, or how long to wait: a node that lets go is heard of earlier. */
export function planDetach(situation: DetachSituation): 'now' | 'force' | { readonly waitMs: number } | 'wait' {
  const { node, isInUse, unwantedMs, mayForce } = situation;
  if (!isInUse) return 'now';
  if (node?.spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE)) return 'force';
  const isHealthy = node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  if (!mayForce || isHealthy) return 'wait';
  return unwantedMs >= FORCE_DETACH_MS ? 'force' : { waitMs: FORCE_DETACH_MS - unwantedMs };
}

/** What a pod is told that waits for a volume which others have; names only of its own namespace. */
export function multiAttachMessage(volumeName: string, pod: V1Pod, others: readonly V1Pod[]): string {
  const prefix = `Multi-Attach error for volume "${volumeName}"`;
  if (others.length === 0) return `${prefix} Volume is already exclusively attached to one node and can't be attached to another`;
  const local = others.filter(({ metadata }) => metadata?.namespace === pod.metadata?.namespace).map((o) => o.metadata?.name);
  const foreign = others.length - local.length;
  if (local.length === 0) return `${prefix} Volume is already used by ${foreign} pod(s) in different namespaces`;
  const rest = foreign > 0 ? ` and ${foreign} pod(s) in different namespaces` : '';
  return `${prefix} Volume is already used by pod(s) ${local.join(', ')}${rest}`;
}
