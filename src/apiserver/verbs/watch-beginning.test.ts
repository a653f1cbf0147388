import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { configMap, startTestApi, type TestApi } from '../test-api.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
const OBJECTS = 60;

let api: TestApi;
before(async () => {
  api = await startTestApi();
  for (let i = 0; i < OBJECTS; i++) await api.call('POST', PATH, configMap(`m${i}`, { text: 'v'.repeat(50_000) }));
});
after(() => api.stop());

interface Event {
  readonly type: string;
  readonly object: {
    readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> };
    readonly data?: object;
  };
}

/** The first events of a watch, while somebody writes as soon as it has begun, and the turns that others had before the last. */
async function watchWhile(query: string, count: number, write: () => Promise<unknown>) {
  const abort = new AbortController();
  let turns = 0;
  const turn = () => {
    turns++;
    if (!abort.signal.aborted) setImmediate(turn);
  };
  const answer = await api.transport.request({
    method: 'GET',
    path: `${PATH}?watch=1&${query}`,
    headers: {},
    signal: abort.signal,
  });
  setImmediate(turn);
  const written = write();
  const events: Event[] = [];
  let text = '';
  try {
    for await (const chunk of answer.body) {
      text += Buffer.from(chunk).toString();
      const lines = text.split('\n');
      text = lines.pop()!;
      for (const line of lines) events.push(JSON.parse(line) as Event);
      if (events.length >= count) break;
    }
  } finally {
    abort.abort(new DOMException('enough', 'AbortError'));
  }
  await written;
  return { events, turns };
}

test('a long beginning is sent in turns, and what is written meanwhile comes behind it, once', async () => {
  const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const { events, turns } = await watchWhile(query, OBJECTS + 3, async () => {
    await api.call('PUT', `${PATH}/m0`, configMap('m0', { changed: 'yes' }));
    await api.call('DELETE', `${PATH}/m1`);
  });
  const named = events.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`);
  const beginning = Array.from({ length: OBJECTS }, (_, i) => `ADDED m${i}`).sort();
  assert.deepEqual(named.slice(0, OBJECTS).sort(), beginning);
  assert.deepEqual(named.slice(OBJECTS), ['BOOKMARK ', 'MODIFIED m0', 'DELETED m1']);
  assert.equal(events[OBJECTS]!.object.metadata.annotations?.['k8s.io/initial-events-end'], 'true');
  assert.deepEqual(events[OBJECTS + 1]!.object.data, { changed: 'yes' });
  assert.ok(turns >= 4, `${turns} turns`);
});
