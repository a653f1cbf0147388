import type { V1LabelSelector, V1Namespace, V1Pod, V1PodAffinityTerm } from '../api/gen/types.ts';
import { type LabelSelectorObject, type Selector, selectorFromLabelSelector } from '../api/machinery/label-selector.ts';

/** A term of pod affinity or anti-affinity, read once: of which pods it speaks, and what it takes for the same place. */
export interface AffinityTerm {
  readonly topologyKey: string;
  readonly selector: Selector;
  /** Namespaces by name. */
  readonly namespaces: ReadonlySet<string>;
  /** Namespaces by their labels, besides. */
  readonly namespaceSelector: Selector | undefined;
  /** Equal for terms that mean the same. */
  readonly key: string;
}

export interface WeightedTerm extends AffinityTerm {
  readonly weight: number;
}

/** Labels of a namespace; undefined when it is not known. */
export type NamespaceLabels = (name: string) => V1Namespace['metadata'] | undefined;

/** Reads a term of a pod: without namespaces and selector of them, the pod's own is meant. */
export function affinityTermOf(pod: V1Pod, term: V1PodAffinityTerm): AffinityTerm {
  // matchLabelKeys are in the selector already: the API server puts them there.
  const selector = selectorFromLabelSelector(term.labelSelector && asSelector(term.labelSelector));
  const named = term.namespaces ?? [];
  const namespaces = new Set(named.length || term.namespaceSelector ? named : [pod.metadata?.namespace ?? '']);
  const namespaceSelector = term.namespaceSelector ? selectorFromLabelSelector(asSelector(term.namespaceSelector)) : undefined;
  const key = [
    term.topologyKey,
    [...namespaces].sort().join(','),
    namespaceSelector ? `s:${namespaceSelector.toString()}` : '-',
    selector.requirements.length || selector.empty ? selector.toString() : 'nothing',
  ].join('|');
  return { topologyKey: term.topologyKey, selector, namespaces, namespaceSelector, key };
}

const asSelector = (selector: V1LabelSelector) => selector as LabelSelectorObject;

/** Whether the term speaks of a pod. */
export function speaksOf(term: AffinityTerm, pod: V1Pod, namespaceLabels: NamespaceLabels): boolean {
  const { namespace = '', labels } = pod.metadata ?? {};
  if (!term.namespaces.has(namespace) && !term.namespaceSelector?.matches(labelsOf(namespace, namespaceLabels))) return false;
  return term.selector.matches(labels);
}

/** Every namespace bears its name as a label. */
function labelsOf(namespace: string, namespaceLabels: NamespaceLabels): Record<string, string> {
  return { 'kubernetes.io/metadata.name': namespace, ...namespaceLabels(namespace)?.labels };
}
