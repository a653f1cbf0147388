import { isJsonMap, type JsonMap } from '../../machinery/clone.ts';
import { decodeStructure } from '../../machinery/decode.ts';
import { DecodeFailure } from '../../machinery/decode-scalar.ts';
import { addErrors, invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkDns1035Label, checkDnsLabel, checkPathSegment } from '../../machinery/names.ts';
import type { ManagedFieldsEntry, ObjectMeta } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateMetadata } from '../../machinery/validate-metadata.ts';
import { child, index } from './field-path.ts';
import { isEmbedded, itemsOf, type JsonSchema, propertyOf, someSchema, valuesOf } from './json-schema.ts';
import { byName } from './list-items.ts';
import { formatSegments } from './prune.ts';

/** What is known of schemas. A memo of a pure function: it changes no answer. */
const embedding = new WeakMap<JsonSchema, boolean>();

function embeds(schema: JsonSchema): boolean {
  let known = embedding.get(schema);
  if (known === undefined) {
    known = someSchema(schema, isEmbedded);
    embedding.set(schema, known);
  }
  return known;
}

type Visit = (resource: JsonMap, path: (string | number)[]) => void;

/** Calls back for every embedded resource, outer ones first. */
function visitEmbedded(value: unknown, schema: JsonSchema | undefined, path: (string | number)[], visit: Visit): void {
  if (!schema || !embeds(schema)) return;
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    value.forEach((item, i) => {
      visitEmbedded(item, items, [...path, i], visit);
    });
  } else if (isJsonMap(value)) {
    if (isEmbedded(schema)) visit(value, path);
    for (const name of Object.keys(value))
      visitEmbedded(value[name], propertyOf(schema, name) ?? valuesOf(schema), [...path, name], visit);
  }
}

/**
 * Gives the metadata of embedded resources the form that metadata has, in place (…/schema/objectmeta/coerce.go).
 *
 * @param drop leaves out what is not metadata's, instead of failing
 * @throws DecodeFailure
 */
export function coerceEmbedded(value: unknown, schema: JsonSchema, unknown?: string[], drop = false): void {
  visitEmbedded(value, schema, [], (resource, path) => {
    for (const name of ['apiVersion', 'kind'])
      if (resource[name] !== undefined && typeof resource[name] !== 'string') {
        if (!drop) throw notValid([...path, name], resource[name], 'must be a string');
        delete resource[name];
      }
    if (resource['metadata'] === undefined) return;
    const at = [...path, 'metadata'];
    try {
      const { value: metadata, unknownFields } = decodeStructure('V1ObjectMeta', resource['metadata'] ?? {}, at);
      resource['metadata'] = metadata;
      unknown?.push(...unknownFields);
    } catch (error) {
      if (!(error instanceof DecodeFailure)) throw error;
      if (!drop) throw notValid(at, resource['metadata'], error.message);
      if (isJsonMap(resource['metadata'])) resource['metadata'] = wellFormedFields(resource['metadata'], at, unknown);
    }
  });
}

/** The fields of metadata that are what they should be, each looked at by itself. */
function wellFormedFields(metadata: JsonMap, path: (string | number)[], dropped?: string[]): JsonMap {
  const kept: JsonMap = {};
  for (const name of Object.keys(metadata))
    try {
      const { value, unknownFields } = decodeStructure('V1ObjectMeta', { [name]: metadata[name] }, path);
      Object.assign(kept, value);
      dropped?.push(...unknownFields);
    } catch (error) {
      if (!(error instanceof DecodeFailure)) throw error;
      dropped?.push(formatSegments([...path, name]));
    }
  return kept;
}

function notValid(path: readonly (string | number)[], value: unknown, why: string): DecodeFailure {
  const { field, message } = invalidField(formatSegments(path), byName(value), why);
  return new DecodeFailure(`${field}: ${message}`);
}

/** What embedded resources lack or get wrong (…/schema/objectmeta/validation.go). */
export function validateEmbeddedResources(value: unknown, schema: JsonSchema, path = ''): FieldError[] {
  const errors: FieldError[] = [];
  visitEmbedded(value, schema, [], (resource, segments) => {
    const at = segments.reduce<string>((text, part) => (typeof part === 'number' ? index(text, part) : child(text, part)), path);
    addErrors(errors, validateType(resource, at));
    if (isJsonMap(resource['metadata'])) addErrors(errors, validateEmbeddedMetadata(resource['metadata'], child(at, 'metadata')));
  });
  return errors;
}

function validateType(resource: JsonMap, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { apiVersion, kind } = resource as { apiVersion?: string; kind?: string };
  for (const name of ['apiVersion', 'kind'])
    if (resource[name] === undefined) errors.push(requiredField(child(path, name)));
    else if (resource[name] === '') errors.push(invalidField(child(path, name), '', 'must not be empty'));
  if (apiVersion && apiVersion.split('/').length > 2)
    errors.push(invalidField(child(path, 'apiVersion'), apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  if (kind) {
    const complaints = checkDns1035Label(kind.toLowerCase());
    if (complaints.length)
      errors.push(
        invalidField(child(path, 'kind'), kind, `may have mixed case, but should otherwise match: ${complaints.join()}`),
      );
  }
  return errors;
}

/** A name may be missing, and nobody knows which kind it is of. */
function validateEmbeddedMetadata(metadata: ObjectMeta, path: string): FieldError[] {
  const { name, namespace } = metadata;
  const errors: FieldError[] = [];
  for (const [field, text] of [
    ['name', name],
    ['namespace', namespace],
  ] as const) {
    if (!text) continue;
    const complaints = field === 'namespace' ? checkDnsLabel(text) : checkPathSegment(text);
    for (const complaint of complaints) errors.push(invalidField(child(path, field), text, complaint));
  }
  addErrors(errors, validateManagedFields(metadata.managedFields ?? [], child(path, 'managedFields')));
  const named = { ...metadata, name: 'name', namespace: 'namespace' };
  return [...errors, ...validateMetadata(named, { namespaced: true, nameRule: 'path-segment' }, path)];
}

/** Nobody writes those of an embedded resource anew, as the server does with an object's own (meta/v1/validation). */
function validateManagedFields(entries: readonly Partial<ManagedFieldsEntry>[], path: string): FieldError[] {
  return entries.flatMap(({ operation = '', fieldsType = '' }, i) => [
    ...(operation === 'Apply' || operation === 'Update'
      ? []
      : [invalidField(child(index(path, i), 'operation'), operation, 'must be `Apply` or `Update`')]),
    ...(fieldsType === '' || fieldsType === 'FieldsV1'
      ? []
      : [invalidField(child(index(path, i), 'fieldsType'), fieldsType, 'must be `FieldsV1`')]),
  ]);
}
