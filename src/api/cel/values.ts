/** What expressions work on. int is a bigint, double a number; errors are values too, so that `true || error` can be true. */
import { type CelType, formatType } from './types.ts';

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** Nanoseconds since 1970. */
export class Timestamp {
  readonly nanos: bigint;
  /** Of the clock that it was read from, ahead of UTC: how it is shown, and nothing else. */
  readonly offsetSeconds: number;
  constructor(nanos: bigint, offsetSeconds = 0) {
    this.nanos = nanos;
    this.offsetSeconds = offsetSeconds;
  }
}

export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** What went wrong while an expression ran. Not thrown: it travels as a value. */
export class ErrorValue {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** A list whose elements may be made when they are first read. */
export abstract class ListValue {
  abstract readonly size: number;
  /** `index` is within bounds. */
  abstract at(index: number): Value;
  /** `x-kubernetes-list-type`: sets and maps are equal in any order, and `+` merges them. */
  readonly listType: 'atomic' | 'set' | 'map' = 'atomic';
  /** With `map`: the fields that name an element. */
  readonly listKeys: readonly string[] = [];

  *[Symbol.iterator](): Iterator<Value> {
    for (let i = 0; i < this.size; i++) yield this.at(i);
  }
}

export class PlainList extends ListValue {
  readonly items: readonly Value[];
  constructor(items: readonly Value[]) {
    super();
    this.items = items;
  }
  get size(): number {
    return this.items.length;
  }
  at(index: number): Value {
    return this.items[index]!;
  }
}

/** A map or an object. Keys that are equal numbers of different types are one key. */
export abstract class MapValue {
  /** Set for objects: the name of their type. */
  readonly typeName: string | undefined = undefined;
  abstract readonly size: number;
  abstract get(key: Value): Value | undefined;
  abstract keys(): Iterable<Value>;
}

/** A key under which equal keys meet: `1`, `1u` and `1.0` are one. */
export function hashKey(key: Value): string | undefined {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'boolean') return `b${key}`;
  if (typeof key === 'bigint') return `n${key}`;
  if (key instanceof Uint) return `n${key.value}`;
  if (typeof key === 'number') return Number.isInteger(key) ? `n${BigInt(key)}` : `d${key}`;
  return undefined;
}

export class PlainMap extends MapValue {
  readonly entries: ReadonlyMap<string, readonly [Value, Value]>;
  override readonly typeName: string | undefined;
  constructor(entries: ReadonlyMap<string, readonly [Value, Value]>, typeName?: string) {
    super();
    this.entries = entries;
    this.typeName = typeName;
  }
  get size(): number {
    return this.entries.size;
  }
  get(key: Value): Value | undefined {
    const hash = hashKey(key);
    return hash === undefined ? undefined : this.entries.get(hash)?.[1];
  }
  *keys(): Iterable<Value> {
    for (const [key] of this.entries.values()) yield key;
  }
}

export class Optional {
  /** undefined: none. */
  readonly value: Value | undefined;
  constructor(value?: Value) {
    this.value = value;
  }
}

export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A value that only functions look into. */
export abstract class OpaqueValue {
  abstract readonly type: CelType;
  /** `other` is of the same class. */
  abstract equals(other: OpaqueValue): boolean;
  /** What `size`-based costs take it for. */
  get costSize(): number {
    return 1;
  }
}

export type Constant = boolean | bigint | number | string | null | Uint8Array | Uint;
export type Value = Constant | Timestamp | Duration | ListValue | MapValue | Optional | TypeValue | OpaqueValue | ErrorValue;

/** The name of a value's type, as `type(x)` compares and messages show it. */
export function typeNameOf(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
  }
  if (value === null) return 'null_type';
  if (value instanceof MapValue) return value.typeName ?? 'map';
  if (value instanceof ListValue) return 'list';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof Optional) return 'optional_type';
  if (value instanceof TypeValue) return 'type';
  if (value instanceof OpaqueValue) return formatType(value.type);
  return 'error';
}

/** How many characters a string has: code points, not UTF-16 units. */
export function codePointCount(text: string): number {
  // Text of ASCII alone, which is much quicker found out than counted.
  if (text.length > 32 && Buffer.byteLength(text) === text.length) return text.length;
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00) {
      const next = text.charCodeAt(i + 1);
      if (next >= 0xdc00 && next < 0xe000) {
        count--;
        i++;
      }
    }
  }
  return count;
}

/** What costs take a value's size to be: 1 for what has none. */
export function costSizeOf(value: Value): number {
  if (typeof value === 'string') return codePointCount(value);
  if (value instanceof ListValue || value instanceof MapValue) return value.size;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof OpaqueValue) return value.costSize;
  return value instanceof Optional && value.value !== undefined ? costSizeOf(value.value) : 1;
}
