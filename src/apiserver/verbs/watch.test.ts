import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { configMap, startTestApi, type TestApi } from '../test-api.ts';

const START = Date.parse('2026-01-01T00:00:00Z');
const path = '/api/v1/namespaces/default/configmaps';

interface Event {
  type: string;
  object: {
    kind: string;
    code?: number;
    message?: string;
    metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> };
  };
}

let api: TestApi;
let clock: VirtualClock;
before(async () => {
  clock = new VirtualClock(START);
  api = await startTestApi({ clock });
});
after(() => api.stop());

async function watch(query: string, headers: Record<string, string> = {}) {
  const abort = new AbortController();
  const answer = await api.transport.request({ method: 'GET', path: `${path}?watch=1&${query}`, headers, signal: abort.signal });
  const events = lines(answer.body);
  return {
    status: answer.status,
    next: async () => (await events.next()).value as Event | undefined,
    end: () => abort.abort(new DOMException('enough', 'AbortError')),
  };
}

async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<Event> {
  let text = '';
  for await (const chunk of body) {
    text += Buffer.from(chunk).toString();
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
      yield JSON.parse(text.slice(0, at)) as Event;
      text = text.slice(at + 1);
    }
  }
}

test('a watch from a list’s revision sees what happens after it', async () => {
  const list = await api.call<{ metadata: { resourceVersion: string } }>('GET', path);
  const watching = await watch(`resourceVersion=${list.body.metadata.resourceVersion}`);
  assert.equal(watching.status, 200);
  await api.call('POST', path, configMap('w1'));
  await api.call('PUT', `${path}/w1`, configMap('w1', { a: '1' }));
  await api.call('DELETE', `${path}/w1`);
  const seen = [await watching.next(), await watching.next(), await watching.next()];
  assert.deepEqual(
    seen.map((e) => e!.type),
    ['ADDED', 'MODIFIED', 'DELETED'],
  );
  watching.end();
});

test('a watch that may have bookmarks gets one about each minute', async () => {
  const watching = await watch('resourceVersion=0&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dnone');
  await watching.next();
  const next = watching.next();
  await clock.advance(66_000);
  const bookmark = await next;
  assert.equal(bookmark!.type, 'BOOKMARK');
  assert.equal(bookmark!.object.kind, 'ConfigMap');
  assert.match(bookmark!.object.metadata.resourceVersion, /^\d+$/);
  assert.deepEqual(Object.keys(bookmark!.object.metadata), ['resourceVersion']);
  watching.end();
});

test('the end of initial events is marked, be they asked for or not', async () => {
  await api.call('POST', path, configMap('initial', {}, { labels: { only: 'me' } }));
  for (const begin of ['sendInitialEvents=true&resourceVersionMatch=NotOlderThan', 'resourceVersion=0', '']) {
    const watching = await watch(`${begin}&allowWatchBookmarks=true&labelSelector=only`);
    assert.equal((await watching.next())!.object.metadata.name, 'initial');
    const end = await watching.next();
    assert.equal(end!.type, 'BOOKMARK', begin);
    assert.equal(end!.object.metadata.annotations?.['k8s.io/initial-events-end'], 'true');
    watching.end();
  }
});

test('a watch behind a forgotten revision is told that it is gone', async () => {
  const watching = await watch('resourceVersion=0');
  watching.end();
  for (let i = 0; i < 120; i++) await api.call('POST', path, configMap(`many-${i}`));
  await clock.advance(100_000);
  for (let i = 0; i < 30; i++) await api.call('DELETE', `${path}/many-${i}`);
  const old = await watch('resourceVersion=2');
  const event = await old.next();
  assert.equal(event!.type, 'ERROR');
  assert.equal(event!.object.code, 410);
  assert.match(event!.object.message!, /^too old resource version: 2 \(\d+\)$/);
  assert.equal(await old.next(), undefined);
});

test('a watch ends when its time is up', async () => {
  const watching = await watch('resourceVersion=0&timeoutSeconds=5&labelSelector=none');
  const next = watching.next();
  await clock.advance(5_000);
  assert.equal(await next, undefined);
});

test('a watch of tables names the columns once', async () => {
  const watching = await watch('labelSelector=table', { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
  await api.call('POST', path, configMap('t1', {}, { labels: { table: '' } }));
  await api.call('POST', path, configMap('t2', {}, { labels: { table: '' } }));
  const tables = [await watching.next(), await watching.next()].map(
    (e) => e!.object as unknown as { columnDefinitions: unknown[] | null },
  );
  assert.ok(tables[0]!.columnDefinitions!.length > 0);
  assert.equal(tables[1]!.columnDefinitions, null);
  watching.end();
});

test('options that contradict each other are refused', async () => {
  for (const query of ['resourceVersionMatch=Exact&resourceVersion=1', 'sendInitialEvents=true'])
    assert.equal((await watch(query)).status, 422, query);
});
