import { Pauses } from '../../std/pauses.ts';
import { decodeBody } from '../request/decode-body.ts';
import { negotiateOutput } from '../request/negotiation.ts';
import { parseWriteQuery } from '../request/query-options.ts';
import { Representation } from '../response/representation.ts';
import { dropRepeatedOwners } from './owner-references.ts';
import { type VerbDeps, type VerbHandler, writeScope } from './resource-call.ts';

/** POST to a collection. */
export function createCreate({ writes, clock }: VerbDeps): VerbHandler {
  return async (call, response) => {
    const { context, kind } = call;
    const output = negotiateOutput(context.request, 'object');
    const options = parseWriteQuery(context.request.query, 'CreateOptions');
    const pauses = new Pauses();
    const object = await decodeBody(context.request, kind, options.fieldValidation, context.warnings, pauses);
    dropRepeatedOwners(object, context.warnings, false);
    const scope = { ...writeScope(call, options.dryRun, options.fieldManager), pauses };
    const created = await writes.create(scope, object);
    await new Representation(kind, output, context.request.query, () => clock.now()).sendObject(context, response, 201, created);
  };
}
