import { matchesNodeSelectorTerm } from '../../api/core/v1/node-selection.ts';
import { BIND_COMPLETED, classOf, findVolume, hasAnnotation, SELECTED_NODE } from '../../api/core/v1/volume-binding.ts';
import type { V1Node, V1PersistentVolume, V1PersistentVolumeClaim, V1StorageClass } from '../../api/gen/types.ts';
import type { ClusterObjects } from '../framework/cluster-objects.ts';
import type { PodInfo } from '../pod-info.ts';
import type { AssumedVolumes, ClaimChoice } from './assumed-volumes.ts';
import { hasRoomFor } from './storage-capacity.ts';

export interface NamedClaim {
  /** `namespace/name` */
  readonly key: string;
  readonly claim: V1PersistentVolumeClaim;
}

export interface BoundClaim extends NamedClaim {
  readonly volumeName: string;
}

/** A pod's claims by what is to be done for them. */
export interface PodVolumes {
  readonly bound: readonly BoundClaim[];
  /** Not bound, and to be bound once a node is chosen. */
  readonly delayed: readonly NamedClaim[];
}

/** Sorts a pod's claims; the words why it cannot go anywhere when one of them is not as it must be. */
export function readPodVolumes(
  pod: PodInfo,
  objects: ClusterObjects,
  assumed: AssumedVolumes,
): PodVolumes | { readonly problem: string } {
  const bound: BoundClaim[] = [];
  const delayed: NamedClaim[] = [];
  let immediate = false;
  for (const key of pod.claims) {
    const claim = objects.claim(key);
    const name = key.slice(key.indexOf('/') + 1);
    if (!claim) return { problem: missing(pod, name) };
    if (claim.metadata?.deletionTimestamp) return { problem: `persistentvolumeclaim "${name}" is being deleted` };
    if (claim.status?.phase === 'Lost')
      return {
        problem: `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`,
      };
    const choice = assumed.choiceFor(key);
    if (claim.spec?.volumeName && hasAnnotation(claim, BIND_COMPLETED))
      bound.push({ key, claim, volumeName: claim.spec.volumeName });
    else if (choice && 'volumeName' in choice) bound.push({ key, claim, volumeName: choice.volumeName });
    else if (!claim.spec?.volumeName && waitsForPod(claim, objects)) delayed.push({ key, claim });
    else immediate = true;
  }
  return immediate ? { problem: 'pod has unbound immediate PersistentVolumeClaims' } : { bound, delayed };
}

function missing({ pod }: PodInfo, name: string): string {
  const isEphemeral = pod.spec?.volumes?.some((volume) => volume.ephemeral && `${pod.metadata?.name}-${volume.name}` === name);
  return isEphemeral
    ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
    : `persistentvolumeclaim "${name}" not found`;
}

const waitsForPod = (claim: V1PersistentVolumeClaim, objects: ClusterObjects) =>
  objects.storageClass(classOf(claim))?.volumeBindingMode === 'WaitForFirstConsumer';

/** Whether pods on a node can use a volume. */
export function reaches({ spec }: V1PersistentVolume, node: V1Node): boolean {
  const required = spec?.nodeAffinity?.required;
  return !required || required.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(term, node));
}

const NOT_PROVISIONED = 'kubernetes.io/no-provisioner';

/** Claim → what is chosen for it on a node, or what one of them does not find there. */
export type NodeChoices = { readonly choices: ReadonlyMap<string, ClaimChoice> } | { readonly lacks: 'volume' | 'space' };

/** What a node has for claims that wait for their pod (volumebinding, FindPodVolumes). */
export function chooseFor(
  delayed: readonly NamedClaim[],
  node: V1Node,
  { objects, assumed }: { objects: ClusterObjects; assumed: AssumedVolumes },
): NodeChoices {
  const choices = new Map<string, ClaimChoice>();
  const taken = new Set<string>();
  const nodeName = node.metadata!.name!;
  const volumes = delayed.length ? objects.volumes().filter((volume) => reaches(volume, node)) : [];
  for (const { key, claim } of delayed) {
    const choice = assumed.choiceFor(key);
    const selected = choice && 'nodeName' in choice ? choice.nodeName : claim.metadata?.annotations?.[SELECTED_NODE];
    if (selected !== undefined && selected !== nodeName) return { lacks: 'volume' };
    const isFree = ({ metadata }: V1PersistentVolume) => !taken.has(metadata!.name!) && !assumed.isTaken(metadata!.name!);
    const volume = selected === undefined ? findVolume(claim, volumes.filter(isFree)) : undefined;
    if (volume) {
      taken.add(volume.metadata!.name!);
      choices.set(key, { volumeName: volume.metadata!.name! });
      continue;
    }
    const storageClass = objects.storageClass(classOf(claim));
    if (!storageClass || !canProvision(storageClass, node)) return { lacks: 'volume' };
    if (!hasRoomFor(claim, storageClass, node, objects)) return { lacks: 'space' };
    choices.set(key, { nodeName });
  }
  return { choices };
}

function canProvision({ provisioner, allowedTopologies }: V1StorageClass, node: V1Node): boolean {
  if (!provisioner || provisioner === NOT_PROVISIONED) return false;
  if (!allowedTopologies?.length) return true;
  const labels = node.metadata?.labels ?? {};
  return allowedTopologies.some(({ matchLabelExpressions }) =>
    (matchLabelExpressions ?? []).every(({ key, values }) => Object.hasOwn(labels, key) && values.includes(labels[key]!)),
  );
}
