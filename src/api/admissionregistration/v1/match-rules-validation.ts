/** Rules and selectors that say which requests are meant (pkg/apis/admissionregistration/validation). */
import type { V1MatchResources, V1NamedRuleWithOperations } from '../../gen/types.ts';
import { checkEach, checkField, checkOneOf } from '../../machinery/field-checks.ts';
import { duplicateField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { LabelSelectorObject } from '../../machinery/label-selector.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import { checkPathSegment } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const MUTABLE_OPERATIONS = OPERATIONS.filter((operation) => operation !== 'DELETE');
const SCOPES = ['*', 'Cluster', 'Namespaced'];
export const MATCH_POLICIES = ['Equivalent', 'Exact'];
export const FAILURE_POLICIES = ['Fail', 'Ignore'];

/** A list in which `*` stands alone. */
function aloneOrNamed(field: string, values: readonly string[] | undefined, what: string): FieldError[] {
  if (!values?.length) return [requiredField(field)];
  return values.length > 1 && values.includes('*')
    ? [invalidField(field, values, `if '*' is present, must not specify other ${what}`)]
    : [];
}

function validateResources(field: string, resources: readonly string[] = []): FieldError[] {
  if (!resources.length) return [requiredField(field)];
  const [wholeResources, wholeSubresources] = [new Set<string>(), new Set<string>()];
  let plain = false;
  const errors = checkEach(resources, field, (text, at) => {
    if (text === '') return [requiredField(at)];
    const slash = text.indexOf('/');
    if (slash < 0) {
      plain = text !== '*';
      return [];
    }
    const [resource, sub] = [text.slice(0, slash), text.slice(slash + 1)];
    const refuse = (present: string) => invalidField(at, text, `if '${present}' is present, must not specify ${text}`);
    const wrong: FieldError[] = [];
    if (wholeResources.has(resource)) wrong.push(refuse(`${resource}/*`));
    if (wholeSubresources.has(sub)) wrong.push(refuse(`*/${sub}`));
    if (sub === '*') wholeResources.add(resource);
    if (resource === '*') wholeSubresources.add(sub);
    return wrong;
  });
  if (resources.length > 1 && resources.includes('*/*'))
    errors.push(invalidField(field, resources, "if '*/*' is present, must not specify other resources"));
  if (resources.includes('*') && plain)
    errors.push(invalidField(field, resources, "if '*' is present, must not specify other resources without subresources"));
  return errors;
}

export function validateRule(rule: V1NamedRuleWithOperations, path: string): FieldError[] {
  const { operations, apiGroups, apiVersions, resources, scope } = rule;
  return [
    ...aloneOrNamed(`${path}.operations`, operations, 'operations'),
    ...checkEach(operations, `${path}.operations`, (operation, at) =>
      OPERATIONS.includes(operation) ? [] : [notSupportedField(at, operation, OPERATIONS)],
    ),
    ...aloneOrNamed(`${path}.apiGroups`, apiGroups, 'API groups'),
    ...aloneOrNamed(`${path}.apiVersions`, apiVersions, 'API versions'),
    ...checkEach(apiVersions, `${path}.apiVersions`, (version, at) => (version === '' ? [requiredField(at)] : [])),
    ...validateResources(`${path}.resources`, resources),
    ...(scope === undefined ? [] : checkOneOf(`${path}.scope`, scope, SCOPES)),
  ];
}

function validateNamedRule(rule: V1NamedRuleWithOperations, path: string): FieldError[] {
  const seen = new Set<string>();
  const names = checkEach(rule.resourceNames, `${path}.resourceNames`, (name, at) => {
    const errors = checkField(at, name, checkPathSegment);
    if (seen.has(name)) errors.push(duplicateField(at, name));
    seen.add(name);
    return errors;
  });
  return [...names, ...validateRule(rule, path)];
}

/** `matchConstraints` of a policy, `matchResources` of a binding. */
export function validateMatchResources(match: V1MatchResources | undefined, path: string): FieldError[] {
  if (!match) return [];
  const selector = (name: 'namespaceSelector' | 'objectSelector') =>
    match[name]
      ? validateLabelSelector(match[name] as LabelSelectorObject, `${path}.${name}`)
      : [requiredField(`${path}.${name}`)];
  return [
    ...(match.matchPolicy === undefined
      ? [requiredField(`${path}.matchPolicy`)]
      : checkOneOf(`${path}.matchPolicy`, match.matchPolicy, MATCH_POLICIES)),
    ...selector('namespaceSelector'),
    ...selector('objectSelector'),
    ...checkEach(match.resourceRules, `${path}.resourceRules`, validateNamedRule),
    ...checkEach(match.excludeResourceRules, `${path}.excludeResourceRules`, validateNamedRule),
  ];
}

/** What is deleted cannot be changed. Complaints name all rules' operations together, as upstream's. */
export function validateMutableOperations(match: V1MatchResources | undefined, path: string): FieldError[] {
  const operations = (match?.resourceRules ?? []).flatMap((rule) => rule.operations ?? []);
  return operations.flatMap((operation) => checkOneOf(`${path}.resourceRules.operations`, operation, MUTABLE_OPERATIONS));
}

/** Defaults of both, in place. */
export function setMatchDefaults(match: V1MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
}
