/** Whether a webhook, a policy or a binding is about a request (apiserver/pkg/admission/plugin/policy/matching). */
import { namespaceKind } from '../../../api/core/v1/namespace.ts';
import type { V1NamedRuleWithOperations } from '../../../api/gen/types.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import {
  type LabelSelectorObject,
  type Labels,
  type Selector,
  selectorFromLabelSelector,
} from '../../../api/machinery/label-selector.ts';
import { notFound } from '../../../api/machinery/status-error.ts';
import type { AdmissionAttributes, ObjectReader } from '../../contracts.ts';
import type { KindRegistry } from '../../kinds/kind-registry.ts';
import { equivalentKinds } from './equivalent-kinds.ts';
import { ruleMatches } from './rule-matching.ts';

/** What is to be matched, as objects have it. */
export interface MatchCriteria {
  readonly rules: readonly V1NamedRuleWithOperations[];
  readonly excludeRules?: readonly V1NamedRuleWithOperations[];
  readonly matchPolicy?: string;
  readonly namespaceSelector?: object;
  readonly objectSelector?: object;
}

export interface MatchDeps {
  readonly reader: ObjectReader;
  readonly kinds: KindRegistry;
}

/** Resolves to the kind in whose version the request matches; undefined when it does not. */
export type RequestMatcher = (attributes: AdmissionAttributes) => KindDefinition | undefined;

const selectorOf = (object: object | undefined): Selector | undefined => {
  const selector = object === undefined ? undefined : selectorFromLabelSelector(object as LabelSelectorObject);
  return selector?.empty ? undefined : selector;
};

/** Prepares the selectors. The matcher throws a 404 for a namespace that is not there. */
export function createRequestMatcher(criteria: MatchCriteria, { reader, kinds }: MatchDeps): RequestMatcher {
  const namespaces = selectorOf(criteria.namespaceSelector);
  const objects = selectorOf(criteria.objectSelector);
  return (attributes) => {
    const kind = matchingKind(criteria, attributes, kinds);
    if (!kind) return undefined;
    if (objects && !matchesObject(objects, attributes)) return undefined;
    return namespaces && !matchesNamespace(namespaces, attributes, reader) ? undefined : kind;
  };
}

/** The request's own kind when a rule names it, else an equivalent one that a rule names, of the first rule that does. */
function matchingKind(criteria: MatchCriteria, attributes: AdmissionAttributes, kinds: KindRegistry): KindDefinition | undefined {
  const find = (rules: readonly V1NamedRuleWithOperations[]) => {
    const { kind } = attributes;
    if (rules.some((rule) => ruleMatches(rule, attributes, kind))) return kind;
    if (criteria.matchPolicy === 'Exact' || !rules.length) return undefined;
    const equivalent = equivalentKinds(kinds, kind);
    for (const rule of rules) {
      const found = equivalent.find((other) => ruleMatches(rule, attributes, other));
      if (found) return found;
    }
    return undefined;
  };
  if (find(criteria.excludeRules ?? [])) return undefined;
  return find(criteria.rules);
}

const isNamespace = ({ group, resource }: KindDefinition) => group === '' && resource === 'namespaces';

function matchesNamespace(selector: Selector, attributes: AdmissionAttributes, reader: ObjectReader): boolean {
  const { kind, operation, object, subresource } = attributes;
  if (isNamespace(kind) && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE'))
    return selector.matches(object?.metadata.labels);
  const name = isNamespace(kind) ? attributes.name : attributes.namespace;
  if (name === '') return true;
  return selector.matches(labelsOfNamespace(reader, name));
}

function labelsOfNamespace(reader: ObjectReader, name: string): Labels {
  const namespace = reader.get(namespaceKind, '', name);
  if (!namespace) throw notFound(namespaceKind, name);
  return namespace.metadata.labels;
}

/** Either of what is and what was is enough, so that nothing escapes by changing its labels. */
function matchesObject(selector: Selector, { object, oldObject }: AdmissionAttributes): boolean {
  return [object, oldObject].some((one) => one?.metadata !== undefined && selector.matches(one.metadata.labels));
}
