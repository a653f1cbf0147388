import { tolerates } from '../../api/core/v1/taint-toleration.ts';
import type { V1Node } from '../../api/gen/types.ts';
import type { Plugin } from '../framework/plugin.ts';
import type { PodInfo } from '../pod-info.ts';

const CORDON = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
const REFUSAL = { reasons: ['node(s) were unschedulable'], unresolvable: true };

/** A cordoned node takes only pods that tolerate being there. */
export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  planFilter: ({ pod }) => ({ filter: ({ node }) => (isClosed(pod, node) ? REFUSAL : undefined) }),
  mayHelp: (event, pod) => event.resource === 'Node' && !isClosed(pod, event.node),
};

function isClosed({ pod }: PodInfo, node: V1Node): boolean {
  if (!node.spec?.unschedulable) return false;
  return !pod.spec?.tolerations?.some((toleration) => tolerates(toleration, CORDON));
}
