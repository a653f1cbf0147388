/** What metadata may hold, in general and on update (apimachinery/pkg/api/validation/objectmeta.go). */
import { equalJson } from './clone.ts';
import { forbiddenField, IMMUTABLE, invalidField, requiredField, tooLongField } from './field-error.ts';
import type { KindDefinition } from './kind.ts';
import { checkDnsLabel, checkLabelValue, checkQualifiedName, NAME_RULES } from './names.ts';
import type { ObjectMeta, OwnerReference } from './object.ts';
import { type FieldError, MOST_FIELD_ERRORS } from './status-error.ts';

const LARGEST_ANNOTATIONS_BYTES = 256 * 1024;
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** Complaints about metadata of the kind, below `metadata` (or `path`). A name must have been generated already. */
export function validateMetadata(
  metadata: ObjectMeta,
  kind: Pick<KindDefinition, 'namespaced' | 'nameRule' | 'anyFinalizers'>,
  path = 'metadata',
): FieldError[] {
  const errors: FieldError[] = [];
  const checkName = NAME_RULES[kind.nameRule];
  if (metadata.generateName)
    // A trailing dash is completed by the random part.
    for (const complaint of checkName(metadata.generateName.replace(/-$/, 'a')))
      errors.push(invalidField(`${path}.generateName`, metadata.generateName, complaint));
  if (!metadata.name) errors.push(requiredField(`${path}.name`, 'name or generateName is required'));
  else for (const complaint of checkName(metadata.name)) errors.push(invalidField(`${path}.name`, metadata.name, complaint));
  // Put together without a call that has an argument for each: there may be more than a stack holds.
  return [
    ...errors,
    ...validateNamespace(metadata.namespace, kind.namespaced, `${path}.namespace`),
    ...checkGeneration(metadata.generation, `${path}.generation`),
    ...validateLabels(metadata.labels, `${path}.labels`),
    ...validateAnnotations(metadata.annotations, `${path}.annotations`),
    ...validateOwnerReferences(metadata.ownerReferences, `${path}.ownerReferences`),
    ...validateFinalizers(metadata.finalizers, `${path}.finalizers`, kind.anyFinalizers),
  ];
}

const checkGeneration = (generation = 0, path: string): FieldError[] =>
  generation < 0 ? [invalidField(path, generation, 'must be greater than or equal to 0')] : [];

function validateNamespace(namespace: string | undefined, namespaced: boolean, path: string): FieldError[] {
  if (!namespaced) return namespace ? [forbiddenField(path, 'not allowed on this type')] : [];
  if (!namespace) return [requiredField(path)];
  return checkDnsLabel(namespace).map((complaint) => invalidField(path, namespace, complaint));
}

/** Behind as many as are told, errors are counted only: the first one stands for them. */
function addError(errors: FieldError[], path: string, value: string, complaint: string): void {
  errors.push(errors.length < MOST_FIELD_ERRORS ? invalidField(path, value, complaint) : errors[0]!);
}

/** Also for labels elsewhere: templates, selectors. */
export function validateLabels(labels: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    const value = labels[key]!;
    for (const complaint of checkQualifiedName(key)) addError(errors, path, key, complaint);
    for (const complaint of checkLabelValue(value)) addError(errors, path, value, complaint);
  }
  return errors;
}

export function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const key in annotations) {
    const value = annotations[key]!;
    for (const complaint of checkQualifiedName(key.toLowerCase())) addError(errors, path, key, complaint);
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > LARGEST_ANNOTATIONS_BYTES) errors.push(tooLongField(path, LARGEST_ANNOTATIONS_BYTES));
  return errors;
}

const ONE_CONTROLLER = 'Only one reference can have Controller set to true. Found "true" in references for';

function validateOwnerReferences(owners: readonly OwnerReference[] = [], path: string): FieldError[] {
  const errors: FieldError[] = [];
  let controllerName: string | undefined;
  for (const owner of owners) {
    const { apiVersion, kind, name, uid, controller } = owner;
    const version = /^(?:[^/]*\/)?([^/]+)$/.exec(apiVersion)?.[1];
    if (!version) errors.push(invalidField(`${path}.apiVersion`, apiVersion, 'version must not be empty'));
    if (!kind) errors.push(invalidField(`${path}.kind`, kind, 'must not be empty'));
    if (!name) errors.push(invalidField(`${path}.name`, name, 'must not be empty'));
    if (!uid) errors.push(invalidField(`${path}.uid`, uid, 'must not be empty'));
    if (kind === 'Event' && (apiVersion === 'v1' || apiVersion === '/v1'))
      errors.push(invalidField(path, owner, '/v1, Kind=Event is disallowed from being an owner'));
    if (!controller) continue;
    const shown = `${kind}/${name}`;
    if (controllerName === undefined) controllerName = shown;
    else errors.push(invalidField(path, owners, `${ONE_CONTROLLER} ${controllerName} and ${shown}`));
  }
  return errors;
}

const UNKNOWN = 'name is neither a standard finalizer name nor is it fully qualified';

function validateFinalizers(finalizers: readonly string[] = [], path: string, any = false): FieldError[] {
  const errors: FieldError[] = [];
  for (const finalizer of finalizers)
    for (const complaint of checkQualifiedName(finalizer)) errors.push(invalidField(path, finalizer, complaint));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    errors.push(invalidField(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  if (any) return errors;
  finalizers.forEach((finalizer, i) => {
    if (!finalizer.includes('/') && !STANDARD_FINALIZERS.has(finalizer))
      errors.push(invalidField(`${path}[${i}]`, finalizer, UNKNOWN));
  });
  return errors;
}

const IMMUTABLE_FIELDS = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

/**
 * Complaints about a change of metadata. What the server sets by itself (uid, creation and deletion times) is expected to have been
 * filled in from the existing object where the request left it out.
 */
export function validateMetadataUpdate(updated: ObjectMeta, existing: ObjectMeta, path = 'metadata'): FieldError[] {
  const errors: FieldError[] = [];
  if (existing.deletionTimestamp) {
    const known = new Set(existing.finalizers);
    const added = (updated.finalizers ?? []).filter((finalizer) => !known.has(finalizer));
    if (added.length)
      errors.push(
        forbiddenField(
          `${path}.finalizers`,
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((f) => JSON.stringify(f)).join(', ')}}`,
        ),
      );
  }
  if ((updated.generation ?? 0) < (existing.generation ?? 0))
    errors.push(invalidField(`${path}.generation`, updated.generation ?? 0, 'must not be decremented'));
  for (const field of IMMUTABLE_FIELDS)
    if (!equalJson(updated[field] ?? null, existing[field] ?? null))
      errors.push(invalidField(`${path}.${field}`, updated[field], IMMUTABLE));
  return errors;
}
