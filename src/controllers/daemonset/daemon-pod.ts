import { daemonSetKind } from '../../api/apps/v1/daemon-set.ts';
import { TEMPLATE_GENERATION } from '../../api/apps/v1/template-generation.ts';
import { selectsNode } from '../../api/core/v1/node-selection.ts';
import { untoleratedTaint } from '../../api/core/v1/taint-toleration.ts';
import type { V1DaemonSet, V1Node, V1Pod, V1Toleration } from '../../api/gen/types.ts';
import { podFromTemplate } from '../workloads/pod-control.ts';
import { REVISION_LABEL } from '../workloads/revisions.ts';

/** Daemons stay on nodes that others have to leave (https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations). */
function tolerationsOf(hostNetwork: boolean): V1Toleration[] {
  const exists = (key: string, effect: string): V1Toleration => ({
    key: `node.kubernetes.io/${key}`,
    operator: 'Exists',
    effect,
  });
  return [
    exists('not-ready', 'NoExecute'),
    exists('unreachable', 'NoExecute'),
    exists('disk-pressure', 'NoSchedule'),
    exists('memory-pressure', 'NoSchedule'),
    exists('pid-pressure', 'NoSchedule'),
    exists('unschedulable', 'NoSchedule'),
    ...(hostNetwork ? [exists('network-unavailable', 'NoSchedule')] : []),
  ];
}

/** The set's pod for a node; the scheduler is told by affinity that it can be on no other. */
export function daemonPod(set: V1DaemonSet, nodeName: string, revisionHash: string): V1Pod {
  const pod = podFromTemplate(daemonSetKind, set, set.spec?.template);
  const generation = set.metadata?.annotations?.[TEMPLATE_GENERATION];
  const spec = pod.spec!;
  const own = spec.tolerations ?? [];
  const added = tolerationsOf(spec.hostNetwork ?? false).filter(
    (one) => !own.some(({ key, effect, operator }) => key === one.key && effect === one.effect && operator === one.operator),
  );
  const { nodeAffinity, ...affinity } = spec.affinity ?? {};
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: {
        ...pod.metadata?.labels,
        [REVISION_LABEL]: revisionHash,
        ...(generation !== undefined && { 'pod-template-generation': generation }),
      },
    },
    spec: {
      ...spec,
      tolerations: [...own, ...added],
      affinity: {
        ...affinity,
        nodeAffinity: {
          ...nodeAffinity,
          // In place of what the template requires: the set has chosen the node by that already.
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [nodeName] }] }],
          },
        },
      },
    },
  } as V1Pod;
}

/** The node that a daemon is on, or is to be on. */
export function nodeOf({ spec }: V1Pod): string | undefined {
  if (spec?.nodeName) return spec.nodeName;
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const { matchFields = [] } of terms)
    for (const { key, operator, values } of matchFields)
      if (key === 'metadata.name' && operator === 'In' && values?.length === 1) return values[0];
  return undefined;
}

const KEEPS_OUT: ReadonlySet<string> = new Set(['NoSchedule', 'NoExecute']);
const DRIVES_OUT: ReadonlySet<string> = new Set(['NoExecute']);

/** Whether a node is to have the set's pod, and whether it may keep one that it has: a taint may only keep new ones out. */
export interface Fit {
  readonly shouldRun: boolean;
  readonly mayStay: boolean;
}

export function fitOf(set: V1DaemonSet, node: V1Node): Fit {
  const template = { ...set.spec?.template, spec: set.spec?.template?.spec } as V1Pod;
  const wanted = template.spec?.nodeName;
  if ((wanted && wanted !== node.metadata?.name) || !selectsNode(template, node)) return { shouldRun: false, mayStay: false };
  const tolerations = [...(template.spec?.tolerations ?? []), ...tolerationsOf(template.spec?.hostNetwork ?? false)];
  const taints = node.spec?.taints;
  return {
    shouldRun: !untoleratedTaint(taints, tolerations, KEEPS_OUT),
    mayStay: !untoleratedTaint(taints, tolerations, DRIVES_OUT),
  };
}
