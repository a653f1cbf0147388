import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storedForm } from '../store-access/encoding.ts';
import { CachedObject } from './cached-object.ts';
import { SortedObjects } from './sorted-objects.ts';

const form = storedForm('v1', 'X');
const stored = (key: string) => {
  const value = Buffer.from('{"apiVersion":"v1","kind":"X","metadata":{"name":"x"}}');
  return new CachedObject({ key, namespace: '', name: key }, form, value, 1);
};

test('names of any characters are within the prefix, and keys behind it are not', () => {
  const objects = new SortedObjects();
  // Full-width letters come after the surrogates that emoji are written with.
  const names = ['a', 'é', '\u{1f600}', '\u{10ffff}', 'Ａ', '\ufffd'];
  for (const name of names) objects.put(stored(`/registry/clusterroles/${name}`));
  objects.put(stored('/registry/clusterroles0/a'));
  assert.deepEqual(
    objects.range('/registry/clusterroles/').map(({ name }) => name.slice('/registry/clusterroles/'.length)),
    names.toSorted(),
  );
});
