import { invalidField, tooLongField } from '../../api/machinery/field-error.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { checkDnsSubdomain, checkLabelValue, checkQualifiedName, NAME_RULES } from '../../api/machinery/names.ts';
import type { ObjectMeta } from '../../api/machinery/object.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';

/** Upstream's limit for all annotations together. */
const ANNOTATIONS_LIMIT_BYTES = 256 * 1024;

/** What is wrong with an object's metadata (apimachinery/pkg/api/validation/objectmeta.go). */
export function checkMetadata(kind: KindDefinition, metadata: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  const complain = (field: string, value: unknown, complaints: readonly string[]) => {
    for (const complaint of complaints) errors.push(invalidField(field, value, complaint));
  };
  complain('metadata.name', metadata.name, NAME_RULES[kind.nameRule](metadata.name ?? ''));
  if (metadata.generateName && kind.nameRule !== 'path-segment')
    complain('metadata.generateName', metadata.generateName, NAME_RULES[kind.nameRule](metadata.generateName.replace(/-$/, 'a')));
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    complain('metadata.labels', key, checkQualifiedName(key));
    complain('metadata.labels', value, checkLabelValue(value));
  }
  checkAnnotations(metadata.annotations, complain, errors);
  for (const [i, finalizer] of (metadata.finalizers ?? []).entries()) {
    const field = `metadata.finalizers[${i}]`;
    complain(field, finalizer, checkQualifiedName(finalizer));
    if (!finalizer.includes('/') && !['orphan', 'foregroundDeletion', 'kubernetes'].includes(finalizer))
      complain(field, finalizer, ['name is neither a standard finalizer name nor is it fully qualified']);
  }
  checkOwners(metadata.ownerReferences, complain, errors);
  return errors;
}

type Complain = (field: string, value: unknown, complaints: readonly string[]) => void;

function checkAnnotations(annotations: ObjectMeta['annotations'], complain: Complain, errors: FieldError[]): void {
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    complain('metadata.annotations', key, checkQualifiedName(key.toLowerCase()));
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > ANNOTATIONS_LIMIT_BYTES) errors.push(tooLongField('metadata.annotations', ANNOTATIONS_LIMIT_BYTES));
}

function checkOwners(owners: ObjectMeta['ownerReferences'], complain: Complain, errors: FieldError[]): void {
  let controller: string | undefined;
  for (const [i, owner] of (owners ?? []).entries()) {
    const field = `metadata.ownerReferences[${i}]`;
    if (!owner.apiVersion) complain(`${field}.apiVersion`, owner.apiVersion ?? '', ['version must not be empty']);
    if (!owner.kind) complain(`${field}.kind`, owner.kind ?? '', ['must not be empty']);
    if (!owner.name) complain(`${field}.name`, owner.name ?? '', ['must not be empty']);
    else if (owner.name.includes('/')) complain(`${field}.name`, owner.name, checkDnsSubdomain(owner.name));
    if (!owner.uid) complain(`${field}.uid`, owner.uid ?? '', ['must not be empty']);
    if (!owner.controller) continue;
    if (controller !== undefined)
      errors.push(
        invalidField(
          'metadata.ownerReferences',
          owners,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${owner.name}`,
        ),
      );
    controller = owner.name;
  }
}
