import type { V1Node, V1NodeSelectorRequirement, V1NodeSelectorTerm } from '../../api/gen/types.ts';
import type { FilterPlugin, ScorePlugin } from '../plugin.ts';

/** Whether one requirement holds for a label's value (component-helpers/scheduling/corev1/nodeaffinity). */
function holds(requirement: V1NodeSelectorRequirement, value: string | undefined): boolean {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      if (value === undefined || !/^-?\d+$/.test(value) || values.length !== 1 || !/^-?\d+$/.test(values[0]!)) return false;
      return requirement.operator === 'Gt' ? BigInt(value) > BigInt(values[0]!) : BigInt(value) < BigInt(values[0]!);
    }
    default:
      return false;
  }
}

/** A term without requirements matches nothing. */
export function matchesTerm(term: V1NodeSelectorTerm, node: V1Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return (
    expressions.every((requirement) => holds(requirement, node.metadata?.labels?.[requirement.key])) &&
    fields.every((requirement) => requirement.key === 'metadata.name' && holds(requirement, node.metadata?.name))
  );
}

/** nodeSelector and the required part of node affinity. */
export const nodeAffinityFilter: FilterPlugin = {
  name: 'NodeAffinity',
  filter({ pod }, { node }) {
    const labels = node.metadata?.labels ?? {};
    const selected = Object.entries(pod.spec?.nodeSelector ?? {}).every(([key, value]) => labels[key] === value);
    const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    const fits = selected && (!required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node)));
    return fits ? [] : ["node(s) didn't match Pod's node affinity/selector"];
  },
};

/** The preferred part, as a share of all its weights. */
export const nodeAffinityScore: ScorePlugin = {
  name: 'NodeAffinity',
  weight: 2,
  score({ pod }, { node }) {
    const terms = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const total = terms.reduce((sum, term) => sum + term.weight, 0);
    if (total === 0) return 0;
    const met = terms.filter((term) => matchesTerm(term.preference, node)).reduce((sum, term) => sum + term.weight, 0);
    return Math.round((100 * met) / total);
  },
};
