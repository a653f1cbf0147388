import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LEAF } from './field-set.ts';
import { ANCIENT_CHANGES, capUpdaters, type Manager, managerId } from './managed-fields.ts';

/** More than anybody would write; a client may send them. */
const MANY = 20_000;

test('the oldest of twenty thousand managers become one that owns what all of them did', () => {
  const managers = new Map<string, Manager>();
  for (let i = 0; i < MANY; i++) {
    const manager: Manager = {
      manager: `m${i}`,
      operation: 'Update',
      apiVersion: 'v1',
      subresource: '',
      time: new Date(i * 1000).toISOString(),
      fields: { 'f:data': { [`f:k${i}`]: LEAF } },
    };
    managers.set(managerId(manager), manager);
  }
  const capped = [...capUpdaters(managers).values()];
  assert.equal(capped.length, 10);
  const ancient = capped.find(({ manager }) => manager === ANCIENT_CHANGES)!;
  assert.equal(Object.keys(ancient.fields['f:data']!).length, MANY - 9);
  assert.equal(ancient.time, new Date((MANY - 10) * 1000).toISOString());
});
