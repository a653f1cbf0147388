import { parseExactJson } from '../../std/exact-json.ts';
import { ProtobufError } from '../../std/protobuf/protobuf-error.ts';
import { type WireReader, WireType } from '../../std/protobuf/wire-reader.ts';
import type { ScalarName } from '../machinery/schema.ts';
import type { ValueShape } from './message-shape.ts';

/** Seconds of the years that RFC 3339 can write: 0001 to 9999. */
const FIRST_SECOND = -62_135_596_800;
const LAST_SECOND = 253_402_300_799;

export function wireTypeOf(value: ValueShape): number {
  if (value.form !== 'scalar') return WireType.bytes;
  if (value.name === 'boolean' || value.name === 'int32' || value.name === 'int64') return WireType.varint;
  return value.name === 'double' ? WireType.fixed64 : WireType.bytes;
}

/** A value as JSON has it; undefined where Go writes null. */
export function readScalar(reader: WireReader, name: ScalarName): unknown {
  switch (name) {
    case 'string':
      return reader.text();
    case 'boolean':
      return reader.signed() !== 0;
    case 'int32':
      return reader.signed() | 0;
    case 'int64':
      return reader.signed64();
    case 'double':
      return reader.double();
    case 'bytes':
      return reader.bytes().toString('base64');
    case 'quantity':
      return readInner(reader, NO_NUMBERS).texts[1] ?? '0';
    case 'int-or-string':
      return readIntOrString(reader);
    case 'time':
      return readTime(reader, false);
    case 'micro-time':
      return readTime(reader, true);
    case 'any':
      return readRaw(reader);
  }
}

/** What Go has where nothing was given; undefined where JSON says null then. */
export function zeroScalar(name: ScalarName): unknown {
  switch (name) {
    case 'string':
    case 'bytes':
      return '';
    case 'boolean':
      return false;
    case 'int32':
    case 'int64':
    case 'double':
    case 'int-or-string':
      return 0;
    case 'quantity':
      return '0';
    case 'time':
    case 'micro-time':
    case 'any':
      return undefined;
  }
}

/** intstr.IntOrString: type = 1 (1: a string), intVal = 2, strVal = 3. */
function readIntOrString(reader: WireReader): number | string {
  const { numbers, texts } = readInner(reader, [1, 2]);
  return numbers[1] === 1 ? (texts[3] ?? '') : (numbers[2] ?? 0) | 0;
}

/** meta/v1 Timestamp: seconds = 1, nanos = 2. Nothing, or the epoch itself, is no time (meta/v1 time_proto.go). */
function readTime(reader: WireReader, isMicro: boolean): string | undefined {
  const { numbers } = readInner(reader, [1, 2]);
  const seconds = numbers[1] ?? 0;
  const nanos = numbers[2] ?? 0;
  if (seconds === 0 && nanos === 0) return undefined;
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND || nanos < 0 || nanos > 999_999_999)
    throw new ProtobufError(`a time of ${seconds} seconds and ${nanos} nanoseconds is out of range`);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  return isMicro ? `${text}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z` : `${text}Z`;
}

/** RawExtension and FieldsV1: raw = 1, a text in JSON. */
function readRaw(reader: WireReader): unknown {
  const text = readRawText(reader);
  try {
    return text ? (parseExactJson(text) ?? undefined) : undefined;
  } catch (error) {
    throw badRawValue(error as Error);
  }
}

export const readRawText = (reader: WireReader): string => readInner(reader, NO_NUMBERS).texts[1] ?? '';

export const badRawValue = (cause: Error) => new ProtobufError(`a raw value is no JSON: ${cause.message}`, cause);

const NO_NUMBERS: readonly number[] = [];

/** The fields 1 to 3 of a small message, those of `numbers` as numbers and all others as texts. */
function readInner(
  reader: WireReader,
  numbers: readonly number[],
): { numbers: Record<number, number>; texts: Record<number, string> } {
  const found: { numbers: Record<number, number>; texts: Record<number, string> } = { numbers: {}, texts: {} };
  const length = reader.length();
  const outer = reader.end;
  reader.end = reader.at + length;
  while (!reader.done) {
    const tag = reader.tag();
    const number = tag >>> 3;
    if (number > 3) {
      reader.skip(tag & 7);
      continue;
    }
    const isNumber = numbers.includes(number);
    if ((tag & 7) !== (isNumber ? WireType.varint : WireType.bytes))
      throw new ProtobufError(`wrong wireType = ${tag & 7} for field ${number}`);
    if (isNumber) found.numbers[number] = reader.signed();
    else found.texts[number] = reader.text();
  }
  reader.end = outer;
  return found;
}
