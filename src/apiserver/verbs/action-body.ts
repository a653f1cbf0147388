/** What is sent to actions on objects: a kind of its own. */
import { tokenRequestKind } from '../../api/authentication/v1/token-request.ts';
import { scaleKind } from '../../api/autoscaling/v1/scale.ts';
import { bindingKind } from '../../api/core/v1/binding.ts';
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest } from '../../api/machinery/status-error.ts';
import { evictionKind, olderEvictionKind } from '../../api/policy/v1/eviction.ts';
import { Pauses } from '../../std/pauses.ts';
import type { ActionHandler, RequestContext, ServerRequest } from '../contracts.ts';
import { BODY_LIMIT_BYTES, readObject } from '../request/body.ts';
import { decodeBody } from '../request/decode-body.ts';
import { parseWriteQuery, type WriteQuery } from '../request/query-options.ts';
import { stampKind } from '../store-access/object-store.ts';

const BODY_KINDS: Readonly<Record<string, KindDefinition>> = {
  binding: bindingKind,
  scale: scaleKind,
  token: tokenRequestKind,
};

/**
 * The body of a create or update by an action; undefined when there is none, which is the action's own to complain about.
 *
 * @throws StatusError 400, 413 or 415
 */
export async function readActionBody(
  { subresource }: ActionHandler,
  { request, info, warnings }: RequestContext,
): Promise<DynamicObject | undefined> {
  const options = info.verb === 'create' ? 'CreateOptions' : 'UpdateOptions';
  const { fieldValidation } = parseWriteQuery(request.query, options);
  const kind = BODY_KINDS[subresource];
  if (kind) return complete(kind, await decodeBody(request, kind, fieldValidation, warnings, new Pauses()));
  if (subresource !== 'eviction') return readUntyped(await readObject(request, ''));
  return readEviction(request, fieldValidation, warnings);
}

/** In either version. */
async function readEviction(
  request: ServerRequest,
  fieldValidation: WriteQuery['fieldValidation'],
  warnings: string[],
): Promise<DynamicObject> {
  const bytes = await request.readBody(BODY_LIMIT_BYTES);
  const again = { headers: request.headers, readBody: async () => bytes };
  const readAs = async (kind: KindDefinition) =>
    complete(kind, await decodeBody(again, kind, fieldValidation, warnings, new Pauses()));
  try {
    return await readAs(evictionKind);
  } catch (error) {
    if (!bytes.includes(apiVersionOf(olderEvictionKind))) throw error;
    return readAs(olderEvictionKind);
  }
}

function complete(kind: KindDefinition, object: DynamicObject): DynamicObject {
  object.metadata ??= {};
  return stampKind(kind, object);
}

function readUntyped(body: unknown): DynamicObject | undefined {
  if (body === undefined) return undefined;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('the request body is no object');
  const object = body as DynamicObject;
  object.metadata ??= {};
  return object;
}
