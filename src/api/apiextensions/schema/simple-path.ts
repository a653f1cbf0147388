import { isJsonMap } from '../../machinery/clone.ts';
import { type JsonSchema, propertyOf, valuesOf } from './json-schema.ts';

/** Where a path of a rule or selectable field leads: the names on the way, and the schema there. */
export type ResolvedPath =
  | { readonly names: readonly string[]; readonly schema: JsonSchema | undefined }
  | { readonly error: string };

/**
 * Follows `.spec.field`, `.map['key']` down a schema (…/schema/cel/validation.go ValidFieldPath). `arrayNotation` allows brackets.
 */
export function resolveFieldPath(text: string, root: JsonSchema, arrayNotation = true): ResolvedPath {
  const names: string[] = [];
  let schema: JsonSchema | undefined = root;
  let rest = text;
  while (rest !== '') {
    const step: RegExpExecArray | null = /^\.([^.[\]]*)|^\['((?:[^'\\]|\\.)*)'\]/.exec(rest);
    if (!step) return { error: `unexpected character: ${rest[0]}` };
    if (step[2] !== undefined && !arrayNotation) return { error: 'no field path to apply to' };
    const name: string = step[2] === undefined ? step[1]! : step[2].replace(/\\(.)/g, '$1');
    rest = rest.slice(step[0].length);
    if (name === '') return { error: 'expected name' };
    const next: JsonSchema | undefined = schema && (propertyOf(schema, name) ?? valuesOf(schema));
    if (!next) return { error: `does not refer to a valid field` };
    names.push(name);
    schema = next;
  }
  return names.length ? { names, schema } : { error: 'empty path' };
}

/** The value at the end of names; undefined when the way breaks off. */
export function valueAt(object: unknown, names: readonly string[]): unknown {
  let value = object;
  for (const name of names) {
    if (!isJsonMap(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** `.spec.replicas` as names. */
export const namesOfDottedPath = (path: string): string[] => path.split('.').slice(1);
