import { ProtobufError } from '../../std/protobuf/protobuf-error.ts';
import { WireReader, WireType } from '../../std/protobuf/wire-reader.ts';
import { readEnvelope } from './envelope.ts';
import { type ChoiceShape, type FieldShape, type MessageShape, shapeOf, type ValueShape } from './message-shape.ts';
import { readScalar, wireTypeOf, zeroScalar } from './read-scalar.ts';

/** Messages in each other; upstream's deepest is not near. */
const DEEPEST = 100;
/** Messages in one body. An empty one is two bytes, but an object with its required fields in memory: a few megabytes may not become gigabytes. */
const MOST_MESSAGES = 250_000;

export interface Progress {
  messages: number;
}

export type JsonObject = Record<string, unknown>;

/**
 * Reads an object in Kubernetes' protobuf form: the JSON that Go's encoder would make of the same object, less its nulls. The wire holds
 * also what is empty, as long as it is no pointer in Go; such fields are left out where JSON leaves them out. Fields that are not known
 * are skipped, as upstream does.
 *
 * @param schema what the bytes are, since the wire does not name fields
 * @throws ProtobufError
 */
export function decodeProtobuf(bytes: Buffer, schema: string): JsonObject {
  const { apiVersion, kind, raw } = readEnvelope(bytes);
  const object: JsonObject = { ...(apiVersion && { apiVersion }), ...(kind && { kind }) };
  return readMessage(new WireReader(raw), shapeOf(schema), object, 0, { messages: 0 });
}

/** Reads up to the reader's end. Into an object that is there already it merges, as repeated occurrences of a field do. */
function readMessage(reader: WireReader, shape: MessageShape, object: JsonObject, depth: number, progress: Progress): JsonObject {
  beginMessage(depth, progress);
  readFields(reader, shape, object, depth, progress);
  return showEmpty(shape, object, depth, progress);
}

/** @throws ProtobufError where there are too many, or one in another too often */
export function beginMessage(depth: number, progress: Progress): void {
  if (depth > DEEPEST) throw new ProtobufError('exceeded max depth');
  if (++progress.messages > MOST_MESSAGES) throw new ProtobufError(`more than ${MOST_MESSAGES} messages in one body`);
}

/** The object that was read, with what JSON shows although nothing was on the wire. */
export function showEmpty(shape: MessageShape, object: JsonObject, depth: number, progress: Progress): JsonObject {
  for (const field of shape.alwaysShown)
    if (object[field.name] === undefined) object[field.name] = zeroOf(field.value, depth, progress);
  return object;
}

function readFields(reader: WireReader, shape: MessageShape, object: JsonObject, depth: number, progress: Progress): void {
  while (!reader.done) {
    const tag = reader.tag();
    const field = shape.byNumber[tag >>> 3];
    if (!field) reader.skip(tag & 7);
    else if ('embedded' in field) {
      expectType(tag, WireType.bytes, shape, field.number);
      within(reader, () => readFields(reader, field.embedded, object, depth, progress));
    } else readField(reader, tag, shape, field, object, depth, progress);
  }
}

export function readField(
  reader: WireReader,
  tag: number,
  shape: MessageShape,
  field: FieldShape,
  object: JsonObject,
  depth: number,
  progress: Progress,
): void {
  const { name, value } = field;
  if (field.count === 'map') {
    expectType(tag, WireType.bytes, shape, name);
    object[name] ??= {};
    const map = object[name] as JsonObject;
    within(reader, () => readEntry(reader, shape, field, map, depth, progress));
    return;
  }
  if (field.count === 'list') {
    object[name] ??= [];
    const list = object[name] as unknown[];
    const expected = wireTypeOf(value);
    // Numbers may also come packed: one after the other in one field.
    if ((tag & 7) === WireType.bytes && expected !== WireType.bytes)
      within(reader, () => {
        while (!reader.done) list.push(readValue(reader, value, undefined, depth, progress));
      });
    else {
      expectType(tag, expected, shape, name);
      list.push(readValue(reader, value, undefined, depth, progress));
    }
    return;
  }
  expectType(tag, wireTypeOf(value), shape, name);
  const read = readValue(reader, value, object[name], depth, progress);
  if (read === undefined || (!field.isPointer && !field.isAlwaysShown && isEmpty(read))) delete object[name];
  else object[name] = read;
}

function readEntry(
  reader: WireReader,
  shape: MessageShape,
  { name, value }: FieldShape,
  map: JsonObject,
  depth: number,
  progress: Progress,
): void {
  let key = '';
  let item: unknown;
  while (!reader.done) {
    const tag = reader.tag();
    if (tag >>> 3 === 1) {
      expectType(tag, WireType.bytes, shape, name);
      key = reader.text();
    } else if (tag >>> 3 === 2) {
      expectType(tag, wireTypeOf(value), shape, name);
      item = readValue(reader, value, undefined, depth, progress);
    } else reader.skip(tag & 7);
  }
  item ??= zeroOf(value, depth, progress);
  // Defined, not assigned: a key may be called __proto__.
  if (key === '__proto__') Object.defineProperty(map, key, { value: item, writable: true, enumerable: true, configurable: true });
  else map[key] = item;
}

/** Undefined where JSON has null. */
function readValue(reader: WireReader, value: ValueShape, before: unknown, depth: number, progress: Progress): unknown {
  if (value.form === 'scalar') return readScalar(reader, value.name);
  if (value.form === 'texts') return within(reader, () => readTexts(reader));
  if (value.form === 'choice') return within(reader, () => readChoice(reader, value, depth, progress));
  const into = (before ?? {}) as JsonObject;
  return within(reader, () => readMessage(reader, value.shape, into, depth + 1, progress));
}

/** See `writeChoice`. Undefined where Go writes null: neither is given. */
function readChoice(reader: WireReader, { or, shape }: ChoiceShape, depth: number, progress: Progress): unknown {
  const schemaAt = or === 'boolean' ? 2 : 1;
  let schema: JsonObject | undefined;
  let allows = false;
  const list: unknown[] = [];
  while (!reader.done) {
    const tag = reader.tag();
    const number = tag >>> 3;
    if (number !== 1 && number !== 2) {
      reader.skip(tag & 7);
      continue;
    }
    const isBoolean = or === 'boolean' && number === 1;
    expectType(tag, isBoolean ? WireType.varint : WireType.bytes, shape, number);
    const readSchema = (into: JsonObject) => within(reader, () => readMessage(reader, shape, into, depth + 1, progress));
    if (isBoolean) allows = reader.signed() !== 0;
    else if (number === schemaAt) schema = readSchema(schema ?? {});
    else list.push(or === 'texts' ? reader.text() : readSchema({}));
  }
  if (or === 'boolean') return schema ?? allows;
  return list.length ? list : schema;
}

function readTexts(reader: WireReader): string[] {
  const texts: string[] = [];
  while (!reader.done) {
    const tag = reader.tag();
    if (tag === ((1 << 3) | WireType.bytes)) texts.push(reader.text());
    else reader.skip(tag & 7);
  }
  return texts;
}

/** Lets `read` see one length-delimited value as all there is. */
function within<T>(reader: WireReader, read: () => T): T {
  const length = reader.length();
  const outer = reader.end;
  reader.end = reader.at + length;
  const result = read();
  reader.at = reader.end;
  reader.end = outer;
  return result;
}

function zeroOf(value: ValueShape, depth: number, progress: Progress): unknown {
  if (value.form === 'scalar') return zeroScalar(value.name);
  if (value.form === 'texts') return [];
  if (value.form === 'choice') return value.or === 'boolean' ? false : undefined;
  return readMessage(new WireReader(Buffer.alloc(0)), value.shape, {}, depth + 1, progress);
}

/** What Go's omitempty leaves out. Structures are never empty in its sense. */
function isEmpty(read: unknown): boolean {
  return read === '' || read === 0 || read === false;
}

export function expectType(tag: number, expected: number, shape: MessageShape, field: string | number): void {
  if ((tag & 7) !== expected) throw new ProtobufError(`wrong wireType = ${tag & 7} for field ${field} of ${shape.schema}`);
}
