import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import { badRequest, notFound } from '../../api/machinery/status-error.ts';
import { checkPartial, negotiateOutput } from '../request/negotiation.ts';
import { parseResourceVersion } from '../request/query-options.ts';
import { isTrue } from '../request/request-info.ts';
import { Representation } from '../response/representation.ts';
import { sendJsonBytes } from '../response/send.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import { showObject } from '../watch-cache/show-objects.ts';
import { waitForRevision } from './read-revision.ts';
import type { VerbDeps, VerbHandler } from './resource-call.ts';

/** GET of one object: the newest, or with `?resourceVersion=` one at least as new. */
export function createGet({ cache, objects, clock }: VerbDeps): VerbHandler {
  return async ({ context, kind }, response) => {
    const { request, info } = context;
    const output = negotiateOutput(request, 'object');
    checkPartial(output, kind, false);
    if (request.query.has('export') && isTrue(request.query.get('export')))
      throw badRequest('the export parameter, deprecated since v1.14, is no longer supported');
    const wanted = parseResourceVersion(request.query.get('resourceVersion') ?? '', false);
    await (wanted === undefined ? cache.fresh() : waitForRevision(cache, wanted));
    const stored = objects.peek({ kind, namespace: info.namespace, name: info.name });
    if (!stored) throw notFound(kind, info.name);
    // The newest is converted anew by whoever does that: it may have changed its mind since.
    const anew = wanted === undefined && stored.isConvertedFor(kind);
    const object = anew ? await convertAnew(kind, stored) : kind.storedAs ? await showObject(kind, stored) : stored;
    // Most often, and without more ado.
    if (output.as === 'object' && output.format === 'json' && !output.pretty)
      return sendJsonBytes(context, response, 200, object.bytes, output);
    return new Representation(kind, output, request.query, () => clock.now()).sendObject(context, response, 200, object);
  };
}

/**
 * One object that somebody else converts, whatever it was converted to before.
 *
 * @throws StatusError when the conversion fails
 */
async function convertAnew(kind: KindDefinition, object: CachedObject): Promise<CachedObject> {
  const { remote, readStored } = kind.storedAs!;
  const stored = object.decode();
  const [made] = await remote!.convert([readStored?.(stored) ?? stored], apiVersionOf(kind));
  return object.convertedAnew(kind, made!);
}
