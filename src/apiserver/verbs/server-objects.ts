import { cloneJson } from '../../api/machinery/clone.ts';
import type { KindDefinition, PartSubresource } from '../../api/machinery/kind.ts';
import { methodNotAllowed } from '../../api/machinery/status-error.ts';
import type { ObjectReader, ObjectWriter, UserInfo } from '../contracts.ts';
import type { Keyspace } from '../store-access/keyspace.ts';
import type { WatchCache } from '../watch-cache/watch-cache.ts';
import { trackPlainWrites } from './field-tracking.ts';
import type { ObjectWrites, WriteScope } from './write-object.ts';

/** Reads objects for the server's own parts, straight from the watch cache. */
export function createObjectReader(cache: WatchCache, keyspace: Keyspace): ObjectReader {
  return {
    get: (kind, namespace, name) =>
      cache
        .kind(kind)
        .objects.get(keyspace.objectKey(kind, namespace, name))
        ?.asFarAs(kind).object,
    list: (kind, namespace) =>
      cache
        .kind(kind)
        .objects.range(keyspace.collectionPrefix(kind, namespace))
        .map((object) => object.asFarAs(kind).object),
    waitFresh: () => cache.fresh(),
    subscribe: (kind, listener) =>
      cache.kind(kind).subscribe(({ current, previous }) =>
        listener({
          namespace: (current ?? previous)!.namespace,
          name: (current ?? previous)!.name,
          get object() {
            return current?.asFarAs(kind).object;
          },
          get previous() {
            return previous?.asFarAs(kind).object;
          },
          mayHave: (field) => (current ?? previous)!.mayHave(field),
        }),
      ),
  };
}

/** Who the server itself is, as upstream's loopback client. */
const SERVER: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] };

/** Writes on the server's own behalf. */
export function createObjectWriter(writes: ObjectWrites): ObjectWriter {
  const scope = (kind: KindDefinition, namespace: string, part?: PartSubresource): WriteScope => ({
    kind,
    namespace,
    user: SERVER,
    dryRun: false,
    warnings: [],
    ...(part && { part }),
    admit: false,
    fields: trackPlainWrites({ manager: 'kube-apiserver', subresource: part?.name ?? '' }),
  });
  const partOf = (kind: KindDefinition, name: string | undefined) => {
    if (name === undefined) return undefined;
    const part = kind.parts.find((each) => each.name === name);
    if (!part) throw methodNotAllowed(kind, `update of ${name}`);
    return part;
  };
  return {
    create: async (kind, object) =>
      (await writes.create(scope(kind, object.metadata.namespace ?? ''), cloneJson(object))).decode(),
    modify: async (kind, namespace, name, change, part) =>
      (
        await writes.update(
          scope(kind, namespace, partOf(kind, part)),
          name,
          (existing) => change(existing.decode()) ?? existing.decode(),
        )
      ).object.decode(),
    delete: async (kind, namespace, name) => {
      await writes.delete(scope(kind, namespace), name, {
        dryRun: false,
        gracePeriodSeconds: 0,
        propagationPolicy: 'Background',
        preconditions: {},
      });
    },
  };
}
