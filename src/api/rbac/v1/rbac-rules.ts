/** Defaults and checks of roles and bindings (pkg/apis/rbac/v1 and /validation). */
import { shownForm } from '../../core/v1/internal-form.ts';
import type { RbacV1Subject, V1ClusterRole, V1PolicyRule, V1RoleBinding } from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import { addErrors, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { LabelSelectorObject } from '../../machinery/label-selector.ts';
import { selectorFromLabelSelector } from '../../machinery/label-selector.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import { checkDnsSubdomain, checkPathSegment } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const RBAC_GROUP = 'rbac.authorization.k8s.io';

const bindingOf = (object: DynamicObject) => object as unknown as V1RoleBinding;

/** Groups follow from the kinds that are referred to; subjects that are service accounts have none. */
export function setBindingDefaults(object: DynamicObject): void {
  const { roleRef, subjects } = bindingOf(object);
  if (!roleRef.apiGroup) roleRef.apiGroup = RBAC_GROUP;
  for (const subject of subjects ?? [])
    if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = RBAC_GROUP;
}

export const validateRole = (object: DynamicObject): FieldError[] => validateRules((object as V1ClusterRole).rules ?? [], true);

export function validateClusterRole(object: DynamicObject, _context?: unknown, existing?: DynamicObject): FieldError[] {
  const { rules, aggregationRule } = object as V1ClusterRole;
  const errors = validateRules(rules ?? [], false);
  if (!aggregationRule) return errors;
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  const stored = (existing as V1ClusterRole | undefined)?.aggregationRule?.clusterRoleSelectors ?? [];
  const keepsLabelValues = stored.some((selector) => validateLabelSelector(selector, '').length > 0);
  if (!selectors.length)
    errors.push(
      requiredField(
        'aggregationRule.clusterRoleSelectors',
        'at least one clusterRoleSelector required if aggregationRule is non-nil',
      ),
    );
  selectors.forEach((selector, i) => {
    const path = `aggregationRule.clusterRoleSelectors[${i}]`;
    addErrors(errors, validateLabelSelector(selector, path, { lenient: keepsLabelValues }));
    if (!isSelector(selector)) errors.push(invalidField(path, null, 'invalid label selector.'));
  });
  return errors;
}

function isSelector(selector: LabelSelectorObject): boolean {
  try {
    selectorFromLabelSelector(selector);
    return true;
  } catch {
    return false;
  }
}

function validateRules(rules: readonly V1PolicyRule[], namespaced: boolean): FieldError[] {
  return rules.flatMap((rule, i) => {
    const path = `rules[${i}]`;
    const errors: FieldError[] = [];
    if (!rule.verbs.length) errors.push(requiredField(`${path}.verbs`, 'verbs must contain at least one value'));
    if (rule.nonResourceURLs?.length) {
      if (namespaced)
        errors.push(
          invalidField(`${path}.nonResourceURLs`, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'),
        );
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length)
        errors.push(
          invalidField(
            `${path}.nonResourceURLs`,
            rule.nonResourceURLs,
            'rules cannot apply to both regular resources and non-resource URLs',
          ),
        );
      return errors;
    }
    if (!rule.apiGroups?.length)
      errors.push(requiredField(`${path}.apiGroups`, 'resource rules must supply at least one api group'));
    if (!rule.resources?.length)
      errors.push(requiredField(`${path}.resources`, 'resource rules must supply at least one resource'));
    return errors;
  });
}

export const validateRoleBinding = (object: DynamicObject): FieldError[] => validateBinding(bindingOf(object), true);
export const validateClusterRoleBinding = (object: DynamicObject): FieldError[] => validateBinding(bindingOf(object), false);

function validateBinding({ roleRef, subjects }: V1RoleBinding, namespaced: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (roleRef.apiGroup !== RBAC_GROUP) errors.push(notSupportedField('roleRef.apiGroup', roleRef.apiGroup ?? '', [RBAC_GROUP]));
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(roleRef.kind)) errors.push(notSupportedField('roleRef.kind', roleRef.kind, kinds));
  if (!roleRef.name) errors.push(requiredField('roleRef.name'));
  else for (const complaint of checkPathSegment(roleRef.name)) errors.push(invalidField('roleRef.name', roleRef.name, complaint));
  (subjects ?? []).forEach((subject, i) => {
    addErrors(errors, validateSubject(subject, namespaced, `subjects[${i}]`));
  });
  return errors;
}

function validateSubject({ kind, name, namespace, apiGroup }: RbacV1Subject, namespaced: boolean, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(requiredField(`${path}.name`));
  switch (kind) {
    case 'ServiceAccount':
      if (name) for (const complaint of checkDnsSubdomain(name)) errors.push(invalidField(`${path}.name`, name, complaint));
      if (apiGroup) errors.push(notSupportedField(`${path}.apiGroup`, apiGroup, ['']));
      // In a RoleBinding, the binding's own namespace is meant.
      if (!namespaced && !namespace) errors.push(requiredField(`${path}.namespace`));
      break;
    case 'User':
    case 'Group':
      if (apiGroup !== RBAC_GROUP) errors.push(notSupportedField(`${path}.apiGroup`, apiGroup ?? '', [RBAC_GROUP]));
      break;
    default:
      errors.push(notSupportedField(`${path}.kind`, kind, ['ServiceAccount', 'User', 'Group']));
  }
  return errors;
}

/** What a binding gives is decided when it is made; for another role, another binding is made. */
export function validateBindingUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const { roleRef } = bindingOf(updated);
  if (equalJson(roleRef, bindingOf(existing).roleRef)) return [];
  return [invalidField('roleRef', shownForm('RoleRef', roleRef), 'cannot change roleRef')];
}
