import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest, isStatus } from '../../api/machinery/status-error.ts';
import { goQuote } from '../../std/go-text.ts';
import { Pauses } from '../../std/pauses.ts';
import type { ServerRequest } from '../contracts.ts';
import { readObject } from '../request/body.ts';
import { checkTypeMeta } from '../request/decode-body.ts';
import { negotiateOutput } from '../request/negotiation.ts';
import { type DeleteChoices, givenDeleteOptions, parseDeleteOptions, parseListQuery } from '../request/query-options.ts';
import { Representation } from '../response/representation.ts';
import { sendValue } from '../response/send.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import { readPage } from './list.ts';
import { answersDeletedObject } from './object-rules.ts';
import { type ResourceCall, type VerbDeps, type VerbHandler, writeScope } from './resource-call.ts';
import { selectionOf } from './selection.ts';

/** DELETE of one object: answers with its Status when it is gone, with the object when it goes on for a while. */
export function createDelete({ writes, clock }: VerbDeps): VerbHandler {
  return async (call, response) => {
    const { context, kind } = call;
    const output = negotiateOutput(context.request, 'object');
    const choices = await readDeleteOptions(context.request);
    warnOfOrphans(call, choices);
    const scope = { ...writeScope(call, choices.dryRun), options: givenDeleteOptions(choices), pauses: new Pauses() };
    const { object, removed } = await writes.delete(scope, context.info.name, choices);
    await scope.pauses.pause();
    if (removed && !answersDeletedObject(kind)) return sendValue(context, response, 200, deletedStatus(kind, object.object));
    const status = !removed && choices.orphanDependents === false ? 202 : 200;
    await new Representation(kind, output, context.request.query, () => clock.now()).sendObject(
      context,
      response,
      status,
      object,
    );
  };
}

/** Deletions of a collection that run at a time. */
const WORKERS = 8;

/** DELETE of a collection: each object of the selection as if deleted by itself; answers with the list of them. */
export function createDeleteCollection(deps: VerbDeps): VerbHandler {
  const { writes, clock } = deps;
  return async (call, response) => {
    const { context, kind } = call;
    const { request, info } = context;
    const output = negotiateOutput(request, 'object');
    const query = await parseListQuery(request.query, false);
    const selection = selectionOf(kind, info, query, deps.keyspace);
    const choices = await readDeleteOptions(request);
    warnOfOrphans(call, choices);
    // Of a limit, and of a continue token, a deletion makes what a list makes of it.
    const { objects: found, metadata } = await readPage(deps, kind, query, selection);
    let next = 0;
    const failures: unknown[] = [];
    const work = async () => {
      while (next < found.length && !failures.length) await deleteOne(found[next++]!);
    };
    const deleteOne = async (object: CachedObject) => {
      try {
        const options = givenDeleteOptions(choices);
        const scope = { ...writeScope(call, choices.dryRun), options, namespace: object.namespace, ofCollection: true } as const;
        await writes.delete(scope, object.name, choices);
      } catch (error) {
        if (!isStatus(error, 'NotFound')) failures.push(error); // somebody else deleted it: as wished
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
    if (failures.length) throw failures[0];
    const shown = new Representation(kind, output, request.query, () => clock.now());
    await shown.sendList(context, response, metadata, found);
  };
}

function warnOfOrphans({ context, kind }: ResourceCall, { propagationPolicy }: DeleteChoices): void {
  if (kind.orphaningWarning && propagationPolicy === '') context.warnings.push(kind.orphaningWarning);
}

const META_VERSION = 'meta.k8s.io/v1';
/** How upstream names the types that options are of. */
const META_SCHEME = 'k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27';

async function readDeleteOptions(request: ServerRequest): Promise<DeleteChoices> {
  const body = await readObject(request, 'V1DeleteOptions');
  if (body === undefined || body === null) return parseDeleteOptions(request.query, undefined);
  checkTypeMeta(body);
  const { kind, apiVersion } = body;
  if (kind && kind !== 'DeleteOptions')
    throw badRequest(
      `no kind ${goQuote(String(kind))} is registered for version ${goQuote(String(apiVersion || META_VERSION))} in scheme "${META_SCHEME}"`,
    );
  return parseDeleteOptions(request.query, body);
}

function deletedStatus(kind: KindDefinition, { metadata }: DynamicObject): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: metadata.name, ...(kind.group && { group: kind.group }), kind: kind.resource, uid: metadata.uid },
  };
}
