import { cloneJson } from '../../api/machinery/clone.ts';
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { methodNotAllowed, noSuchMethod, noSuchPath } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import { Pauses, runInTime } from '../../std/pauses.ts';
import type { ActionAnswer, ActionHandler, Admission, RequestContext, ServerResponse } from '../contracts.ts';
import { decodeBody } from '../request/decode-body.ts';
import { negotiateOutput } from '../request/negotiation.ts';
import { parseWriteQuery } from '../request/query-options.ts';
import { Representation } from '../response/representation.ts';
import { sendValue } from '../response/send.ts';
import { actionAttributes, admitAction } from '../subresources/admit-action.ts';
import { CachedObject } from '../watch-cache/cached-object.ts';
import { readActionBody } from './action-body.ts';
import { trackPlainWrites } from './field-tracking.ts';
import { placeInNamespace } from './prepare-create.ts';
import { fieldManagerOf } from './resource-call.ts';

/** A review kind, or a subresource with behaviour of its own, with what answers it. */
export interface Action {
  readonly kind: KindDefinition;
  readonly handler: ActionHandler;
  /** For handlers that want it asked first. */
  readonly admission: () => Admission;
  readonly clock: Pick<Clock, 'now'>;
}

/** Reads the body that an action needs, runs it and sends its answer, unless it has sent one itself. */
export async function runAction(
  { kind, handler, admission, clock }: Action,
  context: RequestContext,
  response: ServerResponse,
): Promise<void> {
  const { info } = context;
  const verbs = handler.subresource === '' ? kind.verbs : kind.actions.find((a) => a.name === handler.subresource)?.verbs;
  // A proxy passes on what no verb has a name for, too.
  const isAsked = handler.subresource === 'proxy' && context.request.method === 'OPTIONS';
  // A name in the path would have been authorized, and the one in the body be meant.
  if (handler.subresource === '' && info.name && !kind.verbs.includes('get')) throw noSuchPath();
  if (verbs && !isAsked && !verbs.some((verb) => verb === info.verb))
    throw kind.ownSchema ? methodNotAllowed(kind, info.verb) : noSuchMethod();
  // Before anything is done: what has no table is not made to be shown as one.
  if (info.verb === 'create' && !CONNECTIONS.has(handler.subresource)) negotiateOutput(context.request, 'value');
  const pauses = new Pauses();
  const body = await readBody(kind, handler, context, clock.now(), pauses);
  await pauses.pause();
  if (handler.admitFirst && body) await admitReview(admission(), kind, context, body);
  const answer = await handler.handle(context, body, response);
  await pauses.pause();
  if (answer) await sendAnswer(inVersionAsked(kind, handler, answer), context, response);
}

/** Reviews of older versions are answered as those of today, and told in their own words. */
function inVersionAsked(kind: KindDefinition, { subresource }: ActionHandler, answer: ActionAnswer): ActionAnswer {
  if (subresource !== '' || !kind.storedAs) return answer;
  return { ...answer, object: kind.storedAs.fromStored(answer.object as DynamicObject) };
}

async function admitReview(admission: Admission, kind: KindDefinition, context: RequestContext, object: DynamicObject) {
  const { dryRun } = parseWriteQuery(context.request.query, 'CreateOptions');
  // A review has no name, whatever its metadata says.
  const attributes = { ...actionAttributes(context, kind, { object, dryRun }), name: '' };
  await admitAction(admission, attributes);
}

async function sendAnswer({ status, object, shownAs }: ActionAnswer, context: RequestContext, response: ServerResponse) {
  const output = negotiateOutput(context.request, 'object');
  if (!shownAs || output.as === 'object') return sendValue(context, response, status, object);
  const { kind, nowMs } = shownAs;
  const whole = cloneJson(object as DynamicObject);
  const revision = Number(whole.metadata.resourceVersion) || undefined;
  const shown = CachedObject.unsaved(kind, context.info.namespace, whole, revision);
  return new Representation(kind, output, context.request.query, () => nowMs).sendObject(context, response, status, shown);
}

async function readBody(
  kind: KindDefinition,
  handler: ActionHandler,
  context: RequestContext,
  nowMs: number,
  pauses: Pauses,
): Promise<DynamicObject | undefined> {
  const { request, info } = context;
  // Patches are not objects, and a connection's bytes are not ours to read.
  if (info.verb !== 'create' && info.verb !== 'update') return undefined;
  if (CONNECTIONS.has(handler.subresource)) return undefined;
  if (handler.subresource === '') {
    const { fieldValidation, fieldManager } = parseWriteQuery(request.query, 'CreateOptions');
    const review = await decodeBody(request, kind, fieldValidation, context.warnings, pauses);
    review.metadata ??= {};
    placeInNamespace(kind, review, info.namespace);
    // It is answered with, and an answer says what it is though the question left it to the path.
    const sent = { ...review, apiVersion: apiVersionOf(kind), kind: kind.kind };
    // Nobody keeps it, and still it says who made it, as upstream. Its status is not the asker's.
    const { status: _, ...asked } = sent as DynamicObject & { status?: unknown };
    const { large } = pauses;
    await runInTime(pauses, trackPlainWrites(fieldManagerOf(context, fieldManager)).created(kind, asked, nowMs, large));
    return kind.storedAs ? kind.storedAs.toStored(sent) : sent;
  }
  return readActionBody(handler, context);
}

const CONNECTIONS: ReadonlySet<string> = new Set(['proxy', 'exec', 'attach', 'portforward', 'log']);
