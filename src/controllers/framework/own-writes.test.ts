import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OwnWrites } from './own-writes.ts';

const node = (resourceVersion: string) => ({ metadata: { name: 'n', resourceVersion } });

test('what the informer shows is behind until it shows our own write, or a later one', () => {
  const writes = new OwnWrites();
  assert.equal(writes.isBehind(node('5')), false, 'nothing was written');
  writes.note(node('10'));
  writes.note(undefined);
  assert.deepEqual([writes.isBehind(node('9')), writes.isBehind(node('10')), writes.isBehind(node('11'))], [true, false, false]);
  writes.forget('n');
  assert.equal(writes.isBehind(node('9')), false, 'a new object of the same name begins anew');
});

test('a server whose versions are no numbers is taken at its word', () => {
  const writes = new OwnWrites();
  writes.note(node('abc'));
  assert.equal(writes.isBehind(node('abb')), false);
});
