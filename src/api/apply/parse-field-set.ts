import { exactJsonText } from '../../std/exact-json.ts';
import { EMPTY, type FieldSet, LEAF, nodeOf, union } from './field-set.ts';
import { canonicalElement } from './path-element.ts';

/** Objects are not as deep as this, and functions that call themselves may go no deeper than the stack. */
const DEEPEST = 500;

/** A set of fields from a client's `fieldsV1`, in canonical form. Throws an Error that says what is wrong with it. */
export function parseFieldSet(json: unknown): FieldSet {
  return childrenOf(json, 0)?.children ?? EMPTY;
}

function childrenOf(json: unknown, depth: number): { children: FieldSet | undefined; member: boolean } {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Error(`a set of fields must be made of objects, not ${exactJsonText(json)?.slice(0, 100)}`);
  if (depth > DEEPEST) throw new Error(`a set of fields must not be deeper than ${DEEPEST}`);
  let children: Record<string, FieldSet> | undefined;
  let member = true;
  for (const key of Object.keys(json)) {
    if (key === '.') continue;
    member = false;
    const element = canonicalElement(key);
    if (element === undefined) continue;
    const below = childrenOf((json as Record<string, unknown>)[key], depth + 1);
    const node = nodeOf(below.children, below.member);
    if (node === undefined) continue;
    children ??= {};
    const twice = children[element];
    children[element] = twice ? (union({ 'f:': twice }, { 'f:': node })['f:'] ?? LEAF) : node;
  }
  return { children, member: member || Object.hasOwn(json, '.') };
}
