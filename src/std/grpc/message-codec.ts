import { WireReader, WireType } from '../protobuf/wire-reader.ts';
import { WireWriter } from '../protobuf/wire-writer.ts';
import { type FieldShape, fieldsOf, type Message, type MessageInput, type MessageSchemas } from './message-schema.ts';

export interface MessageCodec<S extends MessageSchemas> {
  encode<Name extends keyof S & string>(name: Name, value: MessageInput<S, Name>): Buffer;
  /** Unknown fields are passed over; bytes that are not such a message fail with a `ProtobufError`. */
  decode<Name extends keyof S & string>(name: Name, bytes: Uint8Array): Message<S, Name>;
}

interface Shape {
  readonly fields: readonly FieldShape[];
  readonly byNumber: ReadonlyMap<number, FieldShape>;
}

type Fields = Record<string, unknown>;

const WIRE_TYPES: Readonly<Record<string, number>> = {
  string: WireType.bytes,
  bytes: WireType.bytes,
  bool: WireType.varint,
  double: WireType.fixed64,
  int32: WireType.varint,
  int64: WireType.varint,
  uint32: WireType.varint,
  uint64: WireType.varint,
  enum: WireType.varint,
};

/** Encodes and decodes messages (proto3) by their descriptions. Maps are read into objects without a prototype. */
export function createMessageCodec<const S extends MessageSchemas>(schemas: S): MessageCodec<S> {
  const shapes = new Map<string, Shape>();

  function shapeOf(name: string): Shape {
    let shape = shapes.get(name);
    if (!shape) {
      const schema = schemas[name];
      if (!schema) throw new Error(`no message ${name} is described`);
      const fields = fieldsOf(schema);
      shape = { fields, byNumber: new Map(fields.map((field) => [field.number, field])) };
      shapes.set(name, shape);
    }
    return shape;
  }

  /** From the last field to the first: the writer goes backwards. */
  function writeMessage(writer: WireWriter, name: string, value: Fields): void {
    const { fields } = shapeOf(name);
    for (let i = fields.length - 1; i >= 0; i--) {
      const field = fields[i]!;
      const content = value[field.name];
      if (content !== undefined) writeField(writer, field, content);
    }
  }

  function writeField(writer: WireWriter, field: FieldShape, content: unknown): void {
    if (field.label === 'repeated') writeList(writer, field, content as readonly unknown[]);
    else if (field.label === 'map') {
      for (const [key, value] of Object.entries(content as object).reverse()) {
        const before = writer.length;
        writeTagged(writer, field.type, 2, value);
        writeTagged(writer, 'string', 1, key);
        writer.close(field.number, before);
      }
    } else if (!isDefault(content)) writeTagged(writer, field.type, field.number, content);
  }

  function writeList(writer: WireWriter, { type, number }: FieldShape, values: readonly unknown[]): void {
    if (values.length === 0) return;
    const packed = type in WIRE_TYPES && WIRE_TYPES[type] !== WireType.bytes;
    const before = writer.length;
    for (let i = values.length - 1; i >= 0; i--) {
      if (packed) writeScalar(writer, type, values[i]);
      else writeTagged(writer, type, number, values[i]);
    }
    if (packed) writer.close(number, before);
  }

  function writeTagged(writer: WireWriter, type: string, number: number, value: unknown): void {
    const before = writer.length;
    const wireType = WIRE_TYPES[type];
    if (wireType === undefined) writeMessage(writer, type, value as Fields);
    else writeScalar(writer, type, value);
    if (wireType === undefined || wireType === WireType.bytes) writer.close(number, before);
    else writer.tag(number, wireType);
  }

  function readMessage(reader: WireReader, name: string): Fields {
    const { fields, byNumber } = shapeOf(name);
    const message: Fields = {};
    for (const field of fields) message[field.name] = emptyOf(field);
    while (!reader.done) {
      const tag = reader.tag();
      const field = byNumber.get(tag >>> 3);
      const wireType = tag & 7;
      if (!field || !canBe(field, wireType)) reader.skip(wireType);
      else readField(reader, field, wireType, message);
    }
    return message;
  }

  function readField(reader: WireReader, field: FieldShape, wireType: number, message: Fields): void {
    if (field.label === 'map') readEntry(reader, field.type, message[field.name] as Fields);
    else if (field.label === 'single') message[field.name] = readValue(reader, field.type);
    else if (wireType === WireType.bytes && WIRE_TYPES[field.type] !== undefined && WIRE_TYPES[field.type] !== WireType.bytes)
      within(reader, () => {
        while (!reader.done) (message[field.name] as unknown[]).push(readValue(reader, field.type));
      });
    else (message[field.name] as unknown[]).push(readValue(reader, field.type));
  }

  function readEntry(reader: WireReader, type: string, map: Fields): void {
    within(reader, () => {
      let key = '';
      let value: unknown = emptyOf({ name: '', number: 0, label: 'single', type });
      while (!reader.done) {
        const tag = reader.tag();
        if (tag === (1 << 3) + WireType.bytes) key = reader.text();
        else if (tag === (2 << 3) + (WIRE_TYPES[type] ?? WireType.bytes)) value = readValue(reader, type);
        else reader.skip(tag & 7);
      }
      map[key] = value ?? readMessage(new WireReader(Buffer.alloc(0)), type);
    });
  }

  function readValue(reader: WireReader, type: string): unknown {
    switch (type) {
      case 'string':
        return reader.text();
      case 'bytes':
        return reader.bytes();
      case 'bool':
        return reader.signed() !== 0;
      case 'double':
        return reader.double();
      case 'uint32':
        return reader.unsigned() >>> 0;
      case 'uint64':
        return reader.unsigned();
      case 'int32':
      case 'enum':
        return reader.signed() | 0;
      case 'int64':
        return reader.signed();
      default:
        return within(reader, () => readMessage(reader, type));
    }
  }

  return {
    encode(name, value) {
      const writer = new WireWriter();
      writeMessage(writer, name, value as Fields);
      return writer.finish();
    },
    decode: (name, bytes) =>
      readMessage(new WireReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)), name) as never,
  };
}

function writeScalar(writer: WireWriter, type: string, value: unknown): void {
  if (type === 'string') writer.text(value as string);
  else if (type === 'bytes') writer.raw(value as Uint8Array);
  else if (type === 'double') writer.double(value as number);
  else if (type === 'bool') writer.varint(value ? 1 : 0);
  else writer.varint(value as number);
}

/** Reads what stands under a length of its own. */
function within<T>(reader: WireReader, read: () => T): T {
  const length = reader.length();
  const outer = reader.end;
  reader.end = reader.at + length;
  const value = read();
  reader.end = outer;
  return value;
}

/** Lists of numbers come packed or one by one; all else only as described. */
function canBe({ type, label }: FieldShape, wireType: number): boolean {
  const own = label === 'map' ? WireType.bytes : (WIRE_TYPES[type] ?? WireType.bytes);
  return wireType === own || (label === 'repeated' && wireType === WireType.bytes);
}

/** proto3 does not send a scalar that has its type's zero value. */
function isDefault(value: unknown): boolean {
  return value === '' || value === 0 || value === false || (value instanceof Uint8Array && value.length === 0);
}

function emptyOf({ label, type }: FieldShape): unknown {
  if (label === 'repeated') return [];
  if (label === 'map') return Object.create(null);
  if (type === 'string') return '';
  if (type === 'bool') return false;
  if (type === 'bytes') return new Uint8Array();
  return type in WIRE_TYPES ? 0 : undefined;
}
