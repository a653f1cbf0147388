import { isJsonMap } from '../../api/machinery/clone.ts';
import { conversionMessage } from '../../api/machinery/conversion-failure.ts';
import { DecodeFailure } from '../../api/machinery/decode-scalar.ts';
import { strictProblemsInSteps } from '../../api/machinery/duplicate-fields.ts';
import { forbiddenField, invalidField } from '../../api/machinery/field-error.ts';
import { goFormat } from '../../api/machinery/go-format.ts';
import { goJsonType } from '../../api/machinery/json-syntax.ts';
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject, JsonValue } from '../../api/machinery/object.ts';
import { badRequest, type FieldError, invalid, StatusError } from '../../api/machinery/status-error.ts';
import { applyJsonPatchInSteps, patchDoesNotApply } from '../../api/patch/json-patch.ts';
import { applyMergePatch, applyMergePatchInSteps } from '../../api/patch/merge-patch.ts';
import { strategicMergePatchInSteps } from '../../api/patch/strategic-merge-patch.ts';
import { addNew } from '../../std/add-all.ts';
import { exactJsonText } from '../../std/exact-json.ts';
import { Pauses, runAtOnce, runInTime, type Steps } from '../../std/pauses.ts';
import type { RequestContext } from '../contracts.ts';
import { BODY_LIMIT_BYTES, parseJsonInSteps } from '../request/body.ts';
import { decodeAs } from '../request/decode-body.ts';
import { isApplyPatch, negotiateOutput, patchFormat } from '../request/negotiation.ts';
import { parseWriteQuery, type WriteQuery } from '../request/query-options.ts';
import { Representation } from '../response/representation.ts';
import { createApply } from './apply.ts';
import { leavesManagedFields, shareManagedFields, withoutManagedFields } from './managed-fields-apart.ts';
import { type VerbDeps, type VerbHandler, writeScope } from './resource-call.ts';

export type PatchFormat = 'json' | 'merge' | 'strategic';

/** PATCH of an object or of one of its parts; applied again to what is newer when another writer was faster. */
export function createPatch(deps: VerbDeps): VerbHandler {
  const { writes, clock } = deps;
  const apply = createApply(deps);
  return async (call, response) => {
    const { context, kind } = call;
    const { request, info } = context;
    if (isApplyPatch(request)) return apply(call, response);
    patchFormat(request, kind);
    const output = negotiateOutput(request, 'object');
    const options = parsePatchQuery(request.query);
    const pauses = new Pauses();
    const patched = await readPatch(context, kind, options, pauses);
    const scope = { ...writeScope(call, options.dryRun, options.fieldManager), pauses, patches: true } as const;
    const { object } = await writes.update(scope, info.name, (existing) => pauses.run(patched(existing.object)));
    await new Representation(kind, output, request.query, () => clock.now()).sendObject(context, response, 200, object);
  };
}

/**
 * Reads a request's patch: what it makes of an object of the kind. The object stays as it is. What comes out of an attempt may be
 * refused with 400 or 422. Takes `pauses` between its passes over the body.
 *
 * @throws StatusError 400, 413 or 415
 */
export async function readPatch(
  { request, warnings }: RequestContext,
  kind: KindDefinition,
  { fieldValidation }: WriteQuery,
  pauses?: Pauses,
): Promise<(existing: DynamicObject) => Steps<DynamicObject>> {
  const format = patchFormat(request, kind);
  const bytes = await request.readBody(BODY_LIMIT_BYTES);
  pauses?.heed(bytes.length);
  const patch = await runInTime(pauses, parsePatchInSteps(format, bytes));
  await pauses?.pause();
  const problems = fieldValidation === 'Ignore' ? [] : await runInTime(pauses, patchProblems(format, bytes, patch));
  const apart = leavesManagedFields(format, patch);
  return function* (existing) {
    const more: string[] = [];
    const apply = (document: DynamicObject) => applyPatch(kind, format, document as object as JsonValue, patch, pauses?.large);
    const patched = yield* apply(apart ? withoutManagedFields(existing) : existing);
    if (format === 'strategic') restoreType(kind, patched);
    yield;
    // What is decoded may have been changed by then.
    const blame = (failure: DecodeFailure) =>
      format === 'strategic'
        ? invalidField('patch', goFormat(patch), conversionMessage(failure))
        : invalidField('patch', exactJsonText(runAtOnce(apply(existing))), failure.message);
    const decoded = decodePatched(blame, () => decodeAs(kind, patched, fieldValidation, more, { problems }));
    addNew(warnings, more);
    if (apart) shareManagedFields(decoded, existing);
    return decoded;
  };
}

/** @throws StatusError 422 for what only apply may be told */
export function parsePatchQuery(query: URLSearchParams): WriteQuery {
  const notHere = query.has('force') ? [forbiddenField('force', 'may not be specified for non-apply patch')] : [];
  return parseWriteQuery(query, 'PatchOptions', notHere);
}

/** What Go reads each kind of patch into. */
const GO_PATCH_TYPES: Readonly<Record<PatchFormat, string>> = {
  json: '[]handlers.jsonPatchOp',
  merge: 'map[string]interface {}',
  strategic: 'map[string]interface {}',
};

/** @throws StatusError 400 for what is no patch of the format */
function* parsePatchInSteps(format: PatchFormat, bytes: Buffer): Steps<JsonValue> {
  let patch: JsonValue;
  try {
    patch = (yield* parseJsonInSteps(bytes)) as JsonValue;
    if (patch !== null && !(format === 'json' ? Array.isArray(patch) : isJsonMap(patch)))
      throw badRequest(`json: cannot unmarshal ${goJsonType(patch)} into Go value of type ${GO_PATCH_TYPES[format]}`);
  } catch (error) {
    throw format === 'strategic' ? error : badRequest(`error decoding patch: ${(error as Error).message}`);
  }
  return patch ?? fromNull(format);
}

/** What Go makes of `null`: no operation, no change, and no merge patch at all. */
function fromNull(format: PatchFormat): JsonValue {
  if (format === 'merge') throw badRequest('Invalid JSON Patch');
  return format === 'json' ? [] : {};
}

const OPERATION_FIELDS = new Set(['op', 'path', 'from', 'value']);

/** What strict readers have against the patch itself: fields that come twice, and those that an operation has not. */
function* patchProblems(format: PatchFormat, bytes: Buffer, patch: JsonValue): Steps<string[]> {
  const text = bytes.toString('utf8');
  if (format !== 'json') return yield* strictProblemsInSteps(text, []);
  const unknown = (patch as JsonValue[]).flatMap((operation, at) =>
    isJsonMap(operation) ? Object.keys(operation).flatMap((key) => (OPERATION_FIELDS.has(key) ? [] : [`[${at}].${key}`])) : [],
  );
  return (yield* strictProblemsInSteps(text, unknown)).map((problem) => `json patch ${problem}`);
}

/**
 * What shares nothing with the document and the patch; with pauses for each few of what they hold where one of them is `large`. Throws a StatusError, 422
 * when the patch cannot be applied to the document.
 */
export function* applyPatch(
  kind: KindDefinition,
  format: PatchFormat,
  document: JsonValue,
  patch: JsonValue,
  large = false,
): Steps<unknown> {
  try {
    if (format === 'json') return yield* applyJsonPatchInSteps(document, patch as never);
    if (format === 'merge') return large ? yield* applyMergePatchInSteps(document, patch) : applyMergePatch(document, patch);
    return yield* strategicMergePatchInSteps<unknown>(document, patch, kind.schema);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw patchDoesNotApply((error as Error).message, error);
  }
}

/**
 * Upstream reads what a strategic patch leads to into the type of the path, whatever the patch says that it is: clients send a Scale's
 * patch that says Deployment (smpPatcher of apiserver/pkg/endpoints/handlers/patch.go).
 */
function restoreType(kind: KindDefinition, patched: unknown): void {
  if (!isJsonMap(patched)) return;
  if (typeof patched['apiVersion'] === 'string') patched['apiVersion'] = apiVersionOf(kind);
  if (typeof patched['kind'] === 'string') patched['kind'] = kind.kind;
}

/** Upstream blames the patch when what it leads to is not of the kind: 422, with the patched document, or the strategic patch, as the value. */
function decodePatched<T>(blame: (failure: DecodeFailure) => FieldError, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    // A patched custom resource that says that it is of another version is not valid, and nothing else.
    if (error instanceof StatusError && error.cause instanceof StatusError) throw error.cause;
    if (!(error instanceof StatusError && error.cause instanceof DecodeFailure)) throw error;
    throw invalid({ group: '', kind: '' }, '', [blame(error.cause)]);
  }
}
