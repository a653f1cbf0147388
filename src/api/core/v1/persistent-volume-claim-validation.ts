/** PersistentVolumeClaims, and templates of them (core/validation ValidatePersistentVolumeClaim). */
import type {
  V1PersistentVolumeClaim,
  V1PersistentVolumeClaimSpec,
  V1TypedLocalObjectReference,
  V1TypedObjectReference,
} from '../../gen/types.ts';
import {
  checkBasicQuantity,
  checkField,
  checkImmutable,
  checkOneOf,
  checkQuantityPositive,
  sameMeaning,
} from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import { checkDnsLabel, checkDnsSubdomain, checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { compareQuantities, parseQuantity } from '../../machinery/quantity.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { VOLUME_MODES, validateAccessModes } from './access-modes.ts';
import { describeDifference } from './spec-difference.ts';

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const RESIZE_STATUSES = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
].sort();

const claimOf = (object: DynamicObject) => object as V1PersistentVolumeClaim;

export function validatePersistentVolumeClaim(
  object: DynamicObject,
  _context: WriteContext,
  existing?: DynamicObject,
): FieldError[] {
  const before = existing && claimOf(existing).spec;
  return validatePersistentVolumeClaimSpec(claimOf(object).spec ?? {}, 'spec', {
    lenient: validateLabelSelector(before?.selector, '').length > 0,
    anyGroup: before?.dataSource?.apiGroup !== undefined || before?.dataSourceRef?.apiGroup !== undefined,
  });
}

/** `lenient` and `anyGroup` leave alone what was stored before it was checked. */
export function validatePersistentVolumeClaimSpec(
  spec: V1PersistentVolumeClaimSpec,
  path: string,
  { lenient = false, anyGroup = false }: { readonly lenient?: boolean; readonly anyGroup?: boolean } = {},
): FieldError[] {
  const { resources, storageClassName, volumeMode, dataSource, dataSourceRef, volumeAttributesClassName } = spec;
  const errors = validateAccessModes(spec.accessModes, `${path}.accessModes`, 'at least 1 access mode is required');
  addErrors(errors, validateLabelSelector(spec.selector, `${path}.selector`, { lenient }));
  const storage = resources?.requests?.['storage'];
  if (storage === undefined) errors.push(requiredField(`${path}.resources[storage]`));
  else addErrors(errors, checkQuantityPositive(`${path}.resources[storage]`, storage));
  if (storageClassName) addErrors(errors, checkField(`${path}.storageClassName`, storageClassName, checkDnsSubdomain));
  if (volumeMode !== undefined) addErrors(errors, checkOneOf(`${path}.volumeMode`, volumeMode, VOLUME_MODES));
  if (dataSource) addErrors(errors, validateSource(dataSource, `${path}.dataSource`, anyGroup));
  if (dataSourceRef) addErrors(errors, validateSource(dataSourceRef, `${path}.dataSourceRef`, anyGroup));
  if (dataSource && dataSourceRef?.namespace)
    errors.push(invalidField(path, PATH_VALUE, 'may not be specified when dataSourceRef.namespace is specified'));
  else if (dataSource && dataSourceRef && !isSameSource(dataSource, dataSourceRef))
    errors.push(invalidField(path, PATH_VALUE, 'must match dataSourceRef'));
  if (volumeAttributesClassName)
    addErrors(errors, checkField(`${path}.volumeAttributesClassName`, volumeAttributesClassName, checkDnsSubdomain));
  return errors;
}

/** Upstream shows the path of the field here, which has no form in JSON. */
const PATH_VALUE = {};

const isSameSource = (a: V1TypedLocalObjectReference, b: V1TypedObjectReference) =>
  a.apiGroup === b.apiGroup && a.kind === b.kind && a.name === b.name;

function validateSource(
  { name, kind, apiGroup, namespace }: V1TypedObjectReference,
  path: string,
  anyGroup: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(requiredField(`${path}.name`));
  if (!kind) errors.push(requiredField(`${path}.kind`));
  if (!apiGroup && kind !== 'PersistentVolumeClaim')
    errors.push(invalidField(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  if (apiGroup && !anyGroup) addErrors(errors, checkField(`${path}.apiGroup`, apiGroup, checkDnsSubdomain));
  if (namespace) addErrors(errors, checkField(`${path}.namespace`, namespace, checkDnsLabel));
  return errors;
}

/** A claim stays as it is, but for its volume's name (once), and for its size and attributes when it is bound. */
export function validatePersistentVolumeClaimUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [claimOf(updated), claimOf(existing)];
  const [now, then] = [{ ...after.spec }, { ...before.spec }];
  const errors: FieldError[] = [];
  if (!then.volumeName) then.volumeName = now.volumeName;
  const [classNow, classThen] = [after, before].map(({ metadata }) => metadata?.annotations?.[CLASS_ANNOTATION]);
  if (isClassFromAnnotation(classNow, classThen, now.storageClassName, then.storageClassName)) delete now.storageClassName;
  else {
    if ((classNow ?? '') !== (classThen ?? ''))
      errors.push(invalidField(`metadata.annotations.${CLASS_ANNOTATION}`, classNow ?? '', 'field is immutable'));
    const wasUnset = then.storageClassName === undefined && now.storageClassName !== undefined;
    if (wasUnset && (classThen === undefined || classThen === now.storageClassName)) delete now.storageClassName;
  }
  if (after.status?.phase === 'Bound') {
    if (now.resources?.requests && then.resources?.requests?.['storage'] !== undefined)
      now.resources = { ...now.resources, requests: { ...now.resources.requests, storage: then.resources.requests['storage'] } };
    now.volumeAttributesClassName = then.volumeAttributesClassName;
  }
  if (!sameMeaning(now, then))
    errors.push(
      forbiddenField(
        'spec',
        `spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n${describeDifference('PersistentVolumeClaimSpec', then, now)}`,
      ),
    );
  addErrors(errors, validateSizeChange(after, before));
  addErrors(errors, checkImmutable('volumeMode', after.spec?.volumeMode, before.spec?.volumeMode));
  const attributes = after.spec?.volumeAttributesClassName;
  // A class that a volume has cannot be taken from it; one that could not be given can be.
  if (
    before.status?.currentVolumeAttributesClassName !== undefined &&
    !attributes &&
    before.spec?.volumeAttributesClassName !== attributes
  )
    errors.push(
      forbiddenField(
        'spec.volumeAttributesClassName',
        `update to ${attributes === undefined ? 'nil' : 'empty string'} is forbidden when status.currentVolumeAttributesClassName is not nil`,
      ),
    );
  return errors;
}

/** The class moves from the annotation, where it was first, into the field. */
function isClassFromAnnotation(now?: string, then?: string, classNow?: string, classThen?: string): boolean {
  return then !== undefined && classThen === undefined && classNow === then && (now === undefined || now === then);
}

/** What was asked for may shrink again while it has not been given, so that a failed growth can be taken back. */
function validateSizeChange(after: V1PersistentVolumeClaim, before: V1PersistentVolumeClaim): FieldError[] {
  const size = (text: string | undefined) => parseQuantity(text ?? '0');
  const now = size(after.spec?.resources?.requests?.['storage']);
  if (compareQuantities(now, size(before.spec?.resources?.requests?.['storage'])) >= 0) return [];
  return compareQuantities(now, size(before.status?.capacity?.['storage'])) <= 0
    ? [forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity')]
    : [];
}

export function validatePersistentVolumeClaimStatus(updated: DynamicObject): FieldError[] {
  const { spec, status = {} } = claimOf(updated);
  const errors: FieldError[] = [];
  if (!spec?.accessModes?.length) errors.push(requiredField('Spec.accessModes'));
  for (const [resource, quantity] of Object.entries(status.capacity ?? {}))
    addErrors(errors, checkBasicQuantity(`status.capacity[${resource}]`, quantity));
  for (const [resource, state] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    addErrors(errors, checkResource(resource, 'status.allocatedResourceStatuses'));
    if (!RESIZE_STATUSES.includes(state))
      errors.push(notSupportedField('status.allocatedResourceStatuses', resource, RESIZE_STATUSES));
  }
  for (const [resource, quantity] of Object.entries(status.allocatedResources ?? {}))
    addErrors(
      errors,
      firstOf(
        checkResource(resource, 'status.allocatedResources'),
        checkBasicQuantity(`status.allocatedResources[${resource}]`, quantity),
      ),
    );
  return errors;
}

const firstOf = (first: FieldError[], second: FieldError[]): FieldError[] => (first.length ? first : second);

/** Resources of Kubernetes' own, with a domain in front or without, are no others than storage. */
function checkResource(resource: string, path: string): FieldError[] {
  const isNative = !resource.includes('/') || resource.includes('kubernetes.io/');
  const unknown = isNative && resource !== 'storage' ? [notSupportedField(path, resource, ['storage'])] : [];
  return firstOf(checkField(path, resource, checkQualifiedName), unknown);
}
