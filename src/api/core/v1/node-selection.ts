import type { V1Node, V1NodeSelectorRequirement, V1NodeSelectorTerm, V1Pod } from '../../gen/types.ts';

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
      const [has, bound] = [wholeNumber(value), values.length === 1 ? wholeNumber(values[0]) : undefined];
      if (has === undefined || bound === undefined) return false;
      return requirement.operator === 'Gt' ? has > bound : has < bound;
    }
    default:
      return false;
  }
}

/** As Go reads 64 bits: a sign may stand before it; undefined for what is no such number. */
function wholeNumber(text: string | undefined): bigint | undefined {
  const [, sign, digits] = /^([+-]?)0*(\d{1,19})$/.exec(text ?? '') ?? [];
  if (digits === undefined) return undefined;
  const value = sign === '-' ? -BigInt(digits) : BigInt(digits);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

function labelOf({ metadata }: V1Node, key: string): string | undefined {
  const labels = metadata?.labels;
  return labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/** A term without requirements matches nothing. */
export function matchesNodeSelectorTerm(term: V1NodeSelectorTerm, node: V1Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return (
    expressions.every((requirement) => holds(requirement, labelOf(node, requirement.key))) &&
    fields.every((requirement) => requirement.key === 'metadata.name' && holds(requirement, node.metadata?.name))
  );
}

/** Whether a node has what the pod's nodeSelector and the required part of its node affinity want. */
export function selectsNode({ spec }: V1Pod, node: V1Node): boolean {
  const labels = node.metadata?.labels ?? {};
  if (!Object.entries(spec?.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(term, node));
}
