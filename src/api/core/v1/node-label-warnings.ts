/** Labels of nodes that have got other names, and constraints that select nothing (pkg/api/node, pkg/api/pod/warnings.go). */
import { addAll } from '../../../std/add-all.ts';
import type { V1LabelSelector, V1NodeSelectorTerm, V1PodSpec } from '../../gen/types.ts';
import { checkLabelValue } from '../../machinery/names.ts';

const OUTLIVED: ReadonlyMap<string, string> = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ['failure-domain.beta.kubernetes.io/region', 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ['failure-domain.beta.kubernetes.io/zone', 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ['beta.kubernetes.io/instance-type', 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
]);

/** What to say of a node's label, if it has got another name. */
export const outlivedLabel = (key: string): string | undefined => OUTLIVED.get(key);

/** Of the labels that a selector of nodes names. */
export function nodeSelectorWarnings(selector: V1LabelSelector | undefined, path: string): string[] {
  const ofLabels = Object.keys(selector?.matchLabels ?? {}).flatMap((key) => {
    const outlived = OUTLIVED.get(key);
    return outlived === undefined ? [] : [`${path}.matchLabels.${key}: ${outlived}`];
  });
  return [...expressionWarnings(selector?.matchExpressions ?? [], path), ...ofLabels];
}

const expressionWarnings = (expressions: readonly { readonly key: string }[], path: string): string[] =>
  expressions.flatMap(({ key }, i) => {
    const outlived = OUTLIVED.get(key);
    return outlived === undefined ? [] : [`${path}.matchExpressions[${i}].key: ${key} is ${outlived}`];
  });

/** Also for the nodes that volumes are for. `checkValues`: values that no label can have are told of. */
export function nodeTermWarnings(term: V1NodeSelectorTerm, path: string, checkValues: boolean): string[] {
  const expressions = term.matchExpressions ?? [];
  if (!checkValues) return expressionWarnings(expressions, path);
  return expressions.flatMap((expression, i) => {
    const at = `${path}.matchExpressions[${i}]`;
    const outlived = OUTLIVED.get(expression.key);
    return [
      ...(outlived === undefined ? [] : [`${at}.key: ${expression.key} is ${outlived}`]),
      ...(expression.values ?? []).flatMap((value, v) =>
        checkLabelValue(value).map((complaint) => `${at}.values[${v}]: ${value} is invalid, ${complaint}`),
      ),
    ];
  });
}

/** `path`: the spec's. */
export function nodeLabelWarnings({ nodeSelector, affinity, topologySpreadConstraints }: V1PodSpec, path: string): string[] {
  const warnings: string[] = [];
  for (const key of Object.keys(nodeSelector ?? {})) {
    const outlived = OUTLIVED.get(key);
    if (outlived !== undefined) warnings.push(`${path}.nodeSelector[${key}]: ${outlived}`);
  }
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
  const at = `${path}.affinity.nodeAffinity`;
  required?.nodeSelectorTerms.forEach((term, i) => {
    const place = `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`;
    addAll(warnings, nodeTermWarnings(term, place, false));
  });
  preferred?.forEach(({ preference }, i) => {
    const place = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`;
    addAll(warnings, nodeTermWarnings(preference, place, true));
  });
  topologySpreadConstraints?.forEach(({ topologyKey, labelSelector }, i) => {
    const place = `${path}.topologySpreadConstraints[${i}]`;
    const outlived = OUTLIVED.get(topologyKey);
    if (outlived !== undefined) warnings.push(`${place}.topologyKey: ${topologyKey} is ${outlived}`);
    if (!labelSelector) warnings.push(`${place}.labelSelector: a null labelSelector results in matching no pod`);
  });
  return warnings;
}
