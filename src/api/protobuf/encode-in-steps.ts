/** Writes large objects with pauses. What few members a message, list or map has are gone down into; of many, each is written at once. */
import { jsonTextInSteps } from '../../std/json-in-steps.ts';
import { Pace, type Steps } from '../../std/pauses.ts';
import { WireWriter } from '../../std/protobuf/wire-writer.ts';
import { type ObjectType, writeEntry, writeField, writeInner, writeValue } from './encode.ts';
import { writeEnvelope } from './envelope.ts';
import { type FieldShape, type MessageShape, shapeOf, type ValueShape } from './message-shape.ts';
import { writeText } from './write-scalar.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** About how many bytes are written between two pauses: some milliseconds. */
const PART = 128 * 1024;
const FEW = 32;
/** To list or to sort the keys of larger maps takes milliseconds. */
const MANY = 4096;

/** As `encodeProtobuf`. */
export function* encodeProtobufInSteps(object: JsonObject, schema: string, type: ObjectType, part = PART): Steps<Buffer> {
  const message = new WireWriter();
  yield* new LargeMessage(message, part).message(shapeOf(schema), object);
  return inEnvelope(message, type);
}

/** Writes a list: every list kind is metadata = 1, items = 2. Pauses after each part. */
export function* encodeProtobufList(
  items: readonly JsonObject[],
  itemSchema: string,
  metadata: JsonObject,
  type: ObjectType,
  isLarge: (item: number) => boolean = () => false,
): Steps<Buffer> {
  const list = new WireWriter();
  const shape = shapeOf(itemSchema);
  const pace = new Pace(PART);
  const large = new LargeMessage(list, PART);
  for (let i = items.length - 1; i >= 0; i--) {
    const before = list.length;
    if (isLarge(i)) yield* large.inner(2, shape, items[i]!);
    else writeInner(list, 2, shape, items[i]!);
    if (pace.due(list.length - before)) yield;
  }
  writeInner(list, 1, shapeOf('V1ListMeta'), metadata);
  return inEnvelope(list, type);
}

function inEnvelope(message: WireWriter, type: ObjectType): Buffer {
  const writer = new WireWriter();
  writeEnvelope(writer, type, () => writer.raw(message.finish()));
  return writer.finish();
}

/** One message of many, or large, parts. Which bytes stand for what is `encode.ts`'s. */
class LargeMessage {
  readonly #writer: WireWriter;
  readonly #part: number;
  /** How much was written at the last pause. */
  #atPause = 0;

  constructor(writer: WireWriter, part: number) {
    this.#writer = writer;
    this.#part = part;
  }

  *message(shape: MessageShape, object: JsonObject): Steps<void> {
    for (const field of shape.descending)
      if ('embedded' in field) yield* this.inner(field.number, field.embedded, object);
      else yield* this.#field(field, object[field.name] ?? undefined);
  }

  *inner(number: number, shape: MessageShape, object: JsonObject): Steps<void> {
    const before = this.#writer.length;
    yield* this.message(shape, object);
    this.#writer.close(number, before);
  }

  *#field(field: FieldShape, value: unknown): Steps<void> {
    const { number, count, value: shape } = field;
    if (count === 'list' && Array.isArray(value)) yield* this.#list(number, shape, value);
    else if (count === 'map' && isMap(value)) yield* this.#map(number, shape, value);
    else if (count === 'one' && isHolder(value)) yield* this.#value(number, shape, value);
    else writeField(this.#writer, field, value);
  }

  *#list(number: number, shape: ValueShape, list: readonly unknown[]): Steps<void> {
    for (let i = list.length - 1; i >= 0; i--) {
      if (list.length <= FEW) yield* this.#value(number, shape, list[i]);
      else writeValue(this.#writer, number, shape, list[i] ?? undefined);
      if (this.#due) yield;
    }
  }

  *#map(number: number, shape: ValueShape, map: JsonObject): Steps<void> {
    const keys = Object.keys(map);
    if (keys.length > MANY) yield;
    keys.sort();
    if (keys.length > MANY) yield;
    for (let i = keys.length - 1; i >= 0; i--) {
      const key = keys[i]!;
      if (keys.length > FEW) writeEntry(this.#writer, number, shape, key, map[key]);
      else {
        const before = this.#writer.length;
        yield* this.#value(2, shape, map[key]);
        writeText(this.#writer, 1, key);
        this.#writer.close(number, before);
      }
      if (this.#due) yield;
    }
  }

  *#value(number: number, shape: ValueShape, value: unknown): Steps<void> {
    if (shape.form === 'message' && isMap(value)) yield* this.inner(number, shape.shape, value);
    else if (shape.form === 'scalar' && shape.name === 'any' && isHolder(value)) {
      const before = this.#writer.length;
      writeText(this.#writer, 1, yield* jsonTextInSteps(value, this.#part));
      this.#writer.close(number, before);
    } else writeValue(this.#writer, number, shape, value ?? undefined);
  }

  /** Whether there should be a pause: a part has been written since the last one. */
  get #due(): boolean {
    if (this.#writer.length - this.#atPause < this.#part) return false;
    this.#atPause = this.#writer.length;
    return true;
  }
}

const isHolder = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isMap = (value: unknown): value is JsonObject => isHolder(value) && !Array.isArray(value);
