import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../../std/lifecycle.ts';
import type { ServerResponse } from '../contracts.ts';
import { configMap, startTestApi } from '../test-api.ts';
import { sendBeginning } from './send-beginning.ts';
import { WatchStream } from './watch-stream.ts';

const KILOBYTE = Buffer.from(`${'x'.repeat(1023)}\n`);
const noLine = () => assert.fail('all lines are made');
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A receiver that takes nothing until it is told to. */
function openReceiver() {
  const state = { bytes: 0, drain: deferred() };
  const response = {
    write(chunk: Uint8Array) {
      state.bytes += chunk.length;
      return false;
    },
    end: () => undefined,
    drained: () => state.drain.promise,
  };
  const stream = new WatchStream(response as unknown as ServerResponse, () => undefined);
  const take = () => {
    const { drain } = state;
    state.drain = deferred();
    drain.resolve();
  };
  return { state, stream, take };
}

test('what a watch begins with is made no faster than it is read, and is whole in the end', async () => {
  const { state, stream, take } = openReceiver();
  const items = Array.from({ length: 1000 }, () => KILOBYTE);
  let isDone = false;
  const sent = sendBeginning(stream, items, noLine, () => {
    isDone = true;
  });
  for (let i = 0; i < 100; i++) await turn();
  assert.ok(state.bytes <= 128 * 1024, `${state.bytes} bytes for one who reads nothing`);
  for (let i = 0; i < 100 && !isDone; i++) {
    take();
    for (let j = 0; j < 3; j++) await turn();
  }
  await sent;
  assert.equal(state.bytes, 1000 * 1024);
});

test('one that ends meanwhile is not waited for', async () => {
  const { state, stream } = openReceiver();
  let isDone = false;
  const items = Array.from({ length: 1000 }, () => KILOBYTE);
  const sent = sendBeginning(stream, items, noLine, () => {
    isDone = true;
  });
  await turn();
  stream.end();
  await sent;
  assert.equal(isDone, true);
  assert.ok(state.bytes < 1000 * 1024);
});

test('who reads nothing of the beginning and misses too much behind it is given up', { timeout: 60_000 }, async () => {
  const api = await startTestApi();
  try {
    const path = '/api/v1/namespaces/default/configmaps';
    for (let i = 0; i < 10; i++) await api.call('POST', path, configMap(`large-${i}`, { text: 'x'.repeat(200_000) }));
    const watch = await api.transport.request({ method: 'GET', path: `${path}?watch=1`, headers: {} });
    await api.call('POST', path, configMap('small'));
    for (let i = 0; i < 1_100; i++)
      await api.call('PATCH', `${path}/small`, { data: { i: String(i) } }, { 'content-type': 'application/merge-patch+json' });
    let bytes = 0;
    for await (const chunk of watch.body) bytes += chunk.length;
    assert.ok(bytes < 2_000_000, `${bytes} bytes came, and an end`);
  } finally {
    await api.stop();
  }
});
