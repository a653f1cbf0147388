/** FlowSchemas (pkg/apis/flowcontrol/validation). */
import { shownForm } from '../../core/v1/internal-form.ts';
import type {
  FlowcontrolV1Subject,
  V1FlowSchema,
  V1FlowSchemaSpec,
  V1NonResourcePolicyRule,
  V1PolicyRulesWithSubjects,
  V1ResourcePolicyRule,
} from '../../gen/types.ts';
import { checkEach, checkField, checkRequired, sameMeaning } from '../../machinery/field-checks.ts';
import {
  addErrors,
  duplicateField,
  forbiddenField,
  invalidField,
  notSupportedField,
  requiredField,
} from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { mandatoryFlowSchemas } from './mandatory.ts';

const METHODS = ['ByNamespace', 'ByUser'];
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
const SUBJECT_KINDS = ['Group', 'ServiceAccount', 'User'];
const LARGEST_PRECEDENCE = 10_000;

export function validateFlowSchema(object: DynamicObject): FieldError[] {
  const { metadata, spec, status } = object as V1FlowSchema;
  const name = metadata?.name ?? '';
  const errors = spec ? validateSpec(spec, name) : [];
  const fixed = Object.hasOwn(mandatoryFlowSchemas, name) ? mandatoryFlowSchemas[name] : undefined;
  if (fixed && !sameMeaning(spec, fixed))
    errors.push(invalidField('spec', shownForm('FlowSchemaSpec', spec), `spec of '${name}' must equal the fixed value`));
  return [...errors, ...validateConditionTypes(status?.conditions ?? [])];
}

/** Conditions of FlowSchemas and of priority levels. */
export function validateConditionTypes(conditions: readonly { readonly type?: string }[]): FieldError[] {
  const seen = new Set<string>();
  return checkEach(conditions, 'status.conditions', ({ type = '' }, path) => {
    const errors = seen.has(type) ? [duplicateField(`${path}.type`, type)] : [];
    seen.add(type);
    return type ? errors : [...errors, requiredField(`${path}.type`, 'must not be empty')];
  });
}

function validateSpec(spec: V1FlowSchemaSpec, name: string): FieldError[] {
  const { matchingPrecedence: precedence = 0, distinguisherMethod, priorityLevelConfiguration, rules } = spec;
  const errors: FieldError[] = [];
  const complain = (detail: string) => errors.push(invalidField('spec.matchingPrecedence', precedence, detail));
  if (precedence <= 0) complain('must be a positive value');
  if (precedence > LARGEST_PRECEDENCE) complain(`must not be greater than ${LARGEST_PRECEDENCE}`);
  if (precedence === 1 && name !== 'exempt') complain("only the schema named 'exempt' may have matchingPrecedence 1");
  if (distinguisherMethod && !METHODS.includes(distinguisherMethod.type))
    errors.push(
      notSupportedField('spec.distinguisherMethod.type', shownForm('FlowDistinguisherMethod', distinguisherMethod), METHODS),
    );
  const level = priorityLevelConfiguration.name;
  const field = 'spec.priorityLevelConfiguration.name';
  if (level) addErrors(errors, checkField(field, level, checkDnsSubdomain));
  else errors.push(requiredField(field, 'must reference a priority level'));
  return [...errors, ...checkEach(rules, 'spec.rules', validateRule)];
}

function validateRule({ subjects, resourceRules, nonResourceRules }: V1PolicyRulesWithSubjects, path: string): FieldError[] {
  const errors = subjects.length
    ? checkEach(subjects, `${path}.subjects`, validateSubject)
    : [requiredField(`${path}.subjects`, 'subjects must contain at least one value')];
  if (!resourceRules?.length && !nonResourceRules?.length)
    errors.push(requiredField(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  return [
    ...errors,
    ...checkEach(resourceRules, `${path}.resourceRules`, validateResourceRule),
    ...checkEach(nonResourceRules, `${path}.nonResourceRules`, validateNonResourceRule),
  ];
}

const SUBJECT_FIELDS = [
  ['serviceAccount', 'ServiceAccount'],
  ['user', 'User'],
  ['group', 'Group'],
] as const;

function validateSubject(subject: FlowcontrolV1Subject, path: string): FieldError[] {
  const own = SUBJECT_FIELDS.find(([, kind]) => kind === subject.kind);
  if (!own) return [notSupportedField(`${path}.kind`, subject.kind, SUBJECT_KINDS)];
  const errors: FieldError[] = [];
  for (const [field, kind] of [own, ...SUBJECT_FIELDS.filter((each) => each !== own)]) {
    const value = subject[field];
    const at = `${path}.${field}`;
    if (field === own[0]) {
      if (!value) errors.push(requiredField(at, `${field} is required when subject kind is '${kind}'`));
      else if (field === 'serviceAccount') addErrors(errors, validateServiceAccount(subject.serviceAccount!, at));
      else if (!value.name) errors.push(requiredField(`${at}.name`));
    } else if (value) errors.push(forbiddenField(at, `${field} is forbidden when subject kind is not '${kind}'`));
  }
  return errors;
}

function validateServiceAccount({ name, namespace }: { name: string; namespace: string }, path: string): FieldError[] {
  const errors = name === '*' ? [] : checkRequired(`${path}.name`, name, checkDnsSubdomain);
  if (!namespace) return [...errors, requiredField(`${path}.namespace`, 'must specify namespace for service account')];
  return [...errors, ...checkField(`${path}.namespace`, namespace, checkDnsLabel)];
}

/** At least one; everything stands alone. */
function validateList(list: readonly string[], field: string, needed: string, what: string): FieldError[] {
  if (!list.length) return [requiredField(field, needed)];
  return list.includes('*') && list.length > 1
    ? [invalidField(field, list, `if '*' is present, must not specify other ${what}`)]
    : [];
}

function validateVerbs(verbs: readonly string[], field: string): FieldError[] {
  const errors = validateList(verbs, field, 'verbs must contain at least one value', 'verbs');
  if (!verbs.includes('*') && verbs.some((verb) => !VERBS.includes(verb))) errors.push(notSupportedField(field, verbs, VERBS));
  return errors;
}

function validateResourceRule(rule: V1ResourcePolicyRule, path: string): FieldError[] {
  const { verbs, apiGroups, resources, namespaces = [], clusterScope } = rule;
  const groups = 'resource rules must supply at least one api group';
  const errors = [
    ...validateVerbs(verbs, `${path}.verbs`),
    ...validateList(apiGroups, `${path}.apiGroups`, groups, 'api groups'),
    ...validateList(resources, `${path}.resources`, 'resource rules must supply at least one resource', 'resources'),
  ];
  if (!namespaces.length) {
    if (!clusterScope)
      errors.push(
        requiredField(`${path}.namespaces`, 'resource rules that are not cluster scoped must supply at least one namespace'),
      );
  } else if (namespaces.includes('*')) addErrors(errors, validateList(namespaces, `${path}.namespaces`, '', 'namespaces'));
  else
    addErrors(
      errors,
      checkEach(namespaces, `${path}.namespaces`, (namespace, at) =>
        checkDnsLabel(namespace).map((complaint) =>
          invalidField(at, namespace, `each member of this list must be '*' or a DNS-1123 label; ${complaint}`),
        ),
      ),
    );
  return errors;
}

function validateNonResourceRule({ verbs, nonResourceURLs }: V1NonResourcePolicyRule, path: string): FieldError[] {
  const field = `${path}.nonResourceURLs`;
  const errors = [
    ...validateVerbs(verbs, `${path}.verbs`),
    ...validateList(nonResourceURLs, field, 'nonResourceURLs must contain at least one value', 'non-resource URLs'),
  ];
  return nonResourceURLs.includes('*') ? errors : [...errors, ...checkEach(nonResourceURLs, field, validatePath)];
}

function validatePath(path: string, field: string): FieldError[] {
  const complain = (detail: string) => [invalidField(field, path, detail)];
  if (!path) return complain('must not be empty');
  if (path === '/') return [];
  if (!path.startsWith('/')) return complain('must start with slash');
  if (path.includes(' ')) return complain('must not contain white-space');
  if (path.includes('//')) return complain('must not contain double slash');
  const wildcards = path.split('*').length - 1;
  return wildcards > 1 || (wildcards === 1 && !path.endsWith('/*')) ? complain('wildcard can only do suffix matching') : [];
}
