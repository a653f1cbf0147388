/** The steps of a field's path: `f:name`, `k:{"name":"web"}`, `v:"text"`, `i:3` (fieldpath/serialize-pe.go). */
import { exactJsonText, parseExactJson } from '../../std/exact-json.ts';

/** A key of an item in a list: the fields that tell it apart, by name. */
export type ItemKey = readonly (readonly [name: string, value: unknown])[];

export const fieldElement = (name: string): string => `f:${name}`;

/** `fields` in the order of their names. */
export function keyElement(fields: ItemKey): string {
  let text = '';
  for (const [name, value] of fields) text += `${text && ','}${JSON.stringify(name)}:${exactJsonText(value)}`;
  return `k:{${text}}`;
}

export const valueElement = (value: unknown): string => `v:${exactJsonText(value)}`;

export const sortKey = (fields: ItemKey): ItemKey => [...fields].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

const isScalar = (value: unknown) => value === null || typeof value !== 'object';

/**
 * An element in its canonical form; undefined for a kind of element that is not known, which is to be ignored.
 * Throws an Error for what is no element.
 */
export function canonicalElement(text: string): string | undefined {
  if (text.length < 2) throw new Error(`key must be 2 characters long: ${JSON.stringify(text)}`);
  if (text[1] !== ':') throw new Error(`missing colon: ${JSON.stringify(text)}`);
  const rest = text.slice(2);
  switch (text[0]) {
    case 'f':
      return text;
    case 'v': {
      const value = parsed(rest, text);
      if (!isScalar(value)) throw new Error(`a value in a list without keys must be a scalar: ${JSON.stringify(text)}`);
      return valueElement(value);
    }
    case 'k': {
      const key = parsed(rest, text);
      if (typeof key !== 'object' || key === null || Array.isArray(key))
        throw new Error(`a key of a list must be an object: ${JSON.stringify(text)}`);
      return keyElement(sortKey(Object.entries(key)));
    }
    case 'i':
      if (!/^-?\d{1,10}$/.test(rest)) throw new Error(`a place in a list must be a number: ${JSON.stringify(text)}`);
      return `i:${Number(rest)}`;
    default:
      return undefined;
  }
}

function parsed(json: string, text: string): unknown {
  try {
    return parseExactJson(json);
  } catch (error) {
    throw new Error(`parsing value ${JSON.stringify(text)}: ${(error as Error).message}`, { cause: error });
  }
}

/** The key that a `k:` element holds. */
export function keyOfElement(element: string): ItemKey {
  return Object.entries(parseExactJson(element.slice(2)) as object);
}

/** A path as upstream writes it: `.spec.containers[name="web"].image`, `.metadata.finalizers[="a/b"]`. */
export function formatPath(elements: readonly string[]): string {
  return elements.map(formatElement).join('');
}

function formatElement(element: string): string {
  const rest = element.slice(2);
  switch (element[0]) {
    case 'f':
      return `.${rest}`;
    case 'k':
      return formatKey(keyOfElement(element));
    case 'v':
      return `[=${rest}]`;
    default:
      return `[${rest}]`;
  }
}

export function formatKey(key: ItemKey): string {
  return `[${key.map(([name, value]) => `${name}=${exactJsonText(value)}`).join(',')}]`;
}
