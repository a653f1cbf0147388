/** Puts what a webhook or a mutating policy made of an object into its place. */
import { cloneJson, setField } from '../../../api/machinery/clone.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import { internalError, StatusError } from '../../../api/machinery/status-error.ts';
import type { AdmissionAttributes } from '../../contracts.ts';
import { decodeAs, PUT_TOGETHER } from '../../request/decode-body.ts';
import { convertBetween } from './equivalent-kinds.ts';

/**
 * Changes `attributes.object` in place into `changed`, which is in the version of `kind`: decoded as if a client had sent it, defaulted,
 * converted back. Throws what `refuse` makes of the reason for what is no such object, a 500 if not said otherwise. `strict`: and for
 * fields that its kind does not have.
 */
export async function replaceObject(
  attributes: AdmissionAttributes,
  changed: unknown,
  kind: KindDefinition,
  { strict = false, refuse = internalError }: { strict?: boolean; refuse?: (why: string) => Error } = {},
): Promise<void> {
  const object = attributes.object!;
  const isOwnKind = object.kind === attributes.kind.kind;
  const decoded = isOwnKind ? decode(kind, changed, strict, refuse) : (changed as DynamicObject);
  if (isOwnKind) kind.setDefaults?.(decoded);
  const own = await convertBetween(decoded, kind, attributes.kind);
  for (const field of Object.keys(object)) delete object[field];
  // Not by assignment, which would take a field `__proto__` for something else.
  for (const [field, value] of Object.entries(own)) setField(object, field, value);
}

function decode(kind: KindDefinition, json: unknown, strict: boolean, refuse: (why: string) => Error): DynamicObject {
  try {
    return decodeAs(kind, cloneJson(json as object), strict ? 'Strict' : 'Ignore', [], PUT_TOGETHER);
  } catch (error) {
    if (error instanceof StatusError) throw refuse(error.cause instanceof Error ? error.cause.message : error.message);
    throw error;
  }
}
