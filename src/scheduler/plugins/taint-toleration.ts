import { tolerates, untoleratedTaint } from '../../api/core/v1/taint-toleration.ts';
import type { FilterPlugin, ScorePlugin } from '../plugin.ts';

const KEEPS_PODS_AWAY = new Set(['NoSchedule', 'NoExecute']);

export const taintTolerationFilter: FilterPlugin = {
  name: 'TaintToleration',
  filter({ pod }, { node }) {
    const taint = untoleratedTaint(node.spec?.taints, pod.spec?.tolerations, KEEPS_PODS_AWAY);
    return taint ? [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`] : [];
  },
};

/** The fewer PreferNoSchedule taints a pod does not tolerate, the better. */
export const taintTolerationScore: ScorePlugin = {
  name: 'TaintToleration',
  weight: 3,
  score({ pod }, { node }) {
    const soft = (node.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule');
    const disliked = soft.filter((taint) => !pod.spec?.tolerations?.some((toleration) => tolerates(toleration, taint)));
    return Math.max(0, 100 - 25 * disliked.length);
  },
};
