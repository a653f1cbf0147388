/** What is wrong with questions about access (pkg/apis/authorization/validation). */
import type {
  V1FieldSelectorAttributes,
  V1LabelSelectorAttributes,
  V1NonResourceAttributes,
  V1SubjectAccessReviewSpec,
} from '../../api/gen/types.ts';
import { checkEach, checkField } from '../../api/machinery/field-checks.ts';
import { invalidField, requiredField } from '../../api/machinery/field-error.ts';
import { checkOperator } from '../../api/machinery/label-selector-validation.ts';
import { checkLabelValue, checkQualifiedName } from '../../api/machinery/names.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';

export const specOf = (body: DynamicObject) => (body['spec'] ?? {}) as V1SubjectAccessReviewSpec;

/** Upstream shows its internal form. */
const shown = ({ path = '', verb = '' }: V1NonResourceAttributes) => ({ Path: path, Verb: verb });

const NO_OTHER = 'cannot be specified in combination with resourceAttributes';
const ONE = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
const SOMEBODY = 'at least one of user or group must be specified';

function validateSpec(body: DynamicObject, { asksForOther }: { readonly asksForOther: boolean }): FieldError[] {
  const { resourceAttributes, nonResourceAttributes, user = '', groups } = specOf(body);
  const errors: FieldError[] = [];
  if (resourceAttributes && nonResourceAttributes)
    errors.push(invalidField('spec.nonResourceAttributes', shown(nonResourceAttributes), NO_OTHER));
  if (!resourceAttributes && !nonResourceAttributes) errors.push(invalidField('spec.resourceAttributes', null, ONE));
  if (asksForOther && !user && !groups?.length) errors.push(invalidField('spec.user', user, SOMEBODY));
  const path = 'spec.resourceAttributes';
  return [
    ...errors,
    ...validateFieldSelector(resourceAttributes?.fieldSelector, `${path}.fieldSelector`),
    ...validateLabelSelector(resourceAttributes?.labelSelector, `${path}.labelSelector`),
  ];
}

/** A selector is a text or a list of requirements. */
function checkForm(
  { rawSelector, requirements }: { readonly rawSelector?: string; readonly requirements?: readonly unknown[] },
  path: string,
): FieldError[] {
  if (rawSelector && requirements?.length)
    return [invalidField(`${path}.rawSelector`, rawSelector, 'may not specified at the same time as requirements')];
  if (rawSelector || requirements?.length) return [];
  return [requiredField(`${path}.requirements`, `when ${path} is specified, requirements or rawSelector is required`)];
}

/** Newer clients may have operators that are not known here. */
const ANY = { anyOperator: true };

function validateFieldSelector(selector: V1FieldSelectorAttributes | undefined, path: string): FieldError[] {
  if (!selector) return [];
  return [
    ...checkForm(selector, path),
    ...checkEach(selector.requirements, `${path}.requirements`, (requirement, at) => [
      ...(requirement.key ? [] : [requiredField(`${at}.key`, 'must be specified')]),
      ...checkOperator(requirement, at, ANY),
    ]),
  ];
}

function validateLabelSelector(selector: V1LabelSelectorAttributes | undefined, path: string): FieldError[] {
  if (!selector) return [];
  return [
    ...checkForm(selector, path),
    ...checkEach(selector.requirements, `${path}.requirements`, (requirement, at) => [
      ...checkOperator(requirement, at, ANY),
      ...checkField(`${at}.key`, requirement.key, checkQualifiedName),
      ...checkEach(requirement.values, `${at}.values`, (value, place) => checkField(place, value, checkLabelValue)),
    ]),
  ];
}

/** A question is nothing that is kept: it has no name and no labels. */
function checkNoMetadata({ metadata }: DynamicObject, detail: string): FieldError[] {
  const { namespace: _, managedFields: __, ...rest } = metadata ?? {};
  const isEmpty = (value: unknown) => value === undefined || value === null || value === '' || isEmptyContainer(value);
  return Object.values(rest).every(isEmpty) ? [] : [invalidField('metadata', metadata, detail)];
}

const isEmptyContainer = (value: unknown) => typeof value === 'object' && value !== null && !Object.keys(value).length;

export const validateSubjectReview = (body: DynamicObject): FieldError[] => [
  ...validateSpec(body, { asksForOther: true }),
  ...checkNoMetadata(body, 'must be empty'),
];

export const validateSelfReview = (body: DynamicObject): FieldError[] => [
  ...validateSpec(body, { asksForOther: false }),
  ...checkNoMetadata(body, 'must be empty'),
];

export function validateLocalReview(body: DynamicObject, namespace: string): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = specOf(body);
  const errors = [...validateSpec(body, { asksForOther: true }), ...checkNoMetadata(body, 'must be empty except for namespace')];
  const asked = resourceAttributes?.namespace ?? '';
  if (resourceAttributes && asked !== namespace)
    errors.push(invalidField('spec.resourceAttributes.namespace', asked, 'must match metadata.namespace'));
  if (nonResourceAttributes)
    errors.push(invalidField('spec.nonResourceAttributes', shown(nonResourceAttributes), 'disallowed on this kind of request'));
  return errors;
}
