import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { ListMeta } from '../../api/machinery/object.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';

const OPEN = 0x7b; // {
const COMMA = 0x2c;
const END = Buffer.from(']}\n');

/** A list as it is sent, joined from the bytes that the objects have already. */
export function encodeList(kind: KindDefinition, metadata: ListMeta, objects: readonly CachedObject[]): Buffer {
  const type = JSON.stringify({ kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata });
  const head = Buffer.from(`${type.slice(0, -1)},"items":[`);
  let size = head.length + END.length;
  for (const object of objects) size += object.itemBytes.length + 2;
  const bytes = Buffer.allocUnsafe(size);
  let at = head.copy(bytes, 0);
  for (let i = 0; i < objects.length; i++) {
    if (i > 0) bytes[at++] = COMMA;
    bytes[at++] = OPEN;
    bytes.set(objects[i]!.itemBytes, at);
    at += objects[i]!.itemBytes.length;
  }
  at += END.copy(bytes, at);
  return bytes.subarray(0, at);
}
