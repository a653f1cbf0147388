import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CoreV1Event } from '../api/gen/types.ts';
import type { Calm } from '../std/calm.ts';
import { VirtualClock } from '../std/clock.ts';
import { deferred } from '../std/lifecycle.ts';
import { silentLogger } from '../std/logger.ts';
import { createClient } from './create-client.ts';
import { createEventRecorder } from './events.ts';
import { createTestTransport, type TestAnswer } from './test-transport.ts';

const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', uid: 'n1' } };

function open(
  answer?: (method: string, path: string) => TestAnswer | undefined,
  limit?: { qps: number; burst: number },
  calm?: Calm,
) {
  const clock = new VirtualClock(1_700_000_000_000);
  const writes: { method: string; path: string; event: CoreV1Event }[] = [];
  const transport = createTestTransport(({ method, path, body }) => {
    const special = answer?.(method, path);
    if (special) return special;
    const event = JSON.parse(String(body)) as CoreV1Event;
    writes.push({ method, path, event });
    return { body: JSON.stringify(method === 'PATCH' ? { ...event, metadata: { name: path.split('/').at(-1) } } : event) };
  });
  const warnings: string[] = [];
  const recorder = createEventRecorder({
    client: createClient({ transport }),
    component: 'kubelet',
    host: 'n1',
    ...(limit && { limit }),
    calm,
    clock,
    logger: { ...silentLogger, warn: (message) => warnings.push(message) },
  });
  return { clock, writes, recorder, warnings };
}

test('an event that is told of just when the last one has been sent is sent too, at whatever turn it comes', async () => {
  for (let ticks = 0; ticks < 40; ticks++) {
    const { recorder, writes } = open();
    recorder.event(node, 'Normal', 'First', 'the first');
    while (writes.length === 0) await undefined;
    for (let i = 0; i < ticks; i++) await undefined;
    recorder.event(node, 'Normal', 'Second', 'the second');
    await recorder.flush();
    assert.deepEqual(
      writes.map(({ event }) => event.reason),
      ['First', 'Second'],
      `after ${ticks} ticks`,
    );
  }
});

test('the event of an object whose name no event can have has another name', async () => {
  const { recorder, writes } = open();
  for (const name of ['system:node', 'a'.repeat(250), 'web'])
    recorder.event({ kind: 'Role', metadata: { name, namespace: 'ns' } }, 'Normal', 'Seen', 'seen');
  await recorder.flush();
  const names = writes.map(({ event }) => event.metadata.name!);
  assert.match(names[0]!, /^[0-9a-f-]{36}$/);
  assert.match(names[1]!, /^[0-9a-f-]{36}$/);
  assert.match(names[2]!, /^web\.[0-9a-f]+$/);
  assert.deepEqual(
    writes.map(({ event }) => event.involvedObject.name?.length),
    [11, 250, 3],
  );
});

test('an event says what, where, who and when', async () => {
  const { recorder, writes } = open();
  recorder.event(node, 'Normal', 'NodeReady', 'Node n1 status is now: NodeReady');
  await recorder.flush();
  assert.equal(writes[0]!.path, '/api/v1/namespaces/default/events');
  const { metadata, ...event } = writes[0]!.event;
  assert.match(metadata.name!, /^n1\.17979cfe362a0000$/);
  assert.deepEqual(event, {
    apiVersion: 'v1',
    kind: 'Event',
    involvedObject: { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'n1' },
    type: 'Normal',
    reason: 'NodeReady',
    message: 'Node n1 status is now: NodeReady',
    source: { component: 'kubelet', host: 'n1' },
    firstTimestamp: '2023-11-14T22:13:20Z',
    lastTimestamp: '2023-11-14T22:13:20Z',
    count: 1,
    reportingComponent: 'kubelet',
    reportingInstance: 'n1',
  });
});

test('an event of an object goes into its namespace', async () => {
  const { recorder, writes } = open();
  recorder.event({ kind: 'Pod', metadata: { name: 'p', namespace: 'web' } }, 'Warning', 'Failed', 'no');
  await recorder.flush();
  assert.equal(writes[0]!.path, '/api/v1/namespaces/web/events');
});

test('the same event again counts the first one up', async () => {
  const { recorder, writes, clock } = open();
  for (let i = 0; i < 3; i++) {
    recorder.event(node, 'Warning', 'Bad', 'same');
    await clock.advance(1000);
  }
  await recorder.flush();
  assert.deepEqual(
    writes.map(({ method, event }) => [method, event.count, event.lastTimestamp]),
    [
      ['POST', 1, '2023-11-14T22:13:20Z'],
      ['PATCH', 2, '2023-11-14T22:13:21Z'],
      ['PATCH', 3, '2023-11-14T22:13:22Z'],
    ],
  );
  assert.equal(writes[1]!.path.split('/').at(-1), writes[0]!.event.metadata.name);
});

test('one that the server has forgotten is made anew', async () => {
  let isGone = false;
  const gone = { status: 404, body: '{"kind":"Status","status":"Failure","reason":"NotFound","code":404}' };
  const { recorder, writes } = open((method) => (isGone && method === 'PATCH' ? gone : undefined));
  recorder.event(node, 'Warning', 'Bad', 'same');
  await recorder.flush();
  isGone = true;
  recorder.event(node, 'Warning', 'Bad', 'same');
  await recorder.flush();
  assert.deepEqual(
    writes.map(({ method }) => method),
    ['POST', 'POST'],
  );
});

test('many that differ only in their message are combined', async () => {
  const { recorder, writes } = open();
  for (let i = 0; i < 14; i++) recorder.event(node, 'Warning', 'Bad', `message ${i}`);
  await recorder.flush();
  const messages = writes.map(({ method, event }) => `${method} ${event.message}`);
  assert.deepEqual(messages.slice(8), [
    'POST message 8',
    'POST (combined from similar events): message 9',
    'PATCH (combined from similar events): message 10',
    'PATCH (combined from similar events): message 11',
    'PATCH (combined from similar events): message 12',
    'PATCH (combined from similar events): message 13',
  ]);
});

test('one object cannot flood the server, and may speak again later', async () => {
  const { recorder, writes, clock } = open();
  for (let i = 0; i < 100; i++) recorder.event(node, 'Warning', 'Bad', 'same');
  recorder.event({ ...node, metadata: { name: 'n2' } }, 'Warning', 'Bad', 'same');
  await recorder.flush();
  assert.equal(writes.length, 26);
  await clock.advance(300_000);
  recorder.event(node, 'Warning', 'Bad', 'same');
  recorder.event(node, 'Warning', 'Bad', 'same');
  await recorder.flush();
  assert.equal(writes.length, 27);
});

test('while the server is away an event waits, at most two minutes', async () => {
  let isAway = true;
  const { recorder, writes, clock, warnings } = open(() => {
    if (isAway) throw new Error('connection refused');
    return undefined;
  });
  recorder.event(node, 'Normal', 'One', 'lost');
  recorder.event(node, 'Normal', 'Two', 'kept');
  await clock.advance(115_000);
  isAway = false;
  await clock.advance(10_000);
  await recorder.flush();
  assert.deepEqual(warnings, ['Unable to write event']);
  assert.deepEqual(
    writes.map(({ event }) => event.reason),
    ['Two'],
  );
});

test('an event that the server refuses is logged and not tried again', async () => {
  const { recorder, writes, warnings } = open((_, path) =>
    path.includes('gone')
      ? { status: 403, body: '{"kind":"Status","status":"Failure","reason":"Forbidden","code":403}' }
      : undefined,
  );
  recorder.event({ kind: 'Pod', metadata: { name: 'p', namespace: 'gone' } }, 'Normal', 'A', 'x');
  recorder.event(node, 'Normal', 'B', 'x');
  await recorder.flush();
  assert.deepEqual([warnings.length, writes.length], [1, 1]);
});

test('more events than the queue holds are dropped with one warning', async () => {
  const { recorder, warnings } = open();
  for (let i = 0; i < 1500; i++) recorder.event({ kind: 'Pod', metadata: { name: `p${i}`, namespace: 'x' } }, 'Normal', 'A', 'x');
  assert.equal(warnings.length, 1);
  await recorder.flush();
});

test('events beyond the limit wait their turn; without one none does', async () => {
  const seen = async (limit?: { qps: number; burst: number }) => {
    const { recorder, writes, clock } = open(undefined, limit);
    for (let i = 0; i < 5; i++) recorder.event(node, 'Normal', `Reason${i}`, 'x');
    const counts: number[] = [];
    for (let second = 0; second < 4; second++) {
      await clock.advance(second === 0 ? 1 : 1000);
      counts.push(writes.length);
    }
    await recorder.flush();
    return counts;
  };
  assert.deepEqual(await seen({ qps: 1, burst: 2 }), [2, 3, 4, 5]);
  assert.deepEqual(await seen({ qps: 0, burst: 0 }), [5, 5, 5, 5]);
  assert.deepEqual(await seen(), [5, 5, 5, 5]);
});

test('events wait for a server that has time for them, but not while many wait', async () => {
  const busy = deferred();
  let asked = 0;
  const come = () => {
    asked++;
    return busy.promise;
  };
  const { recorder, writes } = open(undefined, undefined, { come });
  for (let i = 0; i < 600; i++)
    recorder.event({ kind: 'Pod', metadata: { name: `p${i}`, namespace: 'web', uid: `p${i}` } }, 'Normal', 'Pulled', 'ok');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(writes.length, 0);
  busy.resolve();
  await recorder.flush();
  assert.equal(writes.length, 600);
  // The first one, and then those behind which less than a quarter of the queue’s room was taken.
  assert.equal(asked, 251);
});
