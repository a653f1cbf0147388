import type { KindDefinition } from '../api/machinery/kind.ts';
import type { DynamicObject } from '../api/machinery/object.ts';
import { isStatus } from '../api/machinery/status-error.ts';
import type { ObjectReader, ObjectWriter } from './contracts.ts';

/** An object of the server's own, without what its kind says of it. */
export type WantedObject = Omit<DynamicObject, 'apiVersion' | 'kind'>;

/** Makes an object, or brings one that `isCurrent` does not take for right to what is wanted. Several servers may do so at once. */
export async function ensureObject(
  { reader, writer }: { readonly reader: ObjectReader; readonly writer: ObjectWriter },
  kind: KindDefinition,
  wanted: WantedObject,
  isCurrent: (existing: DynamicObject) => boolean,
): Promise<void> {
  const { metadata } = wanted as { metadata: DynamicObject['metadata'] };
  const { name = '', namespace = '' } = metadata;
  const existing = reader.get(kind, namespace, name);
  if (!existing) {
    try {
      await writer.create(kind, structuredClone(wanted) as DynamicObject);
    } catch (error) {
      // Another server was faster; a Service's address is taken then, which is found out before its name is.
      if (isStatus(error, 'Invalid')) await reader.waitFresh(kind);
      if (!isStatus(error, 'AlreadyExists') && !reader.get(kind, namespace, name)) throw error;
    }
    return;
  }
  if (isCurrent(existing)) return;
  await writer.modify(kind, namespace, name, (object) => {
    if (isCurrent(object)) return undefined;
    const { metadata: _, ...rest } = structuredClone(wanted) as DynamicObject;
    return { ...object, ...rest, metadata: object.metadata, apiVersion: object.apiVersion, kind: object.kind };
  });
}
