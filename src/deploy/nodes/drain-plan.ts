import type { V1Pod } from '../../api/gen/types.ts';
import type { OutlineChange } from '../plan/outline.ts';

/** What may be lost when a node is drained: as kubectl drain's flags. */
export interface DrainChoices {
  /** Pods that nobody makes again go for good. */
  readonly force: boolean;
  /** So does what pods keep in an emptyDir. */
  readonly deleteEmptyDirData: boolean;
}

export interface DrainedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface DrainPlan {
  readonly evicted: readonly DrainedPod[];
  /** With why they stay. */
  readonly left: readonly { readonly pod: DrainedPod; readonly why: string }[];
  /** Why it may not be drained so, in kubectl's words. */
  readonly problems: readonly string[];
}

const MIRROR = 'kubernetes.io/config.mirror';

/** Which of a node's pods have to go, which stay with it, and which nobody said may be lost (kubectl/pkg/drain/filters.go). */
export function planDrain(pods: readonly V1Pod[], { force, deleteEmptyDirData }: DrainChoices): DrainPlan {
  const evicted: DrainedPod[] = [];
  const left: { pod: DrainedPod; why: string }[] = [];
  const unmanaged: string[] = [];
  const withData: string[] = [];
  for (const { metadata, spec, status } of pods) {
    const pod = { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
    const named = `${pod.namespace}/${pod.name}`;
    const isFinished = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    const controller = metadata?.ownerReferences?.find((owner) => owner.controller);
    if (metadata?.annotations?.[MIRROR] !== undefined) {
      left.push({ pod, why: 'it is of a file of its host' });
      continue;
    }
    if (controller?.kind === 'DaemonSet' && !isFinished) {
      left.push({ pod, why: 'its DaemonSet would make it again' });
      continue;
    }
    if (!controller && !isFinished && !force) unmanaged.push(named);
    if (!isFinished && !deleteEmptyDirData && spec?.volumes?.some(({ emptyDir }) => emptyDir)) withData.push(named);
    evicted.push(pod);
  }
  const problems = [
    ...(unmanaged.length > 0
      ? [
          `cannot delete Pods not managed by ReplicationController, ReplicaSet, Job, DaemonSet or StatefulSet (use --force to override): ${unmanaged.join(', ')}`,
        ]
      : []),
    ...(withData.length > 0
      ? [`cannot delete Pods with local storage (use --delete-emptydir-data to override): ${withData.join(', ')}`]
      : []),
  ];
  return { evicted, left, problems };
}

/** How draining shows. */
export const drainChanges = ({ evicted, left }: DrainPlan): OutlineChange[] => [
  ...evicted.map(({ namespace, name }) => ({ action: 'remove' as const, title: `pod ${namespace}/${name}`, lines: [] })),
  ...left.map(({ pod, why }) => ({ action: 'leave' as const, title: `pod ${pod.namespace}/${pod.name}: ${why}`, lines: [] })),
];
