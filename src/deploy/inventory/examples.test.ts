import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { inventoryKind } from '../../api/config/v1/inventory.ts';
import { readInventory } from './read-inventory.ts';

const DOCS = resolve(import.meta.dirname, '../../../docs');
const examples = readdirSync(resolve(DOCS, 'examples')).filter((name) => /^deploy-.*\.yaml$/.test(name));

test('there is an example for each of the five runbooks', () => {
  assert.equal(examples.length, 5);
});

for (const name of examples)
  test(`the example ${name} is a valid inventory`, async () => {
    const { hosts } = await readInventory(readFileSync(resolve(DOCS, 'examples', name), 'utf8'));
    assert.ok(hosts.length > 0);
  });

test('the page tells of every field at the top of an inventory', () => {
  const page = readFileSync(resolve(DOCS, 'deploy.md'), 'utf8');
  const untold = Object.keys(inventoryKind.fields).filter((name) => !new RegExp(`\`${name}[.\`[]`).test(page));
  assert.deepEqual(untold, []);
});
