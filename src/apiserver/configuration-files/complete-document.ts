import { parseGoDuration } from '../../std/go-duration.ts';

/** What a field of a configuration file may hold. A `duration` is Go's, `1m30s`; null is none, but for an `optional duration`. */
export type Shape =
  | 'string'
  | 'bool'
  | 'int'
  | 'duration'
  | 'optional duration'
  | 'strings'
  | 'any'
  | { readonly listOf: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

/** The value that upstream's decoder would make: fields that are null are not there, and null in a list is what is empty. */
export type Completed = { readonly value: unknown; readonly unknownFields: readonly string[] } | { readonly problem: string };

/** Checks a document against its shape. Fields that the shape does not have are left out and named: `rules[0].foo`. */
export function complete(document: unknown, shape: Shape): Completed {
  const unknownFields: string[] = [];
  try {
    return { value: completeValue(document, { shape, path: '', unknownFields }), unknownFields };
  } catch (error) {
    if (error instanceof ShapeError) return { problem: error.message };
    throw error;
  }
}

class ShapeError extends Error {}

interface Place {
  readonly shape: Shape;
  readonly path: string;
  readonly unknownFields: string[];
}

function completeValue(value: unknown, place: Place): unknown {
  const { shape, path, unknownFields } = place;
  if (shape === 'any') return value;
  const expect = (holds: boolean, what: string) => {
    if (!holds) throw new ShapeError(`${path}: must be ${what}`);
    return value;
  };
  if (shape === 'string') return expect(typeof value === 'string', 'a string');
  if (shape === 'bool') return expect(typeof value === 'boolean', 'a boolean');
  if (shape === 'int') return expect(Number.isInteger(value), 'an integer');
  if (shape === 'duration' || shape === 'optional duration') return durationOf(expect(typeof value === 'string', 'a duration'));
  if (shape === 'strings' || 'listOf' in shape) {
    expect(Array.isArray(value), 'a list');
    const item = shape === 'strings' ? 'string' : shape.listOf;
    return (value as unknown[]).map((entry, i) =>
      completeValue(entry ?? emptyOf(item), { shape: item, path: `${path}[${i}]`, unknownFields }),
    );
  }
  expect(typeof value === 'object' && !Array.isArray(value), 'an object');
  const known = Object.entries(value as object).flatMap(([name, entry]): [string, unknown][] => {
    const at = path ? `${path}.${name}` : name;
    if (!Object.hasOwn(shape.fields, name)) {
      unknownFields.push(at);
      return [];
    }
    const inner = shape.fields[name]!;
    if (entry === undefined || entry === null) return inner === 'duration' ? [[name, durationOf('')]] : [];
    return [[name, completeValue(entry, { shape: inner, path: at, unknownFields })]];
  });
  return Object.fromEntries(known);
}

function durationOf(text: unknown): string {
  try {
    parseGoDuration(text as string);
    return text as string;
  } catch (cause) {
    throw new ShapeError((cause as Error).message);
  }
}

/** What Go makes of null in a list. */
function emptyOf(shape: Shape): unknown {
  if (shape === 'any') return null;
  if (shape === 'bool') return false;
  if (shape === 'int') return 0;
  if (typeof shape === 'string') return shape === 'strings' ? [] : '';
  return 'listOf' in shape ? [] : {};
}
