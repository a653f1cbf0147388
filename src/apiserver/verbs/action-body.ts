/** What is sent to actions on objects: a kind of its own. */
import { tokenRequestKind } from '../../api/authentication/v1/token-request.ts';
import { scaleKind } from '../../api/autoscaling/v1/scale.ts';
import { bindingKind } from '../../api/core/v1/binding.ts';
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest } from '../../api/machinery/status-error.ts';
import { evictionKind, olderEvictionKind } from '../../api/policy/v1/eviction.ts';
import type { ActionHandler, RequestContext } from '../contracts.ts';
import { readObject } from '../request/body.ts';
import { decodeAs, decodeBody } from '../request/decode-body.ts';
import { parseWriteQuery } from '../request/query-options.ts';
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
  if (kind) return complete(kind, await decodeBody(request, kind, fieldValidation, warnings));
  if (subresource !== 'eviction') return readUntyped(await readObject(request, ''));
  const sent = await readObject(request, evictionKind.schema);
  if (sent === undefined) throw badRequest('the object provided is unrecognized (must be of type Eviction): the body is empty');
  const older = (sent as Partial<DynamicObject> | null)?.apiVersion === apiVersionOf(olderEvictionKind);
  const version = older ? olderEvictionKind : evictionKind;
  return complete(version, decodeAs(version, sent, fieldValidation, warnings));
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
