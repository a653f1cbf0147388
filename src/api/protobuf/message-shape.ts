import { ProtobufError } from '../../std/protobuf/protobuf-error.ts';
import numbers from '../gen/protobuf-fields.json' with { type: 'json' };
import { type FieldType, fieldsOfSchema, originalSchema, type ScalarName } from '../machinery/schema.ts';

/**
 * One value as it lies on the wire. `texts` is a message whose field 1 is a list of strings: a map's lists (ExtraValue). `choice` is a
 * message that holds either a message of `shape` or, as JSON has it instead, a boolean, a list of such messages, or a list of strings.
 */
export type ValueShape =
  | { readonly form: 'scalar'; readonly name: ScalarName }
  | { readonly form: 'message'; readonly shape: MessageShape }
  | { readonly form: 'texts' }
  | ChoiceShape;

export interface ChoiceShape {
  readonly form: 'choice';
  readonly or: 'boolean' | 'list' | 'texts';
  readonly shape: MessageShape;
}

/** Fields of apiextensions' JSONSchemaProps that hold a schema or something else; the generated schemas know them as any value. */
const CHOICES: Readonly<Record<string, ChoiceShape['or']>> = {
  additionalItems: 'boolean',
  additionalProperties: 'boolean',
  items: 'list',
  dependencies: 'texts',
};

export interface FieldShape {
  readonly number: number;
  readonly name: string;
  readonly count: 'one' | 'list' | 'map';
  readonly value: ValueShape;
  /** A pointer in Go: absent when it is nil. What is no pointer is always on the wire. */
  readonly isPointer: boolean;
  /** In JSON also when it is empty. */
  readonly isAlwaysShown: boolean;
}

/** A message on the wire whose fields are, in JSON, fields of the object around it: what Go embeds. */
export interface EmbeddedShape {
  readonly number: number;
  readonly embedded: MessageShape;
}

/** All that reading and writing a message need, made once. */
export interface MessageShape {
  readonly schema: string;
  readonly byNumber: readonly (FieldShape | EmbeddedShape | undefined)[];
  /** From the highest number to the lowest: the order of writing. */
  readonly descending: readonly (FieldShape | EmbeddedShape)[];
  /** Fields that JSON shows although nothing was on the wire. */
  readonly alwaysShown: readonly FieldShape[];
}

type Row = Readonly<Record<string, string>>;
const rows: Readonly<Record<string, Row>> = numbers;

/** What was made so far. A memo of a pure function: it changes no answer. */
const shapes = new Map<string, MessageShape>();

/** Whether the numbers of a schema's fields are known. */
export function hasShape(schema: string): boolean {
  return Object.hasOwn(rows, originalSchema(schema));
}

/**
 * The shape of a schema's message.
 *
 * @throws ProtobufError when its numbers are not known
 */
export function shapeOf(schema: string): MessageShape {
  const known = shapes.get(schema);
  if (known) return known;
  if (schema === 'PartialObjectMetadata') return metadataShape();
  if (!hasShape(schema)) throw new ProtobufError(`${schema} has no protobuf form here`);
  const fields = fieldsOfSchema(schema);
  const shape = { schema, byNumber: [], descending: [], alwaysShown: [] };
  shapes.set(schema, shape); // before it is filled: messages may contain themselves
  const paths = Object.entries(rows[originalSchema(schema)]!).map(([name, text]) => ({
    name,
    text,
    type: fields.get(name)!.type,
  }));
  fill(shape, schema, paths);
  return shape;
}

/** meta/v1 PartialObjectMetadata, which is an object of any kind without the rest. */
function metadataShape(): MessageShape {
  const shape = { schema: 'PartialObjectMetadata', byNumber: [], descending: [], alwaysShown: [] };
  fill(shape, shape.schema, [{ name: 'metadata', text: '1!', type: { form: 'structure', schema: 'V1ObjectMeta' } }]);
  shapes.set(shape.schema, shape);
  return shape;
}

interface Path {
  readonly name: string;
  /** `2.19*`; see gen/gather-protobuf.ts. */
  readonly text: string;
  readonly type: FieldType;
}

function fill(shape: MessageShape, schema: string, paths: readonly Path[]): void {
  const byNumber = shape.byNumber as (FieldShape | EmbeddedShape | undefined)[];
  const inner = new Map<number, Path[]>();
  for (const path of paths) {
    const dot = path.text.indexOf('.');
    const number = Number.parseInt(path.text, 10);
    if (dot < 0) byNumber[number] = fieldShape(schema, path, number);
    else {
      const rest = { ...path, text: path.text.slice(dot + 1) };
      const group = inner.get(number);
      if (group) group.push(rest);
      else inner.set(number, [rest]);
    }
  }
  for (const [number, group] of inner) {
    const embedded = { schema, byNumber: [], descending: [], alwaysShown: [] };
    fill(embedded, schema, group);
    byNumber[number] = { number, embedded };
  }
  for (let number = byNumber.length - 1; number > 0; number--) {
    const field = byNumber[number];
    if (!field) continue;
    (shape.descending as (FieldShape | EmbeddedShape)[]).push(field);
    const always = 'embedded' in field ? field.embedded.alwaysShown : isShownEmpty(field) ? [field] : [];
    (shape.alwaysShown as FieldShape[]).unshift(...always);
  }
}

function fieldShape(schema: string, { name, text, type }: Path, number: number): FieldShape {
  const count = type.form === 'list' || type.form === 'map' ? type.form : 'one';
  const or = schema === 'V1JSONSchemaProps' && Object.hasOwn(CHOICES, name) ? CHOICES[name] : undefined;
  const value = or ? choiceShape(schema, or) : valueShape(type.form === 'list' || type.form === 'map' ? type.of : type);
  return { number, name, count, value, isPointer: text.includes('*'), isAlwaysShown: text.endsWith('!') };
}

function valueShape(type: FieldType): ValueShape {
  if (type.form === 'scalar') return type;
  if (type.form === 'list' && type.of.form === 'scalar' && type.of.name === 'string') return { form: 'texts' };
  if (type.form !== 'structure') throw new ProtobufError(`no protobuf form is known of a ${type.form} in a list or map`);
  const { schema } = type;
  // Looked up when used: messages may contain themselves.
  let shape: MessageShape | undefined;
  return {
    form: 'message',
    get shape() {
      shape ??= shapeOf(schema);
      return shape;
    },
  };
}

const choiceShape = (schema: string, or: ChoiceShape['or']): ChoiceShape => ({
  form: 'choice',
  or,
  get shape() {
    return shapeOf(schema);
  },
});

/** Empty lists, maps, bytes, times and raw values are null in JSON, which says no more than leaving them out. */
function isShownEmpty({ count, value, isPointer, isAlwaysShown }: FieldShape): boolean {
  if (!isAlwaysShown || isPointer || count !== 'one') return false;
  return value.form === 'message' || (value.form === 'scalar' && !NULL_WHEN_EMPTY.has(value.name));
}

const NULL_WHEN_EMPTY: ReadonlySet<ScalarName> = new Set(['bytes', 'time', 'micro-time', 'any']);
