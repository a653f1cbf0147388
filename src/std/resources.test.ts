import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resources } from './resources.ts';

test('what was opened last is closed first, each after the one before has ended', async () => {
  const closed: string[] = [];
  {
    await using resources = new Resources();
    resources.defer(() => closed.push('first'));
    const second = { [Symbol.asyncDispose]: async () => void closed.push('second') };
    assert.equal(resources.use(second), second);
    resources.defer(async () => {
      await Promise.resolve();
      closed.push('third');
    });
  }
  assert.deepEqual(closed, ['third', 'second', 'first']);
});

test('resources are closed once, however often they are closed', async () => {
  let closed = 0;
  const resources = new Resources();
  resources.defer(() => closed++);
  await Promise.all([resources.disposeAsync(), resources.disposeAsync()]);
  await resources.disposeAsync();
  assert.equal(closed, 1);
  assert.throws(() => resources.defer(() => undefined), ReferenceError);
});

test('resources that were handed on are closed by their new owner alone', async () => {
  const closed: number[] = [];
  const resources = new Resources();
  resources.defer(() => closed.push(1));
  resources.defer(() => closed.push(2));
  const moved = resources.move();
  await resources.disposeAsync();
  assert.deepEqual(closed, []);
  await moved.disposeAsync();
  assert.deepEqual(closed, [2, 1]);
});

test('one that cannot be closed keeps no other open, and is told', async () => {
  const closed: number[] = [];
  const fail = (message: string) => () => Promise.reject(new Error(message));
  const one = new Resources();
  one.defer(() => closed.push(1));
  one.defer(fail('stuck'));
  await assert.rejects(one.disposeAsync(), { message: 'stuck' });
  assert.deepEqual(closed, [1]);

  const both = new Resources();
  both.defer(fail('a'));
  both.defer(fail('b'));
  await assert.rejects(both.disposeAsync(), (error: AggregateError) => {
    assert.deepEqual(error.errors.map(String), ['Error: b', 'Error: a']);
    return true;
  });
});
