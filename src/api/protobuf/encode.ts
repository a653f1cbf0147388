import { ProtobufError } from '../../std/protobuf/protobuf-error.ts';
import { WireWriter } from '../../std/protobuf/wire-writer.ts';
import { writeEnvelope } from './envelope.ts';
import { type ChoiceShape, type FieldShape, type MessageShape, shapeOf, type ValueShape } from './message-shape.ts';
import { writeScalar, writeText } from './write-scalar.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export interface ObjectType {
  readonly apiVersion: string;
  readonly kind: string;
}

const NOTHING: JsonObject = {};

/**
 * Writes an object in Kubernetes' protobuf form, byte for byte as upstream: fields that are no pointers in Go are there also when they
 * are empty, maps are sorted by key.
 *
 * @param schema what the object is; its type goes into the envelope
 * @throws ProtobufError for a schema without protobuf form, or a value that is not of its type
 */
export function encodeProtobuf(object: JsonObject, schema: string, type: ObjectType): Buffer {
  const writer = new WireWriter();
  writeEnvelope(writer, type, () => writeMessage(writer, shapeOf(schema), object));
  return writer.finish();
}

/**
 * Frames one event of a watch (`application/vnd.kubernetes.protobuf;stream=watch`): the length in four bytes, then a meta/v1 WatchEvent
 * without envelope: type = 1, object = 2 { raw = 1 }, where raw is the object in its own envelope.
 */
export function encodeProtobufWatchFrame(type: string, object: Uint8Array): Buffer {
  const writer = new WireWriter();
  writer.raw(object);
  writer.close(1, 0);
  writer.close(2, 0);
  writeText(writer, 1, type);
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(writer.length);
  writer.raw(length);
  return writer.finish();
}

function writeMessage(writer: WireWriter, shape: MessageShape, object: JsonObject): void {
  for (const field of shape.descending) {
    if ('embedded' in field) writeInner(writer, field.number, field.embedded, object);
    else writeField(writer, field, object[field.name] ?? undefined);
  }
}

export function writeInner(writer: WireWriter, number: number, shape: MessageShape, object: JsonObject): void {
  const before = writer.length;
  writeMessage(writer, shape, object);
  writer.close(number, before);
}

export function writeField(
  writer: WireWriter,
  { number, name, count, value: shape, isPointer }: FieldShape,
  value: unknown,
): void {
  if (count === 'one') {
    // Bytes are a slice in Go, which may be nil like a pointer.
    const isNil = isPointer || (shape.form === 'scalar' && shape.name === 'bytes');
    if (value !== undefined || !isNil) writeValue(writer, number, shape, value);
  } else if (value === undefined) return;
  else if (count === 'list') {
    if (!Array.isArray(value)) throw new ProtobufError(`${name} is no list`);
    for (let i = value.length - 1; i >= 0; i--) writeValue(writer, number, shape, value[i] ?? undefined);
  } else writeMap(writer, number, shape, asObject(value, name));
}

/** A map is a list of entries: key = 1, value = 2. */
function writeMap(writer: WireWriter, number: number, shape: ValueShape, map: JsonObject): void {
  const keys = Object.keys(map).sort();
  for (let i = keys.length - 1; i >= 0; i--) writeEntry(writer, number, shape, keys[i]!, map[keys[i]!]);
}

export function writeEntry(writer: WireWriter, number: number, shape: ValueShape, key: string, value: unknown): void {
  const before = writer.length;
  writeValue(writer, 2, shape, value ?? undefined);
  writeText(writer, 1, key);
  writer.close(number, before);
}

export function writeValue(writer: WireWriter, number: number, shape: ValueShape, value: unknown): void {
  if (shape.form === 'scalar') writeScalar(writer, number, shape.name, value);
  else if (shape.form === 'message')
    writeInner(writer, number, shape.shape, value === undefined ? NOTHING : asObject(value, shape.shape.schema));
  else if (shape.form === 'choice') writeChoice(writer, number, shape, value);
  else {
    const before = writer.length;
    if (!Array.isArray(value ?? [])) throw new ProtobufError('a list of texts is no list');
    const texts = (value ?? []) as readonly unknown[];
    for (let i = texts.length - 1; i >= 0; i--) writeScalar(writer, 1, 'string', texts[i]);
    writer.close(number, before);
  }
}

/**
 * JSONSchemaPropsOrBool: allows = 1, schema = 2; JSONSchemaPropsOrArray: schema = 1, jSONSchemas = 2;
 * JSONSchemaPropsOrStringArray: schema = 1, property = 2 (apiextensions/v1 generated.proto).
 */
function writeChoice(writer: WireWriter, number: number, { or, shape }: ChoiceShape, value: unknown): void {
  const before = writer.length;
  if (or === 'boolean') {
    const isSchema = typeof value === 'object' && value !== null;
    if (isSchema) writeInner(writer, 2, shape, asObject(value, shape.schema));
    writeScalar(writer, 1, 'boolean', isSchema || value);
  } else if (Array.isArray(value)) {
    for (let i = value.length - 1; i >= 0; i--)
      if (or === 'list') writeInner(writer, 2, shape, asObject(value[i], shape.schema));
      else writeScalar(writer, 2, 'string', value[i]);
  } else if (value !== undefined) writeInner(writer, 1, shape, asObject(value, shape.schema));
  writer.close(number, before);
}

function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ProtobufError(`${what} is no object`);
  return value as JsonObject;
}
