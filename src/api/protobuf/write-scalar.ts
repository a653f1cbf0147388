import { exactJsonText } from '../../std/exact-json.ts';
import { ProtobufError } from '../../std/protobuf/protobuf-error.ts';
import { WireType } from '../../std/protobuf/wire-reader.ts';
import type { WireWriter } from '../../std/protobuf/wire-writer.ts';
import type { ScalarName } from '../machinery/schema.ts';

/**
 * Writes one value with its tag; undefined stands for Go's zero value.
 *
 * @throws ProtobufError for a value of another type
 */
export function writeScalar(writer: WireWriter, number: number, name: ScalarName, value: unknown): void {
  if (name === 'boolean' || name === 'int32' || name === 'int64') {
    writer.varint(name === 'boolean' ? Number(value === true) : integer(value));
    writer.tag(number, WireType.varint);
  } else if (name === 'double') {
    writer.double(Number(value ?? 0));
    writer.tag(number, WireType.fixed64);
  } else {
    const before = writer.length;
    writeContent(writer, name, value);
    writer.close(number, before);
  }
}

type LengthDelimited = Exclude<ScalarName, 'boolean' | 'int32' | 'int64' | 'double'>;

function writeContent(writer: WireWriter, name: LengthDelimited, value: unknown): void {
  if (name === 'string') writer.text(text(value));
  else if (name === 'bytes') writer.raw(Buffer.from(text(value), 'base64'));
  else if (name === 'quantity') writeText(writer, 1, value === undefined ? '0' : text(value));
  else if (name === 'int-or-string') writeIntOrString(writer, value);
  else if (name === 'time' || name === 'micro-time') writeTime(writer, value, name === 'micro-time');
  else if (value !== undefined) writeText(writer, 1, exactJsonText(value));
}

export function writeText(writer: WireWriter, number: number, value: string): void {
  const before = writer.length;
  writer.text(value);
  writer.close(number, before);
}

/** All three fields are always there. */
function writeIntOrString(writer: WireWriter, value: unknown): void {
  const isText = typeof value === 'string';
  writeText(writer, 3, isText ? value : '');
  writeScalar(writer, 2, 'int32', isText ? 0 : value);
  writeScalar(writer, 1, 'int32', isText ? 1 : 0);
}

/** A plain Time has no fractions of a second, as in JSON (meta/v1 time_proto.go). */
function writeTime(writer: WireWriter, value: unknown, isMicro: boolean): void {
  if (value === undefined) return;
  const written = text(value);
  const ms = Date.parse(written);
  if (Number.isNaN(ms)) throw new ProtobufError(`${JSON.stringify(value)} is no time`);
  const fraction = isMicro ? (/\.(\d{1,6})/.exec(written)?.[1] ?? '') : '';
  writeScalar(writer, 2, 'int32', Number(fraction.padEnd(6, '0')) * 1000);
  writeScalar(writer, 1, 'int64', Math.floor(ms / 1000));
}

function integer(value: unknown): number | bigint {
  if (value === undefined) return 0;
  if (typeof value === 'bigint') return value;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new ProtobufError(`${JSON.stringify(value)} is no integer`);
  return value;
}

function text(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') throw new ProtobufError(`${JSON.stringify(value)} is no string`);
  return value;
}
