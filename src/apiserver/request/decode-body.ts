import { decodeObject, fieldWarnings, strictDecodingError } from '../../api/machinery/decode.ts';
import { findDuplicateFields } from '../../api/machinery/duplicate-fields.ts';
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest, StatusError } from '../../api/machinery/status-error.ts';
import type { ServerRequest } from '../contracts.ts';
import { BODY_LIMIT_BYTES, parseJson, readObject } from './body.ts';
import { bodyFormat } from './negotiation.ts';
import type { WriteQuery } from './query-options.ts';

const SHOWN_BYTES = 30;
const OPENING_BRACE = 0x7b;

type FieldValidation = WriteQuery['fieldValidation'];

/**
 * The body of a create or update as an object of the kind. Unknown and repeated fields are dropped, warned of or refused, as
 * `fieldValidation` says.
 *
 * @throws StatusError 400, 413 or 415
 */
export async function decodeBody(
  request: ServerRequest,
  kind: KindDefinition,
  fieldValidation: FieldValidation,
  warnings: string[],
): Promise<DynamicObject> {
  let json: unknown;
  let duplicates: readonly string[] = [];
  if (bodyFormat(request) === 'json') {
    const bytes = await request.readBody(BODY_LIMIT_BYTES);
    json = parseAs(kind, bytes);
    if (fieldValidation !== 'Ignore') duplicates = findDuplicateFields(bytes.toString('utf8'));
  } else json = await readObject(request, kind.schema);
  return decodeAs(kind, json, fieldValidation, warnings, duplicates);
}

/** Upstream names what the body should have been, and shows how it begins (apiserver/pkg/endpoints/handlers/rest.go). */
function parseAs(kind: KindDefinition, bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return parseJson(bytes);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const shown = bytes.subarray(0, SHOWN_BYTES);
    const beginning = shown.toString(shown[0] === OPENING_BRACE ? 'utf8' : 'hex') + (bytes.length > SHOWN_BYTES ? ' ...' : '');
    throw badRequest(`the object provided is unrecognized (must be of type ${kind.kind}): ${error.message} (${beginning})`);
  }
}

/** The same for a document that has been parsed, or patched together. */
export function decodeAs(
  kind: KindDefinition,
  json: unknown,
  fieldValidation: FieldValidation,
  warnings: string[],
  duplicates: readonly string[] = [],
): DynamicObject {
  checkType(kind, json);
  const { object, unknownFields } = decodeObject(kind, json);
  if (fieldValidation !== 'Ignore' && (unknownFields.length || duplicates.length)) {
    if (fieldValidation === 'Strict') throw strictDecodingError(kind, unknownFields, duplicates);
    warnings.push(...fieldWarnings(unknownFields, duplicates));
  }
  return object;
}

/** A body without apiVersion or kind is taken for what the path says; one that names something else is refused. */
function checkType(kind: KindDefinition, json: unknown): void {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw badRequest(json === undefined ? 'the request body is empty' : "couldn't get version/kind; the body is no object");
  const given = json as Record<string, unknown>;
  const expected = apiVersionOf(kind);
  if (given['apiVersion'] !== undefined && given['apiVersion'] !== '' && given['apiVersion'] !== expected)
    throw badRequest(
      `the API version in the data (${String(given['apiVersion'])}) does not match the expected API version (${expected})`,
    );
  if (given['kind'] !== undefined && given['kind'] !== '' && given['kind'] !== kind.kind)
    throw badRequest(
      `${String(given['kind'])} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: the kinds do not match`,
    );
}
