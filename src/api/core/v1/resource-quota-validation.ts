/** What quotas may bound, and whose (core/validation ValidateResourceQuota). */
import type { V1ResourceQuota, V1ResourceQuotaSpec, V1ScopedResourceSelectorRequirement } from '../../gen/types.ts';
import { sameMeaning } from '../../machinery/field-checks.ts';
import { IMMUTABLE, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { type FieldError, MOST_FIELD_ERRORS } from '../../machinery/status-error.ts';
import { shownForm } from './internal-form.ts';
import { checkResourceName, isQuotaResource } from './resource-names.ts';
import { checkResourceAmount } from './resources-validation.ts';

const OF_PODS: ReadonlySet<string> = new Set([
  'pods',
  'cpu',
  'memory',
  'limits.cpu',
  'limits.memory',
  'requests.cpu',
  'requests.memory',
]);
const COUNTED_PODS: ReadonlySet<string> = new Set(['pods']);
const OF_CLAIMS: ReadonlySet<string> = new Set(['persistentvolumeclaims', 'requests.storage']);

/** What each scope can be said of. */
const SCOPES = new Map<string, ReadonlySet<string>>([
  ['Terminating', OF_PODS],
  ['NotTerminating', OF_PODS],
  ['BestEffort', COUNTED_PODS],
  ['NotBestEffort', OF_PODS],
  ['PriorityClass', OF_PODS],
  ['CrossNamespacePodAffinity', OF_PODS],
  ['VolumeAttributesClass', OF_CLAIMS],
]);
const WITHOUT_VALUES = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity'];
const OPPOSITES = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

export function validateResourceQuota(object: DynamicObject, _context: WriteContext, existing?: DynamicObject): FieldError[] {
  const { spec = {} } = object as V1ResourceQuota;
  const errors = checkHard(spec.hard, 'spec.hard');
  checkScopes(spec, errors);
  if (spec.scopeSelector) checkScopeSelector(spec, spec.scopeSelector.matchExpressions ?? [], errors);
  if (!existing) return errors;
  const before = (existing as V1ResourceQuota).spec?.scopes ?? [];
  if (!sameMeaning([...new Set(spec.scopes)].sort(), [...new Set(before)].sort()))
    errors.push(invalidField('spec.scopes', spec.scopes ?? null, IMMUTABLE));
  return errors;
}

export function validateResourceQuotaStatus(object: DynamicObject): FieldError[] {
  const { status } = object as V1ResourceQuota;
  return [...checkHard(status?.hard, 'status.hard'), ...checkHard(status?.used, 'status.used')];
}

function checkHard(amounts: Record<string, string> | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const name in amounts) {
    const field = `${path}[${name}]`;
    checkResourceName(name, field, errors);
    if (!name.includes('/') && !isQuotaResource(name))
      errors.push(invalidField(field, name, 'must be a standard resource for quota'));
    checkResourceAmount(name, amounts[name]!, field, errors);
  }
  return errors;
}

/** The resources a scope has nothing to say about. */
const outside = (scope: string, { hard = {} }: V1ResourceQuotaSpec): string[] => {
  const covered = SCOPES.get(scope);
  return covered ? Object.keys(hard).filter((name) => isQuotaResource(name) && !covered.has(name)) : [];
};

const areOpposite = (scopes: readonly string[], [one, other]: (typeof OPPOSITES)[number]) =>
  scopes.includes(one) && scopes.includes(other);

function checkScopes(spec: V1ResourceQuotaSpec, errors: FieldError[]): void {
  const { scopes } = spec;
  if (!scopes?.length) return;
  const refuse = (detail: string) => errors.push(invalidField('spec.scopes', scopes, detail));
  for (const scope of scopes) {
    if (!SCOPES.has(scope)) refuse('unsupported scope');
    for (const _ of outside(scope, spec)) refuse('unsupported scope applied to resource');
    if (errors.length > MOST_FIELD_ERRORS) return;
  }
  for (const pair of OPPOSITES) if (areOpposite(scopes, pair)) refuse('conflicting scopes');
}

function checkScopeSelector(
  spec: V1ResourceQuotaSpec,
  requirements: readonly V1ScopedResourceSelectorRequirement[],
  errors: FieldError[],
): void {
  const path = 'spec.scopeSelector.matchExpressions';
  for (const requirement of requirements) {
    const { scopeName } = requirement;
    if (!SCOPES.has(scopeName)) errors.push(invalidField(`${path}.scopeName`, scopeName, 'unsupported scope'));
    for (const _ of outside(scopeName, spec))
      errors.push(invalidField(path, shownForm('ScopeSelector', spec.scopeSelector), 'unsupported scope applied to resource'));
    checkOperator(requirement, path, errors);
    if (errors.length > MOST_FIELD_ERRORS) return;
  }
  const scopes = requirements.map(({ scopeName }) => scopeName);
  for (const pair of OPPOSITES)
    if (areOpposite(scopes, pair)) errors.push(invalidField(path, spec.scopes ?? null, 'conflicting scopes'));
}

function checkOperator(requirement: V1ScopedResourceSelectorRequirement, path: string, errors: FieldError[]): void {
  const { scopeName, operator, values = [] } = requirement;
  if (WITHOUT_VALUES.includes(scopeName) && operator !== 'Exists') {
    const detail =
      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    errors.push(invalidField(`${path}.operator`, operator, detail));
  }
  if (operator === 'In' || operator === 'NotIn') {
    if (!values.length) {
      const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      errors.push(requiredField(`${path}.values`, detail));
    }
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length) {
      const detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      errors.push(invalidField(`${path}.values`, values, detail));
    }
  } else errors.push(invalidField(`${path}.operator`, operator, 'not a valid selector operator'));
}
