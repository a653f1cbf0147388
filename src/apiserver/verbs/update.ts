import { cloneJson } from '../../api/machinery/clone.ts';
import { isStatus } from '../../api/machinery/status-error.ts';
import { Pauses } from '../../std/pauses.ts';
import { decodeBody } from '../request/decode-body.ts';
import { negotiateOutput } from '../request/negotiation.ts';
import { parseWriteQuery } from '../request/query-options.ts';
import { Representation } from '../response/representation.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import { allowsCreateOnUpdate } from './object-rules.ts';
import { dropRepeatedOwners } from './owner-references.ts';
import { checkName } from './prepare-update.ts';
import { requireCreate } from './require-create.ts';
import { type VerbDeps, type VerbHandler, writeScope } from './resource-call.ts';

/** PUT of an object or of one of its parts. */
export function createUpdate({ writes, authorizer, clock }: VerbDeps): VerbHandler {
  return async (call, response) => {
    const { context, kind, part } = call;
    const { request, info } = context;
    const output = negotiateOutput(request, 'object');
    const options = parseWriteQuery(request.query, 'UpdateOptions');
    const pauses = new Pauses();
    const body = await decodeBody(request, kind, options.fieldValidation, context.warnings, pauses);
    dropRepeatedOwners(body, context.warnings, false);
    const scope = { ...writeScope(call, options.dryRun, options.fieldManager), pauses };
    let status = 200;
    let object: CachedObject;
    try {
      // A copy for each attempt: admission and preparation change it.
      ({ object } = await writes.update(scope, info.name, () => cloneJson(body)));
    } catch (error) {
      if (part || !allowsCreateOnUpdate(kind) || !isStatus(error, 'NotFound') || body.metadata.resourceVersion) throw error;
      checkName(body.metadata, info.name);
      await requireCreate(authorizer, context);
      object = await writes.create(scope, body);
      status = 201;
    }
    await new Representation(kind, output, request.query, () => clock.now()).sendObject(context, response, status, object);
  };
}
