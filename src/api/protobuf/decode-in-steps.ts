/** Reads large objects with pauses. Each message says how long it is: those that are long are gone down into, others are read at once. */
import { parseInSteps } from '../../std/json-in-steps.ts';
import { Pace, type Steps } from '../../std/pauses.ts';
import { WireReader, WireType } from '../../std/protobuf/wire-reader.ts';
import { beginMessage, expectType, type JsonObject, type Progress, readField, showEmpty } from './decode.ts';
import { readEnvelope } from './envelope.ts';
import { type FieldShape, type MessageShape, shapeOf } from './message-shape.ts';
import { badRawValue, readRawText } from './read-scalar.ts';

/** About how many bytes are read between two pauses: some milliseconds. */
const PART = 64 * 1024;

/** As `decodeProtobuf`. */
export function* decodeProtobufInSteps(bytes: Buffer, schema: string, part = PART): Steps<JsonObject> {
  const { apiVersion, kind, raw } = readEnvelope(bytes);
  const object: JsonObject = { ...(apiVersion && { apiVersion }), ...(kind && { kind }) };
  return yield* new LargeMessage(raw, part).message(shapeOf(schema), object, 0);
}

class LargeMessage {
  readonly #reader: WireReader;
  readonly #part: number;
  readonly #pace: Pace;
  readonly #progress: Progress = { messages: 0 };

  constructor(raw: Buffer, part: number) {
    this.#reader = new WireReader(raw);
    this.#part = part;
    this.#pace = new Pace(part);
  }

  *message(shape: MessageShape, object: JsonObject, depth: number): Steps<JsonObject> {
    beginMessage(depth, this.#progress);
    yield* this.#fields(shape, object, depth);
    return showEmpty(shape, object, depth, this.#progress);
  }

  *#fields(shape: MessageShape, object: JsonObject, depth: number): Steps<void> {
    const reader = this.#reader;
    while (!reader.done) {
      const from = reader.at;
      const tag = reader.tag();
      const field = shape.byNumber[tag >>> 3];
      if (!field) reader.skip(tag & 7);
      else if ('embedded' in field) {
        expectType(tag, WireType.bytes, shape, field.number);
        yield* this.#within(this.#fields(field.embedded, object, depth));
      } else if (mayBeLong(field) && (tag & 7) === WireType.bytes && this.#comesLong()) yield* this.#long(field, object, depth);
      else {
        readField(reader, tag, shape, field, object, depth, this.#progress);
        if (this.#pace.due(reader.at - from)) yield;
      }
    }
  }

  #comesLong(): boolean {
    const { at } = this.#reader;
    const length = this.#reader.length();
    this.#reader.at = at;
    return length > this.#part;
  }

  *#long({ name, count, value }: FieldShape, object: JsonObject, depth: number): Steps<void> {
    const before = count === 'one' ? object[name] : undefined;
    const read =
      value.form === 'message'
        ? yield* this.#within(this.message(value.shape, (before ?? {}) as JsonObject, depth + 1))
        : yield* this.#raw();
    if (count === 'list') {
      object[name] ??= [];
      (object[name] as unknown[]).push(read);
    } else if (read === undefined) delete object[name];
    else object[name] = read;
  }

  *#raw(): Steps<unknown> {
    const text = readRawText(this.#reader);
    try {
      return text ? ((yield* parseInSteps(text)) ?? undefined) : undefined;
    } catch (error) {
      throw badRawValue(error as Error);
    }
  }

  /** Lets `steps`, which have not begun, see one length-delimited value as all there is. */
  *#within<T>(steps: Steps<T>): Steps<T> {
    const reader = this.#reader;
    const length = reader.length();
    const outer = reader.end;
    reader.end = reader.at + length;
    const result = yield* steps;
    reader.at = reader.end;
    reader.end = outer;
    return result;
  }
}

const mayBeLong = ({ count, value }: FieldShape): boolean =>
  value.form === 'message' ? count !== 'map' : count === 'one' && value.form === 'scalar' && value.name === 'any';
