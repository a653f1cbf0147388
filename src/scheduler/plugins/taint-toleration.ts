import { tolerates, untoleratedTaint } from '../../api/core/v1/taint-toleration.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { normaliseReversed, type Plugin } from '../framework/plugin.ts';
import type { PodInfo } from '../pod-info.ts';

const REFUSAL = { reasons: ['node(s) had untolerated taint(s)'], unresolvable: true };
const KEEPS_PODS_AWAY = new Set(['NoSchedule', 'NoExecute']);

/** The fewer PreferNoSchedule taints a pod does not tolerate, the better. */
export const taintToleration: Plugin = {
  name: 'TaintToleration',
  planFilter: ({ pod }) => ({
    filter: ({ node }) => (node.spec?.taints && keptAwayBy(pod, node) ? REFUSAL : undefined),
  }),
  planScore({ pod }, nodes) {
    const isSoft = (node: V1Node) => node.spec?.taints?.some(({ effect }) => effect === 'PreferNoSchedule');
    if (!nodes.some(({ node }) => isSoft(node))) return undefined;
    const tolerations = (pod.pod.spec?.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule');
    return {
      score({ node }) {
        const soft = (node.spec?.taints ?? []).filter(({ effect }) => effect === 'PreferNoSchedule');
        return soft.filter((taint) => !tolerations.some((toleration) => tolerates(toleration, taint))).length;
      },
      normalise: normaliseReversed,
    };
  },
  mayHelp: (event, pod) => event.resource === 'Node' && !keptAwayBy(pod, event.node),
};

const keptAwayBy = ({ pod }: PodInfo, node: V1Node) =>
  untoleratedTaint(node.spec?.taints, pod.spec?.tolerations, KEEPS_PODS_AWAY);
