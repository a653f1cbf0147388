/** PersistentVolumes (core/validation ValidatePersistentVolume). */
import { posix } from 'node:path';
import type {
  V1NodeSelectorRequirement,
  V1PersistentVolume,
  V1PersistentVolumeSpec,
  V1VolumeNodeAffinity,
} from '../../gen/types.ts';
import {
  checkBasicQuantity,
  checkField,
  checkImmutable,
  checkOneOf,
  checkQuantityPositive,
  sameMeaning,
} from '../../machinery/field-checks.ts';
import {
  addErrors,
  forbiddenField,
  IMMUTABLE,
  invalidField,
  notSupportedField,
  requiredField,
} from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { checkDnsSubdomain, checkLabelValue } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { VOLUME_MODES, validateAccessModes } from './access-modes.ts';
import { shownForm, shownInOrder } from './internal-form.ts';
import { validateNodeSelector } from './node-selector-validation.ts';
import { sourcesOf, validatePersistentVolumeSources } from './persistent-volume-sources.ts';
import { describeDifference } from './spec-difference.ts';

const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain'];

const specOf = (object: DynamicObject): V1PersistentVolumeSpec => (object as V1PersistentVolume).spec ?? {};

export function validatePersistentVolume(object: DynamicObject, _context?: WriteContext, existing?: DynamicObject): FieldError[] {
  const spec = specOf(object);
  const path = 'spec';
  const { capacity = {}, persistentVolumeReclaimPolicy: policy, storageClassName, volumeMode } = spec;
  const errors = validateAccessModes(spec.accessModes, `${path}.accessModes`);
  const resources = Object.keys(capacity);
  if (!resources.length) errors.push(requiredField(`${path}.capacity`));
  if (!Object.hasOwn(capacity, 'storage') || resources.length > 1)
    errors.push(notSupportedField(`${path}.capacity`, shownInOrder(spec.capacity), ['storage']));
  for (const [resource, quantity] of Object.entries(capacity))
    addErrors(errors, [
      ...checkBasicQuantity(`${path}.capacity[${resource}]`, quantity),
      ...checkQuantityPositive(`${path}.capacity[${resource}]`, quantity),
    ]);
  if (policy) addErrors(errors, checkOneOf(`${path}.persistentVolumeReclaimPolicy`, policy, RECLAIM_POLICIES));
  if (spec.nodeAffinity) {
    const at = `${path}.nodeAffinity.required`;
    if (!spec.nodeAffinity.required) errors.push(requiredField(at, 'must specify required node constraints'));
    else addErrors(errors, validateNodeSelector(spec.nodeAffinity.required, at, { anyValue: hasOddValue(existing) }));
  }
  addErrors(errors, validatePersistentVolumeSources(spec, path, { volumeName: object.metadata.name ?? '' }));
  // However it is written: what recycles a volume empties its directory.
  if (policy === 'Recycle' && spec.hostPath && posix.normalize(spec.hostPath.path) === '/')
    errors.push(forbiddenField(`${path}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'"));
  if (storageClassName) addErrors(errors, checkField(`${path}.storageClassName`, storageClassName, checkDnsSubdomain));
  if (volumeMode !== undefined) addErrors(errors, checkOneOf(`${path}.volumeMode`, volumeMode, VOLUME_MODES));
  return [...errors, ...validateAttributesClass(spec, path)];
}

/** Whether the stored volume's nodes are chosen by values that no label can have, which was not looked at once. */
const hasOddValue = (existing: DynamicObject | undefined) =>
  ((existing && specOf(existing).nodeAffinity?.required?.nodeSelectorTerms) ?? []).some(({ matchExpressions }) =>
    matchExpressions?.some(({ values }) => values?.some((value) => checkLabelValue(value).length > 0)),
  );

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
  addErrors(errors, validateAccessModes(spec.accessModes, `${path}.accessModes`));
  if (spec.persistentVolumeReclaimPolicy && spec.persistentVolumeReclaimPolicy !== 'Retain')
    errors.push(forbiddenField(`${path}.persistentVolumeReclaimPolicy`, `may only be Retain ${inContext}`));
  if (spec.volumeMode !== undefined && spec.volumeMode !== 'Filesystem')
    errors.push(forbiddenField(`${path}.volumeMode`, `may not specify volumeMode other than Filesystem ${inContext}`));
  return [...errors, ...validatePersistentVolumeSources(spec, path, { volumeName: '' })];
}

/** Labels of nodes with the names that they have today, by those that they had. */
const LATER_KEYS = new Map([
  ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
  ['beta.kubernetes.io/os', 'kubernetes.io/os'],
  ['beta.kubernetes.io/arch', 'kubernetes.io/arch'],
  ['beta.kubernetes.io/instance-type', 'node.kubernetes.io/instance-type'],
]);

/** The affinity with the later names of labels where `after` has them at the same place. */
function withLaterKeys(before: V1VolumeNodeAffinity, after: V1VolumeNodeAffinity | undefined): V1VolumeNodeAffinity {
  if (!before.required) return before;
  const renamed = (requirements: readonly V1NodeSelectorRequirement[] | undefined, then?: readonly V1NodeSelectorRequirement[]) =>
    requirements?.map((requirement, i) => {
      const key = then?.[i]?.key;
      return key !== undefined && LATER_KEYS.get(requirement.key) === key ? { ...requirement, key } : requirement;
    });
  const nodeSelectorTerms = before.required.nodeSelectorTerms.map((term, i) => {
    const then = after?.required?.nodeSelectorTerms[i];
    const matchExpressions = renamed(term.matchExpressions, then?.matchExpressions);
    return { ...term, ...(matchExpressions && { matchExpressions }) };
  });
  return { required: { nodeSelectorTerms } };
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
    errors.push(
      forbiddenField(
        'spec.persistentvolumesource',
        `spec.persistentvolumesource is immutable after creation\n${describeDifference('PersistentVolumeSource', sourcesOf(before), sourcesOf(comparable as V1PersistentVolumeSpec))}`,
      ),
    );
  addErrors(errors, checkImmutable('volumeMode', after.volumeMode, before.volumeMode));
  if (before.nodeAffinity && !sameMeaning(withLaterKeys(before.nodeAffinity, after.nodeAffinity), after.nodeAffinity))
    errors.push(
      invalidField(
        'nodeAffinity',
        shownForm('VolumeNodeAffinity', after.nodeAffinity),
        `${IMMUTABLE}, except for updating from beta label to GA`,
      ),
    );
  if (before.volumeAttributesClassName !== undefined && after.volumeAttributesClassName === undefined)
    errors.push(forbiddenField('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'));
  return errors;
}
