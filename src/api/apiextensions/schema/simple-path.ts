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
  const tokens = tokensOf(text);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token !== '.' && token !== '[') return { error: `expected [ or . but got: ${token}` };
    if (token === '[' && !arrayNotation) return { error: 'array notation is not allowed' };
    const said = tokens[++i];
    if (said === undefined) return { error: 'unexpected end of JSON path' };
    const name = token === '.' ? said : unquoted(said);
    if (name === undefined) return { error: `expected single quoted string but got ${said}` };
    const next = schemaBelow(schema, name);
    if (!next) return { error: 'does not refer to a valid field' };
    names.push(name);
    schema = next.schema;
    if (token === '.') continue;
    const end = tokens[++i];
    if (end === undefined) return { error: 'unexpected end of JSON path' };
    if (end !== ']') return { error: `expected ] but got ${end}` };
  }
  return names.length ? { names, schema } : { error: 'empty path' };
}

/** Dots, brackets, what stands in single quotes, and what stands between them. */
const tokensOf = (text: string): string[] => text.match(/[.[\]]|'(?:[^'\\]|\\.)*'?|[^.[\]]+/gs) ?? [];

function unquoted(token: string): string | undefined {
  if (token.length < 2 || !token.startsWith("'") || !token.endsWith("'")) return undefined;
  return token.slice(1, -1).replace(/\\(.)/gs, '$1');
}

/** Undefined: there is nothing of the name. Values of any kind have no schema. */
function schemaBelow(schema: JsonSchema | undefined, name: string): { readonly schema: JsonSchema | undefined } | undefined {
  if (!schema) return undefined;
  if (schema.properties && Object.keys(schema.properties).length) {
    const property = propertyOf(schema, name);
    return property && { schema: property };
  }
  return schema.additionalProperties === undefined ? undefined : { schema: valuesOf(schema) };
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
