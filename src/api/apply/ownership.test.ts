import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Steps } from '../../std/pauses.ts';
import { builtInType } from './built-in-type.ts';
import { EMPTY, type FieldSet, LEAF } from './field-set.ts';
import { KnownItems } from './known-items.ts';
import { type Manager, managerId } from './managed-fields.ts';
import { conflictsWith, disown } from './ownership.ts';

const MANAGERS = 300;
const wideData = (length: number): FieldSet => ({
  'f:data': Object.fromEntries(Array.from({ length }, (_, i) => [`f:k${i}`, LEAF])),
});

function managersOf(fieldsOf: (i: number) => FieldSet): Map<string, Manager> {
  const all = Array.from({ length: MANAGERS }, (_, i): Manager => {
    const who = { manager: `m${i}`, operation: 'Apply', apiVersion: 'v1', subresource: '', time: undefined } as const;
    return { ...who, fields: fieldsOf(i) };
  });
  return new Map(all.map((manager) => [managerId(manager), manager]));
}

function counted<T>(steps: Steps<T>): { value: T; pauses: number } {
  for (let pauses = 0; ; pauses++) {
    const { done, value } = steps.next();
    if (done) return { value, pauses };
  }
}

/** Of objects that are wide. */
function knowingWide(): KnownItems {
  const known = new KnownItems(4);
  const data = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`k${i}`, '']));
  counted(known.learn(builtInType('V1ConfigMap'), { data }));
  assert.ok(known.isWide);
  return known;
}

test('of many managers with a field each, no more is looked at than that when a write changes ten thousand fields', () => {
  const managers = managersOf((i) => ({ 'f:data': { '.': LEAF, [`f:k${i * 2}`]: LEAF, 'f:own': LEAF } }));
  const changed = wideData(10_000);
  const differenceIn = () => ({ changed, removed: EMPTY });
  const taken = counted(disown(managers, '', differenceIn, knowingWide()));
  assert.equal(taken.value.size, MANAGERS);
  for (const { fields } of taken.value.values()) assert.deepEqual(fields, { 'f:data': { '.': LEAF, 'f:own': LEAF } });
  const found = counted(conflictsWith(managers, '', differenceIn, knowingWide()));
  assert.deepEqual(
    found.value.map(({ fields }) => Object.keys(fields['f:data']!)),
    Array.from({ length: MANAGERS }, (_, i) => [`f:k${i * 2}`]),
  );
  // One for each manager: parts of the wide set would be more.
  for (const { pauses } of [taken, found]) assert.ok(pauses <= MANAGERS + 10, String(pauses));
});
