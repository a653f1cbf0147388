import { matchesNodeSelectorTerm, selectsNode } from '../../api/core/v1/node-selection.ts';
import type { FilterPlugin, ScorePlugin } from '../plugin.ts';

/** nodeSelector and the required part of node affinity. */
export const nodeAffinityFilter: FilterPlugin = {
  name: 'NodeAffinity',
  filter: ({ pod }, { node }) => (selectsNode(pod, node) ? [] : ["node(s) didn't match Pod's node affinity/selector"]),
};

/** The preferred part, as a share of all its weights. */
export const nodeAffinityScore: ScorePlugin = {
  name: 'NodeAffinity',
  weight: 2,
  score({ pod }, { node }) {
    const terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const total = terms.reduce((sum, term) => sum + term.weight, 0);
    if (total === 0) return 0;
    const met = terms
      .filter((term) => matchesNodeSelectorTerm(term.preference, node))
      .reduce((sum, term) => sum + term.weight, 0);
    return Math.round((100 * met) / total);
  },
};
