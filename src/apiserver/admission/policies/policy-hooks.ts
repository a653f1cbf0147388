/** Policies with their bindings, ready to be asked (apiserver/pkg/admission/plugin/policy/generic). */
import { namespaceKind } from '../../../api/core/v1/namespace.ts';
import type { V1MatchResources, V1ParamKind, V1ParamRef } from '../../../api/gen/types.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import { type LabelSelectorObject, selectorFromLabelSelector } from '../../../api/machinery/label-selector.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import { notFound, StatusError } from '../../../api/machinery/status-error.ts';
import type { AdmissionAttributes, ObjectReader } from '../../contracts.ts';
import { convertBetween } from '../matching/equivalent-kinds.ts';
import { createRequestMatcher, type MatchDeps, type RequestMatcher } from '../matching/request-matcher.ts';

/** What both kinds of policies have. */
export interface PolicySpec {
  readonly failurePolicy?: string;
  readonly matchConstraints?: V1MatchResources;
  readonly paramKind?: V1ParamKind;
}
export interface BindingSpec {
  readonly policyName?: string;
  readonly matchResources?: V1MatchResources;
  readonly paramRef?: V1ParamRef;
  readonly validationActions?: readonly string[];
}

export interface Binding {
  readonly name: string;
  readonly spec: BindingSpec;
  readonly matches: RequestMatcher;
}
export interface PolicyHook {
  readonly name: string;
  readonly policy: DynamicObject;
  readonly spec: PolicySpec;
  readonly matches: RequestMatcher;
  readonly bindings: readonly Binding[];
}

/** In the order of their names; those that nobody binds are left out. */
export function policyHooks(
  policies: readonly DynamicObject[],
  bindings: readonly DynamicObject[],
  deps: MatchDeps,
): readonly PolicyHook[] {
  const bindingsOf = Map.groupBy(bindings, (binding) => (binding['spec'] as BindingSpec | undefined)?.policyName);
  return policies.flatMap((policy) => {
    const name = policy.metadata.name!;
    const spec = (policy['spec'] ?? {}) as PolicySpec;
    const own = bindingsOf.get(name);
    if (!own) return [];
    const matches = createRequestMatcher(criteria(spec.matchConstraints), deps);
    return [{ name, policy, spec, matches, bindings: own.map((binding) => bindingOf(binding, deps)) }];
  });
}

function criteria(match: V1MatchResources | undefined) {
  return {
    rules: match?.resourceRules ?? [],
    excludeRules: match?.excludeResourceRules ?? [],
    ...(match?.matchPolicy !== undefined && { matchPolicy: match.matchPolicy }),
    ...(match?.namespaceSelector && { namespaceSelector: match.namespaceSelector }),
    ...(match?.objectSelector && { objectSelector: match.objectSelector }),
  };
}

const EVERYTHING = [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }];

/** A binding without rules is about all that its policy is about. */
function bindingOf(binding: DynamicObject, deps: MatchDeps): Binding {
  const spec = (binding['spec'] ?? {}) as BindingSpec;
  const all = criteria(spec.matchResources);
  const matches = createRequestMatcher({ ...all, rules: all.rules.length ? all.rules : EVERYTHING }, deps);
  return { name: binding.metadata.name!, spec, matches };
}

/** Objects of a request in the version in which it matched, and its namespace. */
export interface VersionedRequest {
  readonly object: DynamicObject | undefined;
  readonly oldObject: DynamicObject | undefined;
  readonly namespace: DynamicObject | undefined;
}

/** Throws a 404 when the namespace is not there. */
export async function versionedRequest(
  attributes: AdmissionAttributes,
  kind: KindDefinition,
  reader: ObjectReader,
): Promise<VersionedRequest> {
  const convert = async (object: DynamicObject | undefined) =>
    object ? convertBetween(object, attributes.kind, kind) : undefined;
  const [object, oldObject] = await Promise.all([convert(attributes.object), convert(attributes.oldObject)]);
  return { object, oldObject, namespace: await namespaceOf(attributes, reader) };
}

async function namespaceOf({ namespace, kind }: AdmissionAttributes, reader: ObjectReader): Promise<DynamicObject | undefined> {
  if (namespace === '' || !kind.namespaced) return undefined;
  const found = reader.get(namespaceKind, '', namespace);
  if (found) return found;
  await reader.waitFresh(namespaceKind);
  const fresh = reader.get(namespaceKind, '', namespace);
  if (!fresh) throw notFound(namespaceKind, namespace);
  return fresh;
}

/** What is wrong with how a policy or a binding is put together: what its failure policy is about. */
export class ConfigurationError extends Error {}

/** The kind in whose version the request matches. Throws a ConfigurationError when that cannot be said. */
export function matchOrConfigurationError(matches: RequestMatcher, attributes: AdmissionAttributes): KindDefinition | undefined {
  try {
    return matches(attributes);
  } catch (error) {
    if (error instanceof StatusError) throw new ConfigurationError(error.message);
    throw error;
  }
}

/** The kind of a policy's parameters. Throws a ConfigurationError for one that is not there. */
export function paramKindOf({ paramKind }: PolicySpec, { kinds }: MatchDeps): KindDefinition | undefined {
  if (!paramKind) return undefined;
  const { apiVersion = '', kind = '' } = paramKind;
  const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion];
  const found = kinds.byKind(group, version, kind);
  if (!found)
    throw new ConfigurationError(`failed to find resource referenced by paramKind: '${group}/${version}, Kind=${kind}'`);
  return found;
}

/**
 * The parameters that a binding names; `[undefined]` when policy or binding use none. Throws a ConfigurationError when there are none
 * and the binding denies then, and for references that can never work (policy_dispatcher.go, CollectParams).
 */
export async function collectParams(
  paramKind: KindDefinition | undefined,
  reference: V1ParamRef | undefined,
  namespace: string,
  reader: ObjectReader,
): Promise<readonly (DynamicObject | undefined)[]> {
  if (!paramKind || !reference) return [undefined];
  const place = paramNamespace(paramKind, reference, namespace);
  const found = await findParams(paramKind, reference, place, reader);
  if (!found.length && reference.parameterNotFoundAction === 'Deny')
    throw new ConfigurationError('no params found for policy binding with `Deny` parameterNotFoundAction');
  return found;
}

function paramNamespace(paramKind: KindDefinition, reference: V1ParamRef, namespace: string): string {
  if (!paramKind.namespaced) {
    if (reference.namespace)
      throw new ConfigurationError('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
    return '';
  }
  const place = reference.namespace || namespace;
  if (!place)
    throw new ConfigurationError('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  return place;
}

async function findParams(
  paramKind: KindDefinition,
  { name, selector }: V1ParamRef,
  namespace: string,
  reader: ObjectReader,
): Promise<DynamicObject[]> {
  if (!name) {
    const wanted = selectorFromLabelSelector(selector as LabelSelectorObject | undefined);
    const all = reader.list(paramKind, paramKind.namespaced ? namespace : undefined);
    return all.filter(({ metadata }) => wanted.matches(metadata.labels));
  }
  const known = reader.get(paramKind, namespace, name);
  if (known) return [known];
  // Made a moment ago, perhaps.
  await reader.waitFresh(paramKind);
  const fresh = reader.get(paramKind, namespace, name);
  return fresh ? [fresh] : [];
}

const POLICY_RESOURCES: ReadonlySet<string> = new Set([
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
]);

const REVIEW_GROUPS: ReadonlySet<string> = new Set(['authentication.k8s.io', 'authorization.k8s.io']);

/** Policies are not about policies, so that a wrong one can be removed, nor about reviews, which they may make themselves. */
export function isPolicyRequest({ kind }: AdmissionAttributes): boolean {
  if (kind.storage === 'review' && REVIEW_GROUPS.has(kind.group)) return true;
  return kind.group === 'admissionregistration.k8s.io' && POLICY_RESOURCES.has(kind.resource);
}
