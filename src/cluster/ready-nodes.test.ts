import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../client/create-client.ts';
import { createTestTransport, TestBody } from '../client/test-transport.ts';
import { VirtualClock } from '../std/clock.ts';
import { silentLogger } from '../std/logger.ts';
import { waitForReadyNodes } from './ready-nodes.ts';

const TIMEOUT_MS = 60_000;

/** A server of nodes, and somebody who waits until all of them are Ready. */
function open(...names: string[]) {
  const clock = new VirtualClock(0);
  const watch = new TestBody();
  const list = { apiVersion: 'v1', kind: 'NodeList', metadata: { resourceVersion: '1' }, items: [] };
  const transport = createTestTransport(({ path }) => ({ body: path.includes('watch=true') ? watch : JSON.stringify(list) }));
  const controller = new AbortController();
  let version = 1;
  let progress = 0;
  let outcome = 'waits';
  const ended = waitForReadyNodes({
    client: createClient({ transport }),
    names,
    timeoutMs: TIMEOUT_MS,
    clock,
    logger: silentLogger,
    signal: controller.signal,
    onProgress: () => progress++,
  }).then(
    () => (outcome = 'all are Ready'),
    (error: Error) => (outcome = error.message),
  );
  const tell = async (name: string, ready: boolean, message = '') => {
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', message }];
    const metadata = { name, uid: name, resourceVersion: String(++version) };
    watch.write(
      `${JSON.stringify({ type: 'MODIFIED', object: { apiVersion: 'v1', kind: 'Node', metadata, status: { conditions } } })}\n`,
    );
    await clock.advance(0);
  };
  return {
    clock,
    controller,
    ended,
    tell,
    get progress() {
      return progress;
    },
    get outcome() {
      return outcome;
    },
    async close() {
      watch.end();
      await ended;
    },
  };
}

test('nodes may take longer than the time as long as one of them comes further within it', async () => {
  const waiting = open('a', 'b');
  await waiting.clock.advance(TIMEOUT_MS - 1);
  await waiting.tell('a', false);
  await waiting.clock.advance(TIMEOUT_MS - 1);
  await waiting.tell('a', true);
  await waiting.clock.advance(TIMEOUT_MS - 1);
  await waiting.tell('b', true);
  assert.equal(waiting.progress, 3);
  await waiting.close();
  assert.equal(waiting.outcome, 'all are Ready');
});

test('nodes that come no further are given up on, however often they are heard of', async () => {
  const waiting = open('a', 'b');
  await waiting.tell('a', false);
  await waiting.clock.advance(TIMEOUT_MS / 2);
  await waiting.tell('a', false, 'no network');
  await waiting.tell('other', true);
  await waiting.clock.advance(TIMEOUT_MS / 2);
  await waiting.close();
  assert.equal(
    waiting.outcome,
    'not all nodes are Ready, and for 60 s none has come further: node "a" is not Ready: no network; node "b" has not registered',
  );
});

test('a wait that is called off ends at once', async () => {
  const waiting = open('a');
  waiting.controller.abort(new Error('stopped'));
  await waiting.close();
  assert.equal(waiting.outcome, 'stopped');
});
