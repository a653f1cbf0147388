import { checkUnchanged } from '../../core/v1/check-unchanged.ts';
import { validateInlineVolume } from '../../core/v1/persistent-volume-validation.ts';
import type { V1VolumeAttachment, V1VolumeAttachmentSource, V1VolumeError } from '../../gen/types.ts';
import { checkDriverName } from '../../machinery/domain-names.ts';
import { checkField } from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, invalidField, requiredField, tooLongField } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { checkDnsSubdomain } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const LARGEST_METADATA_BYTES = 256 * 1024;
const LONGEST_MESSAGE = 1024;
const LARGEST_CODE = 2 ** 31 - 1;

const attachmentOf = (object: DynamicObject) => object as unknown as V1VolumeAttachment;

export function validateVolumeAttachment(object: DynamicObject, _context: WriteContext, existing?: DynamicObject): FieldError[] {
  const { attacher, nodeName, source } = attachmentOf(object).spec;
  const errors: FieldError[] = attacher ? [] : [requiredField('spec.attacher')];
  addErrors(errors, [...validateSource(source, 'spec.source'), ...checkField('spec.nodeName', nodeName, checkDnsSubdomain)]);
  addErrors(errors, validateVolumeAttachmentStatus(object));
  if (existing) return errors;
  addErrors(errors, checkDriverName('spec.attacher', attacher));
  const { persistentVolumeName } = source;
  if (persistentVolumeName !== undefined)
    addErrors(errors, checkField('spec.source.persistentVolumeName', persistentVolumeName, checkDnsSubdomain));
  return errors;
}

function validateSource({ inlineVolumeSpec, persistentVolumeName }: V1VolumeAttachmentSource, path: string): FieldError[] {
  const one = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (!inlineVolumeSpec && persistentVolumeName === undefined) return [requiredField(path, one)];
  if (inlineVolumeSpec && persistentVolumeName !== undefined) return [forbiddenField(path, one)];
  if (inlineVolumeSpec) return validateInlineVolume(inlineVolumeSpec, `${path}.inlineVolumeSpec`);
  return persistentVolumeName
    ? []
    : [requiredField(`${path}.persistentVolumeName`, 'must specify non empty persistentVolumeName')];
}

export function validateVolumeAttachmentStatus(object: DynamicObject): FieldError[] {
  const { attachmentMetadata = {}, attachError, detachError } = attachmentOf(object).status ?? {};
  const bytes = Object.entries(attachmentMetadata).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  return [
    ...(bytes > LARGEST_METADATA_BYTES ? [tooLongField('status.attachmentMetadata', LARGEST_METADATA_BYTES)] : []),
    ...validateError(attachError, 'status.attachError'),
    ...validateError(detachError, 'status.detachError'),
  ];
}

function validateError(error: V1VolumeError | undefined, path: string): FieldError[] {
  if (!error) return [];
  const { message = '', errorCode } = error;
  return [
    // The limit that is told is another one's, upstream too.
    ...(Buffer.byteLength(message) > LONGEST_MESSAGE ? [tooLongField(`${path}.message`, LARGEST_METADATA_BYTES)] : []),
    ...(errorCode !== undefined && errorCode < 0
      ? [invalidField(`${path}.errorCode`, errorCode, `must be between 0 and ${LARGEST_CODE}, inclusive`)]
      : []),
  ];
}

export function validateVolumeAttachmentUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [attachmentOf(updated).spec, attachmentOf(existing).spec];
  return checkUnchanged('spec', 'VolumeAttachmentSpec', after, before);
}
