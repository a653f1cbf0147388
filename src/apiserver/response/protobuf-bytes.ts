/** Answers in protobuf. Loaded with the first client that wants nothing else: the table of field numbers is not needed before. */
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import type { ListMeta } from '../../api/machinery/object.ts';
import { internalError, type Status } from '../../api/machinery/status-error.ts';
import { encodeProtobuf, encodeProtobufWatchFrame } from '../../api/protobuf/encode.ts';
import { encodeProtobufInSteps, encodeProtobufList } from '../../api/protobuf/encode-in-steps.ts';
import { schemaOfObject } from '../../api/protobuf/object-schema.ts';
import { isLarge, type Steps } from '../../std/pauses.ts';
import { ProtobufError } from '../../std/protobuf/protobuf-error.ts';
import type { Output } from '../request/negotiation.ts';
import type { WatchItem } from '../watch-cache/cached-event.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import { parsedInSteps } from './parsed-in-steps.ts';

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';

const PARTIAL = 'PartialObjectMetadata';

/** One object, whole or its metadata alone. */
export function objectBytes(kind: KindDefinition, output: Output, object: CachedObject): Buffer {
  return encode(kind, output, object.object);
}

/** The same; with pauses where it is large. */
export function* objectBytesInSteps(kind: KindDefinition, output: Output, object: CachedObject): Steps<Buffer> {
  const parsed = yield* object.objectInSteps();
  if (!isLarge(object.sizeBytes)) return objectBytes(kind, output, object);
  yield;
  const { schema, type } = formOf(kind, output);
  return yield* encodeProtobufInSteps(parsed as unknown as JsonObject, schema, type);
}

/** A list; with pauses where it is long. */
export function* listBytes(
  kind: KindDefinition,
  output: Output,
  metadata: ListMeta,
  objects: readonly CachedObject[],
): Steps<Buffer> {
  const { schema, type } = formOf(kind, output);
  const items = (yield* parsedInSteps(objects)) as unknown as JsonObject[];
  const listType = { ...type, kind: `${type.kind}List` };
  return yield* encodeProtobufList(items, schema, { ...metadata }, listType, (item) => isLarge(objects[item]!.sizeBytes));
}

/** What was made for one watcher and serves the others. A memo of a pure function, whose entries go with the events. */
const frames = new WeakMap<WatchItem, Buffer>();

/**
 * One event of a watch. An object that cannot be written, because something else than this server put it into the store, is told as an
 * ERROR to those who watch in protobuf; other watchers are not concerned.
 */
export function itemFrame(kind: KindDefinition, output: Output, item: WatchItem): Buffer {
  try {
    if (output.as !== 'object') return watchFrame(item.type, objectBytes(kind, output, item.object));
    let frame = frames.get(item);
    if (!frame) {
      frame = watchFrame(item.type, objectBytes(kind, output, item.object));
      frames.set(item, frame);
    }
    return frame;
  } catch (error) {
    return errorFrame(kind, item, error);
  }
}

/** The same of a large object. */
export function* itemFrameInSteps(kind: KindDefinition, output: Output, item: WatchItem): Steps<Buffer> {
  try {
    const bytes = yield* objectBytesInSteps(kind, output, item.object);
    yield;
    return watchFrame(item.type, bytes);
  } catch (error) {
    return errorFrame(kind, item, error);
  }
}

function errorFrame(kind: KindDefinition, { object: { namespace, name } }: WatchItem, error: unknown): Buffer {
  if (!(error instanceof ProtobufError)) throw error;
  const { status } = internalError(`${kind.kind} "${namespace}/${name}" cannot be sent: ${error.message}`);
  return watchFrame('ERROR', statusBytes(status));
}

/** Frames an event whose object has been written. */
export function watchFrame(type: string, object: Buffer): Buffer {
  return encodeProtobufWatchFrame(type, object);
}

/** A bookmark: an object that has nothing but this metadata. */
export function bookmarkFrame(kind: KindDefinition, output: Output, metadata: object): Buffer {
  return watchFrame('BOOKMARK', encode(kind, output, { metadata }));
}

const STATUS = { apiVersion: 'v1', kind: 'Status' };

export const statusBytes = (status: Status): Buffer => encodeProtobuf(status as unknown as JsonObject, 'V1Status', STATUS);

/** The same of a long one. */
export const statusBytesInSteps = (status: Status): Steps<Buffer> =>
  encodeProtobufInSteps(status as unknown as JsonObject, 'V1Status', STATUS);

/** A value that is not one of the stored objects; undefined when it has no protobuf form. */
export function valueBytes(value: object): Buffer | undefined {
  const object = value as JsonObject;
  const schema = schemaOfObject(object);
  if (schema === undefined) return undefined;
  return encodeProtobuf(object, schema, { apiVersion: String(object['apiVersion']), kind: String(object['kind']) });
}

type JsonObject = Readonly<Record<string, unknown>>;

function encode(kind: KindDefinition, output: Output, object: object): Buffer {
  const { schema, type } = formOf(kind, output);
  return encodeProtobuf(object as JsonObject, schema, type);
}

function formOf(kind: KindDefinition, output: Output): { schema: string; type: { apiVersion: string; kind: string } } {
  if (output.as === 'partial')
    return { schema: PARTIAL, type: { apiVersion: `meta.k8s.io/${output.tableVersion}`, kind: PARTIAL } };
  return { schema: kind.schema, type: { apiVersion: apiVersionOf(kind), kind: kind.kind } };
}
