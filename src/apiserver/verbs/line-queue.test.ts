import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineQueue, MOST_WAITING_BYTES } from './line-queue.ts';

function open() {
  const sent: string[] = [];
  const stream = {
    ended: false,
    send: (line: Buffer) => void sent.push(String(line)),
    end() {
      this.ended = true;
    },
  };
  return { sent, stream, queue: new LineQueue(stream, (error) => sent.push(String(error))) };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('lines go in their order, however long each takes to be made, and at once where nothing is waited for', async () => {
  const { sent, queue } = open();
  queue.send(() => Buffer.from('1'), 1);
  queue.afterwards(() => sent.push('said'));
  assert.deepEqual(sent, ['1', 'said']);
  const late = Promise.withResolvers<Buffer>();
  queue.send(() => late.promise, 1);
  queue.send(() => Promise.resolve(Buffer.from('3')), 1);
  queue.send(() => Buffer.from('4'), 1);
  queue.afterwards(() => sent.push('5'));
  await settled();
  assert.deepEqual(sent, ['1', 'said']);
  late.resolve(Buffer.from('2'));
  await settled();
  assert.deepEqual(sent, ['1', 'said', '2', '3', '4', '5']);
  queue.send(() => Buffer.from('6'), 1);
  assert.equal(sent.at(-1), '6');
});

test('what cannot be made is told in its place', async () => {
  const { sent, queue } = open();
  queue.send(() => Promise.reject(new Error('no')), 1);
  queue.send(() => Buffer.from('2'), 1);
  await settled();
  assert.deepEqual(sent, ['Error: no', '2']);
});

test('a watch that is too far behind is ended, and nothing comes behind the end', async () => {
  const { sent, stream, queue } = open();
  const late = Promise.withResolvers<Buffer>();
  for (let i = 0; i < 1_000; i++) queue.send(() => late.promise, 1);
  assert.equal(stream.ended, false);
  queue.send(() => late.promise, 1);
  assert.equal(stream.ended, true);
  late.resolve(Buffer.from('x'));
  await settled();
  assert.deepEqual(sent, []);
});

test('lines are made when it is their turn, and of large objects a few wait', async () => {
  const { sent, stream, queue } = open();
  const late = Promise.withResolvers<Buffer>();
  queue.send(() => late.promise, MOST_WAITING_BYTES);
  assert.equal(stream.ended, false, 'one is never too much');
  late.resolve(Buffer.from('1'));
  await settled();
  const later = Promise.withResolvers<Buffer>();
  let made = 0;
  const make = () => {
    made++;
    return later.promise;
  };
  const aFourth = MOST_WAITING_BYTES / 4;
  for (let i = 0; i < 4; i++) queue.send(make, aFourth);
  await settled();
  assert.deepEqual([made, stream.ended], [1, false]);
  queue.send(make, aFourth);
  assert.equal(stream.ended, true);
  later.resolve(Buffer.from('x'));
  await settled();
  assert.deepEqual([made, sent], [1, ['1']]);
});
