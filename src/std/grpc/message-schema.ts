/**
 * Protobuf messages described in one line a field, with their TypeScript types derived from it, so that neither can drift.
 *
 *     const SCHEMAS = { PodIP: { ip: '1 string' }, Network: { ip: '1 string', more: '2 repeated PodIP', notes: '3 map string' } } as const;
 *
 * A field is `<number> [repeated | map] <type>`: the keys of maps are strings, and enums are plain numbers (`enum`).
 */

interface Scalars {
  readonly string: string;
  readonly bytes: Uint8Array;
  readonly bool: boolean;
  readonly double: number;
  /** Numbers of 64 bits lose what is beyond 2^53: nanoseconds since 1970 are exact to a quarter of a microsecond. */
  readonly int32: number;
  readonly int64: number;
  readonly uint32: number;
  readonly uint64: number;
  readonly enum: number;
}

export type ScalarType = keyof Scalars;

export type MessageSchemas = Readonly<Record<string, Readonly<Record<string, string>>>>;

type DecodedValue<S extends MessageSchemas, T> = T extends ScalarType ? Scalars[T] : T extends keyof S ? Message<S, T> : never;

type DecodedField<S extends MessageSchemas, F> = F extends `${number} repeated ${infer T}`
  ? readonly DecodedValue<S, T>[]
  : F extends `${number} map ${infer T}`
    ? Readonly<Record<string, DecodedValue<S, T>>>
    : F extends `${number} ${infer T}`
      ? T extends ScalarType
        ? Scalars[T]
        : DecodedValue<S, T> | undefined
      : never;

/** What a decoded message looks like: every field there, only single messages may be undefined. */
export type Message<S extends MessageSchemas, Name extends keyof S> = {
  readonly [K in keyof S[Name]]: DecodedField<S, S[Name][K]>;
};

type InputValue<S extends MessageSchemas, T> = T extends ScalarType ? Scalars[T] : T extends keyof S ? MessageInput<S, T> : never;

type InputField<S extends MessageSchemas, F> = F extends `${number} repeated ${infer T}`
  ? readonly InputValue<S, T>[]
  : F extends `${number} map ${infer T}`
    ? Readonly<Record<string, InputValue<S, T>>>
    : F extends `${number} ${infer T}`
      ? InputValue<S, T>
      : never;

/** What may be given to be encoded: every field may be left out. A decoded message is one too. */
export type MessageInput<S extends MessageSchemas, Name extends keyof S> = {
  readonly [K in keyof S[Name]]?: InputField<S, S[Name][K]> | undefined;
};

export interface FieldShape {
  readonly name: string;
  readonly number: number;
  readonly label: 'single' | 'repeated' | 'map';
  /** A scalar, or the name of a message. */
  readonly type: string;
}

/** The fields of a message; fails for a line that is not one. */
export function fieldsOf(schema: Readonly<Record<string, string>>): FieldShape[] {
  return Object.entries(schema).map(([name, line]) => {
    const match = /^(\d+) (?:(repeated|map) )?(\w+)$/.exec(line);
    if (!match) throw new Error(`${name}: ${JSON.stringify(line)} does not describe a field`);
    return { name, number: Number(match[1]), label: (match[2] ?? 'single') as FieldShape['label'], type: match[3]! };
  });
}
