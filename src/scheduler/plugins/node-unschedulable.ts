import { tolerates } from '../../api/core/v1/taint-toleration.ts';
import type { FilterPlugin } from '../plugin.ts';

const CORDON = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** A cordoned node takes only pods that tolerate being there. */
export const nodeUnschedulable: FilterPlugin = {
  name: 'NodeUnschedulable',
  filter({ pod }, { node }) {
    if (!node.spec?.unschedulable) return [];
    const tolerated = pod.spec?.tolerations?.some((toleration) => tolerates(toleration, CORDON));
    return tolerated ? [] : ['node(s) were unschedulable'];
  },
};
