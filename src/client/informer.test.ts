import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceKind } from '../api/machinery/kind.ts';
import type { DynamicObject } from '../api/machinery/object.ts';
import { VirtualClock } from '../std/clock.ts';
import { type Logger, silentLogger } from '../std/logger.ts';
import { createClient } from './create-client.ts';
import { type Change, createInformer } from './informer.ts';
import { createTestTransport, TestBody } from './test-transport.ts';
import { TransportError } from './transport/transport-error.ts';

const pods: ResourceKind = { group: '', version: 'v1', kind: 'Pod', resource: 'pods', namespaced: true };

function pod(
  name: string,
  resourceVersion: number,
  more: { uid?: string; node?: string; namespace?: string } = {},
): DynamicObject {
  const { uid = `uid-${name}`, node = '', namespace = 'default' } = more;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, uid, resourceVersion: String(resourceVersion) },
    spec: { nodeName: node },
  };
}

/** A server of pods whose lists are as `state` says and whose watches the test writes. */
function open(logger: Logger = silentLogger) {
  const clock = new VirtualClock(0);
  const state = { items: [] as DynamicObject[], version: 1, fail: undefined as Error | undefined };
  const watches: TestBody[] = [];
  const transport = createTestTransport(({ path, signal }) => {
    if (state.fail) throw state.fail;
    if (!path.includes('watch=true')) {
      // As the server does it, items without apiVersion and kind.
      const items = state.items.map(({ metadata, spec }) => ({ metadata, spec }));
      return {
        body: JSON.stringify({ apiVersion: 'v1', kind: 'PodList', metadata: { resourceVersion: String(state.version) }, items }),
      };
    }
    const body = new TestBody(signal);
    watches.push(body);
    return { body };
  });
  const client = createClient({ transport });
  const informer = createInformer({ client, kind: pods, clock, logger, random: () => 0, freeze: true });
  const changes: Change<DynamicObject>[] = [];
  const controller = new AbortController();
  const send = async (type: string, object: object) => {
    watches.at(-1)!.write(`${JSON.stringify({ type, object })}\n`);
    await clock.advance(0);
  };
  const told = () =>
    changes.splice(0).map(({ type, object }) => `${type} ${object.metadata.name}@${object.metadata.resourceVersion}`);
  const listen = () => informer.onChange((change) => changes.push(change));
  return { clock, state, watches, transport, informer, changes, controller, send, told, listen };
}

const lists = (requests: readonly { path: string }[]) => requests.filter(({ path }) => !path.includes('watch=true')).length;

test('it has the listed objects when start resolves, and follows the watch from there', async () => {
  const s = open();
  s.state.items = [pod('a', 3), pod('b', 4)];
  s.state.version = 9;
  s.listen();
  await s.informer.start(s.controller.signal);
  assert.equal(s.informer.hasSynced, true);
  assert.deepEqual(s.told(), ['added a@3', 'added b@4']);
  await s.clock.advance(0);
  assert.match(s.transport.requests.at(-1)!.path, /resourceVersion=9&watch=true&allowWatchBookmarks=true&timeoutSeconds=300/);
  await s.send('MODIFIED', pod('a', 10));
  await s.send('DELETED', pod('b', 11));
  await s.send('ADDED', pod('c', 12));
  assert.deepEqual(s.told(), ['updated a@10', 'deleted b@11', 'added c@12']);
  assert.equal(s.informer.get('a', 'default')?.kind, 'Pod');
  assert.equal(s.informer.get('b', 'default'), undefined);
  assert.deepEqual(
    s.informer.list('default').map((p) => p.metadata.name),
    ['a', 'c'],
  );
  assert.deepEqual(s.informer.list('other'), []);
  s.controller.abort();
  await s.informer.done;
});

test('after an interrupted watch it goes on from the newest version, bookmarks included, without listing', async () => {
  const s = open();
  await s.informer.start(s.controller.signal);
  await s.clock.advance(0);
  await s.send('BOOKMARK', { metadata: { resourceVersion: '77' } });
  s.watches[0]!.fail(new Error('connection reset'));
  await s.clock.advance(500);
  assert.equal(s.watches.length, 2);
  assert.match(s.transport.requests.at(-1)!.path, /resourceVersion=77&/);
  assert.equal(lists(s.transport.requests), 1);
  s.controller.abort();
  await s.informer.done;
});

for (const how of ['as an event', 'as the answer'] as const) {
  test(`when the version is too old, told ${how}, it lists again and tells the differences`, async () => {
    const s = open();
    s.state.items = [pod('kept', 1), pod('changed', 1), pod('gone', 1), pod('remade', 1, { uid: 'old' })];
    s.listen();
    await s.informer.start(s.controller.signal);
    await s.clock.advance(0);
    s.told();
    s.state.items = [pod('kept', 1), pod('changed', 2), pod('new', 3), pod('remade', 4, { uid: 'new' })];
    const status = { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 };
    if (how === 'as an event') await s.send('ERROR', status);
    else {
      const { StatusError } = await import('../api/machinery/status-error.ts');
      s.watches[0]!.fail(new StatusError({ ...status, apiVersion: 'v1', metadata: {} } as never));
    }
    await s.clock.advance(1000);
    assert.deepEqual(s.told().toSorted(), [
      'added new@3',
      'added remade@4',
      'deleted gone@1',
      'deleted remade@1',
      'updated changed@2',
    ]);
    assert.equal(lists(s.transport.requests), 2);
    s.controller.abort();
    await s.informer.done;
  });
}

test('while the server is away it tries again with growing pauses of at most 30 s, and then syncs', async () => {
  const s = open();
  s.state.fail = new TransportError('https://x: cannot connect: connection refused', { code: 'TRANSPORT_CONNECT', unsent: true });
  let attempts = 0;
  const original = s.transport.request.bind(s.transport);
  s.transport.request = (request) => {
    attempts++;
    return original(request);
  };
  const started = s.informer.start(s.controller.signal);
  await s.clock.advance(60_000);
  const inFirstMinute = attempts;
  assert.ok(inFirstMinute >= 7 && inFirstMinute <= 10, `${inFirstMinute} attempts`);
  await s.clock.advance(600_000);
  assert.ok(attempts - inFirstMinute >= 19 && attempts - inFirstMinute <= 21, `${attempts - inFirstMinute} attempts`);
  s.state.fail = undefined;
  s.state.items = [pod('a', 1)];
  await s.clock.advance(30_000);
  await started;
  assert.equal(s.informer.list().length, 1);
  s.controller.abort();
  await s.informer.done;
});

test('a server that ends every watch at once is not asked in a tight loop', async () => {
  const s = open();
  await s.informer.start(s.controller.signal);
  for (let i = 0; i < 100; i++) {
    s.watches.at(-1)?.end();
    await s.clock.advance(100);
  }
  assert.ok(s.watches.length < 12, `${s.watches.length} watches in 10 s`);
  s.controller.abort();
  await s.informer.done;
});

test('a watch that the server ends after its time is begun again at once', async () => {
  const s = open();
  await s.informer.start(s.controller.signal);
  await s.clock.advance(300_000);
  s.watches[0]!.end();
  await s.clock.advance(0);
  assert.equal(s.watches.length, 2);
  s.controller.abort();
  await s.informer.done;
});

test('an index follows additions, changes and deletions', async () => {
  const s = open();
  s.state.items = [pod('a', 1, { node: 'n1' }), pod('b', 2, { node: 'n1' })];
  s.informer.addIndex('node', (object) => [(object['spec'] as { nodeName: string }).nodeName]);
  await s.informer.start(s.controller.signal);
  await s.clock.advance(0);
  const on = (node: string) => s.informer.byIndex('node', node).map((p) => p.metadata.name);
  assert.deepEqual(on('n1'), ['a', 'b']);
  await s.send('MODIFIED', pod('a', 3, { node: 'n2' }));
  assert.deepEqual([on('n1'), on('n2')], [['b'], ['a']]);
  await s.send('DELETED', pod('b', 4, { node: 'n1' }));
  assert.deepEqual(on('n1'), []);
  s.informer.addIndex('late', (object) => [object.metadata.name!]);
  assert.equal(s.informer.byIndex('late', 'a').length, 1);
  assert.throws(() => s.informer.byIndex('unknown', 'x'), TypeError);
  s.controller.abort();
  await s.informer.done;
});

test('a listener that comes late is told what is there; one that fails is logged and does not harm the others', async () => {
  const errors: string[] = [];
  const s = open({ ...silentLogger, error: (message) => errors.push(message) });
  s.state.items = [pod('a', 1)];
  await s.informer.start(s.controller.signal);
  await s.clock.advance(0);
  s.informer.onChange(() => {
    throw new Error('broken');
  });
  const stop = s.listen();
  assert.deepEqual(s.told(), ['added a@1']);
  await s.send('ADDED', pod('b', 2));
  assert.deepEqual(s.told(), ['added b@2']);
  assert.equal(errors.length, 2);
  stop();
  await s.send('ADDED', pod('c', 3));
  assert.deepEqual(s.told(), []);
  s.controller.abort();
  await s.informer.done;
});

test('objects are frozen when asked, so that nobody changes what all share', async () => {
  const s = open();
  s.state.items = [pod('a', 1)];
  await s.informer.start(s.controller.signal);
  assert.throws(() => {
    s.informer.get('a', 'default')!.metadata.labels = {};
  }, TypeError);
  s.controller.abort();
  await s.informer.done;
});

test('start rejects when it is stopped before the first list, and done resolves', async () => {
  const s = open();
  s.state.fail = new Error('away');
  const started = s.informer.start(s.controller.signal);
  await s.clock.advance(100);
  const reason = new Error('stopped');
  s.controller.abort(reason);
  await assert.rejects(started, reason);
  await s.informer.done;
  assert.equal(s.clock.pending, 0);
});

test('started when it is to stop already, it says so and waits for nothing', async () => {
  const run = open();
  await assert.rejects(run.informer.start(AbortSignal.abort(new DOMException('over', 'AbortError'))), { name: 'AbortError' });
  await run.informer.done;
});

test('thousands of listed objects are told of in turns, and those that went meanwhile, too', async () => {
  const s = open();
  s.state.items = Array.from({ length: 1_000 }, (_, i) => pod(`p${i}`, i + 1));
  s.state.version = 2_000;
  s.listen();
  const seen: number[] = [];
  const look = () => {
    seen.push(s.changes.length);
    if (!s.informer.hasSynced) setImmediate(look);
  };
  setImmediate(look);
  await s.informer.start(s.controller.signal);
  assert.ok(new Set(seen.filter((count) => count > 0 && count < 1_000)).size >= 3, `seen ${seen}`);
  assert.equal(s.told().length, 1_000);
  s.state.items = s.state.items.slice(0, 10);
  await s.clock.advance(0);
  await s.send('ERROR', { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410, message: 'too old' });
  while (s.informer.list().length > 10) await s.clock.advance(1000);
  assert.equal(s.told().length, 990);
  s.controller.abort();
  await s.informer.done;
});

test('nothing is told any more when it is stopped in the middle of a list', async () => {
  const s = open();
  s.state.items = Array.from({ length: 1_000 }, (_, i) => pod(`p${i}`, i + 1));
  s.informer.onChange(({ object }) => {
    s.changes.push({ type: 'added', object });
    if (s.changes.length === 100) s.controller.abort(new DOMException('enough', 'AbortError'));
  });
  await assert.rejects(s.informer.start(s.controller.signal));
  await s.informer.done;
  assert.ok(s.changes.length < 1_000, `${s.changes.length} were told`);
});
