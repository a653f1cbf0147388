import { matchesNodeSelectorTerm, selectsNode } from '../../api/core/v1/node-selection.ts';
import type { V1Node, V1NodeAffinity, V1Pod } from '../../api/gen/types.ts';
import { normaliseToLargest, type Plugin } from '../framework/plugin.ts';

const REFUSAL = { reasons: ["node(s) didn't match Pod's node affinity/selector"], unresolvable: true };
const CONFLICT = { reasons: ['pod affinity terms conflict'], unresolvable: true };
const ADDED_REFUSAL = { reasons: ["node(s) didn't match scheduler-enforced node affinity"], unresolvable: true };

/** nodeSelector and node affinity: the required part filters, the preferred one scores. `added` holds for every pod of the profile. */
export function createNodeAffinity(added?: V1NodeAffinity): Plugin {
  const addedRequired = added?.requiredDuringSchedulingIgnoredDuringExecution;
  const allowed = (node: V1Node) =>
    !addedRequired || addedRequired.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(term, node));
  return {
    name: 'NodeAffinity',
    planFilter({ pod: { pod } }) {
      if (!addedRequired && !hasNodeSelection(pod)) return undefined;
      const only = namedNodes(pod);
      if (only?.size === 0) return { refusesAll: CONFLICT };
      return {
        only,
        filter({ node }) {
          if (!allowed(node)) return ADDED_REFUSAL;
          return selectsNode(pod, node) ? undefined : REFUSAL;
        },
      };
    },
    planScore({ pod: { pod } }) {
      const terms = [
        ...(pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []),
        ...(added?.preferredDuringSchedulingIgnoredDuringExecution ?? []),
      ];
      if (terms.length === 0) return undefined;
      return {
        score: ({ node }) =>
          terms.reduce((sum, { preference, weight }) => (matchesNodeSelectorTerm(preference, node) ? sum + weight : sum), 0),
        normalise: normaliseToLargest,
      };
    },
    mayHelp: (event, { pod }) => event.resource === 'Node' && allowed(event.node) && selectsNode(pod, event.node),
  };
}

/** Whether a pod says anything that its nodes must have. */
export function hasNodeSelection({ spec }: V1Pod): boolean {
  if (spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution) return true;
  return spec?.nodeSelector !== undefined && Object.keys(spec.nodeSelector).length > 0;
}

/** The nodes of a pod that names them in every term, as pods of a DaemonSet do. */
function namedNodes({ spec }: V1Pod): ReadonlySet<string> | undefined {
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!terms?.length) return undefined;
  const names = new Set<string>();
  for (const { matchFields } of terms) {
    const named = matchFields?.filter(({ key, operator }) => key === 'metadata.name' && operator === 'In');
    if (!named?.length) return undefined;
    const [first, ...rest] = named;
    for (const name of first!.values ?? []) if (rest.every(({ values }) => values?.includes(name))) names.add(name);
  }
  return names;
}
