import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backends } from './backends.ts';

const servers = () => new Backends(['a', 'b', 'c'], { fall: 2, rise: 1 });

test('a connection goes where the fewest are, and in the order of the flags where there are as many', () => {
  const backends = servers();
  assert.deepEqual(backends.candidates(), ['a', 'b', 'c']);
  const closed = backends.opened('a');
  backends.opened('b');
  backends.opened('b');
  assert.deepEqual(backends.candidates(), ['c', 'a', 'b']);
  closed();
  assert.deepEqual(backends.candidates(), ['a', 'c', 'b']);
});

test('a server is down after two failed checks in a row, and up again after one that succeeds', () => {
  const backends = servers();
  assert.equal(backends.checked('a', false), undefined);
  assert.equal(backends.checked('a', true), undefined);
  assert.equal(backends.checked('a', false), undefined);
  assert.equal(backends.checked('a', false), 'down');
  assert.equal(backends.checked('a', false), undefined);
  assert.deepEqual(backends.candidates(), ['b', 'c']);
  assert.equal(backends.checked('a', true), 'up');
  assert.deepEqual(backends.candidates(), ['a', 'b', 'c']);
});

test('when all servers are down, all are tried', () => {
  const backends = servers();
  for (const name of ['a', 'b', 'c', 'a', 'b', 'c']) backends.checked(name, false);
  assert.ok(backends.list().every(({ isUp }) => !isUp));
  assert.deepEqual(backends.candidates(), ['a', 'b', 'c']);
});
