import { DecodeFailure } from '../../api/machinery/decode-scalar.ts';
import { forbiddenField, invalidField } from '../../api/machinery/field-error.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { JsonValue } from '../../api/machinery/object.ts';
import { badRequest, invalid, StatusError } from '../../api/machinery/status-error.ts';
import { applyJsonPatch } from '../../api/patch/json-patch.ts';
import { applyMergePatch } from '../../api/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge-patch.ts';
import { BODY_LIMIT_BYTES, parseJson } from '../request/body.ts';
import { decodeAs } from '../request/decode-body.ts';
import { isApplyPatch, negotiateOutput, patchFormat } from '../request/negotiation.ts';
import { parseWriteQuery, type WriteQuery } from '../request/query-options.ts';
import { Representation } from '../response/representation.ts';
import { createApply } from './apply.ts';
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
    const format = patchFormat(request);
    const output = negotiateOutput(request, 'object');
    const options = parsePatchQuery(request.query);
    const patch = parsePatch(format, await request.readBody(BODY_LIMIT_BYTES));
    const { object } = await writes.update(writeScope(call, options.dryRun, options.fieldManager), info.name, (existing) => {
      const warnings: string[] = [];
      const patched = () => applyPatch(kind, format, existing.object as object as JsonValue, patch);
      const blamed = () => (format === 'strategic' ? patch : patched());
      const decoded = decodePatched(blamed, () => decodeAs(kind, patched(), options.fieldValidation, warnings));
      for (const text of warnings) if (!context.warnings.includes(text)) context.warnings.push(text);
      return decoded;
    });
    await new Representation(kind, output, request.query, () => clock.now()).sendObject(context, response, 200, object);
  };
}

/** @throws StatusError 422 for what only apply may be told */
function parsePatchQuery(query: URLSearchParams): WriteQuery {
  const options = parseWriteQuery(query, 'PatchOptions');
  if (!query.has('force')) return options;
  const errors = [forbiddenField('force', 'may not be specified for non-apply patch')];
  throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', errors);
}

/** @throws StatusError 400 for what is no patch of the format */
export function parsePatch(format: PatchFormat, bytes: Buffer): JsonValue {
  const patch = parseJson(bytes) as JsonValue;
  if (format === 'json' ? !Array.isArray(patch) : typeof patch !== 'object' || patch === null || Array.isArray(patch))
    throw badRequest(`the body is no ${format === 'json' ? 'list of operations' : 'object'}, as a ${format} patch must be`);
  return patch;
}

/** What shares nothing with the document and the patch. Throws a StatusError, 422 when the patch cannot be applied to the document. */
export function applyPatch(kind: KindDefinition, format: PatchFormat, document: JsonValue, patch: JsonValue): unknown {
  try {
    if (format === 'json') return applyJsonPatch(document, patch as never);
    if (format === 'merge') return applyMergePatch(document, patch as never);
    return applyStrategicMergePatch(document as never, patch as never, kind.schema);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw new StatusError(
      {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: `the server rejected our request due to an error in our request: ${(error as Error).message}`,
        reason: 'Invalid',
        details: {},
        code: 422,
      },
      { cause: error },
    );
  }
}

/** Upstream blames the patch when what it leads to is not of the kind: 422, with the patched document, or the strategic patch, as the value. */
function decodePatched<T>(blamed: () => unknown, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof StatusError && error.cause instanceof DecodeFailure)) throw error;
    throw invalid({ group: '', kind: '' }, '', [invalidField('patch', JSON.stringify(blamed()), error.cause.message)]);
  }
}
