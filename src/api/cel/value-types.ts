/** Whether a value is of a declared type: how a call that could not be decided when compiling finds its overload. */
import type { CelType } from './types.ts';
import { Duration, ListValue, MapValue, OpaqueValue, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

export function fitsType(value: Value, type: CelType): boolean {
  switch (type.form) {
    case 'parameter':
      return true;
    case 'list':
      return value instanceof ListValue;
    case 'map':
      return value instanceof MapValue;
    case 'object':
      return value instanceof MapValue && value.typeName === type.name;
    case 'type':
      return value instanceof TypeValue;
    case 'opaque':
      if (type.name === 'optional_type') return value instanceof Optional;
      return value instanceof OpaqueValue && value.type.form === 'opaque' && value.type.name === type.name;
    case 'simple':
      return fitsSimple(value, type.name);
  }
}

function fitsSimple(value: Value, name: string): boolean {
  switch (name) {
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
      return typeof value === 'bigint';
    case 'double':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    case 'null':
      return value === null;
    case 'uint':
      return value instanceof Uint;
    case 'bytes':
      return value instanceof Uint8Array;
    case 'timestamp':
      return value instanceof Timestamp;
    case 'duration':
      return value instanceof Duration;
    default:
      return true;
  }
}
