/** PersistentVolumes (core/validation ValidatePersistentVolume). */
import type { V1PersistentVolume, V1PersistentVolumeSpec } from '../../gen/types.ts';
import {
  checkBasicQuantity,
  checkField,
  checkImmutable,
  checkOneOf,
  checkQuantityPositive,
  sameMeaning,
} from '../../machinery/field-checks.ts';
import { forbiddenField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsSubdomain } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { VOLUME_MODES, validateAccessModes } from './access-modes.ts';
import { validateNodeSelector } from './node-selector-validation.ts';
import { sourcesOf, validatePersistentVolumeSources } from './persistent-volume-sources.ts';

const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];

const specOf = (object: DynamicObject): V1PersistentVolumeSpec => (object as V1PersistentVolume).spec ?? {};

export function validatePersistentVolume(object: DynamicObject): FieldError[] {
  const spec = specOf(object);
  const path = 'spec';
  const { capacity = {}, persistentVolumeReclaimPolicy: policy, storageClassName, volumeMode } = spec;
  const errors = validateAccessModes(spec.accessModes, `${path}.accessModes`);
  const resources = Object.keys(capacity);
  if (!resources.length) errors.push(requiredField(`${path}.capacity`));
  if (!Object.hasOwn(capacity, 'storage') || resources.length > 1)
    errors.push(notSupportedField(`${path}.capacity`, spec.capacity, ['storage']));
  for (const [resource, quantity] of Object.entries(capacity))
    errors.push(
      ...checkBasicQuantity(`${path}.capacity[${resource}]`, quantity),
      ...checkQuantityPositive(`${path}.capacity[${resource}]`, quantity),
    );
  if (policy) errors.push(...checkOneOf(`${path}.persistentVolumeReclaimPolicy`, policy, RECLAIM_POLICIES));
  if (spec.nodeAffinity) {
    const at = `${path}.nodeAffinity.required`;
    if (!spec.nodeAffinity.required) errors.push(requiredField(at, 'must specify required node constraints'));
    else errors.push(...validateNodeSelector(spec.nodeAffinity.required, at));
  }
  errors.push(...validatePersistentVolumeSources(spec, path, { volumeName: object.metadata.name ?? '' }));
  if (policy === 'Recycle' && spec.hostPath && /^\/+$/.test(spec.hostPath.path))
    errors.push(forbiddenField(`${path}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'"));
  if (storageClassName) errors.push(...checkField(`${path}.storageClassName`, storageClassName, checkDnsSubdomain));
  if (volumeMode !== undefined) errors.push(...checkOneOf(`${path}.volumeMode`, volumeMode, VOLUME_MODES));
  return [...errors, ...validateAttributesClass(spec, path)];
}

function validateAttributesClass({ volumeAttributesClassName: name, csi }: V1PersistentVolumeSpec, path: string): FieldError[] {
  if (name === undefined) return [];
  const field = `${path}.volumeAttributesClassName`;
  const errors = name ? checkField(field, name, checkDnsSubdomain) : [requiredField(field, 'an empty string is disallowed')];
  if (!csi) errors.push(requiredField(`${path}.csi`, 'has to be specified when using volumeAttributesClassName'));
  return errors;
}

/** For VolumeAttachments that carry their volume with them. */
export function validateInlineVolume(spec: V1PersistentVolumeSpec, path: string): FieldError[] {
  const inContext = 'in the context of inline volumes';
  const errors: FieldError[] = [];
  const refused = ['claimRef', 'capacity', 'nodeAffinity', 'storageClassName'] as const;
  for (const field of refused)
    if (spec[field]) errors.push(forbiddenField(`${path}.${field}`, `may not be specified ${inContext}`));
  if (!spec.csi) errors.push(requiredField(`${path}.csi`, `has to be specified ${inContext}`));
  errors.push(...validateAccessModes(spec.accessModes, `${path}.accessModes`));
  if (spec.persistentVolumeReclaimPolicy && spec.persistentVolumeReclaimPolicy !== 'Retain')
    errors.push(forbiddenField(`${path}.persistentVolumeReclaimPolicy`, `may only be Retain ${inContext}`));
  if (spec.volumeMode !== undefined && spec.volumeMode !== 'Filesystem')
    errors.push(forbiddenField(`${path}.volumeMode`, `may not specify volumeMode other than Filesystem ${inContext}`));
  return [...errors, ...validatePersistentVolumeSources(spec, path, { volumeName: '' })];
}

/** The storage behind a volume stays, but for the Secret that is needed to let it grow. */
export function validatePersistentVolumeUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [specOf(updated), specOf(existing)];
  const errors: FieldError[] = [];
  const comparable =
    before.csi && after.csi && !before.csi.controllerExpandSecretRef
      ? { ...after, csi: { ...after.csi, controllerExpandSecretRef: undefined } }
      : after;
  if (!sameMeaning(sourcesOf(comparable as V1PersistentVolumeSpec), sourcesOf(before)))
    errors.push(forbiddenField('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'));
  errors.push(...checkImmutable('volumeMode', after.volumeMode, before.volumeMode));
  if (before.nodeAffinity) errors.push(...checkImmutable('nodeAffinity', after.nodeAffinity, before.nodeAffinity));
  if (before.volumeAttributesClassName !== undefined && after.volumeAttributesClassName === undefined)
    errors.push(forbiddenField('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'));
  return errors;
}
