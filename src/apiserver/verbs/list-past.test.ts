import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeList } from '../../api/machinery/object.ts';
import { systemClock } from '../../std/clock.ts';
import { createMemoryStore } from '../../store/memory/memory-store.ts';
import { wrapStore } from '../../store/wrap-store.ts';
import { configMap, startTestApi, type TestApi } from '../test-api.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
/** More than are read from the store at once. */
const OBJECTS = 1_050;

let api: TestApi;
let reads = 0;
before(async () => {
  const memory = createMemoryStore({ clock: systemClock });
  const store = wrapStore(memory, {
    list(prefix, options) {
      reads++;
      return memory.list(prefix, options);
    },
  });
  api = await startTestApi({ store });
  for (let i = 0; i < OBJECTS; i++)
    await api.call('POST', PATH, configMap(`m${i}`, {}, { labels: { third: String(i % 3 === 0) } }));
});
after(() => api.stop());

test('a long list as of a revision is whole, and as of that revision', async () => {
  const now = await api.call<KubeList>('GET', `${PATH}?limit=1`);
  const { resourceVersion } = now.body.metadata;
  await api.call('DELETE', `${PATH}/m7`);
  const exact = `${PATH}?resourceVersion=${resourceVersion}&resourceVersionMatch=Exact`;
  const past = await api.call<KubeList>('GET', exact);
  assert.equal(past.status, 200);
  assert.equal(new Set(past.body.items.map(({ metadata }) => metadata?.name)).size, OBJECTS);
  assert.deepEqual(past.body.metadata, { resourceVersion });
  const page = await api.call<KubeList>('GET', `${exact}&limit=1020`);
  assert.equal(page.body.items.length, 1_020);
  assert.equal(page.body.metadata.remainingItemCount, OBJECTS - 1_020);
  const rest = await api.call<KubeList>('GET', `${PATH}?limit=1020&continue=${encodeURIComponent(page.body.metadata.continue!)}`);
  assert.equal(rest.body.items.length, OBJECTS - 1_020);
});

test('pages of those that match are whole together, and few that match are looked for in many at a time', async () => {
  const { metadata } = (await api.call<KubeList>('GET', `${PATH}?limit=1`)).body;
  const selected = (value: string) => `${PATH}?labelSelector=third%3D${value}`;
  const names: (string | undefined)[] = [];
  let next = `&resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=Exact`;
  for (let pages = 0; next; pages++) {
    assert.ok(pages < 100);
    const { body } = await api.call<KubeList>('GET', `${selected('true')}&limit=70${next}`);
    assert.ok(body.items.length <= 70);
    assert.equal(body.metadata.remainingItemCount, undefined);
    names.push(...body.items.map((item) => item.metadata?.name));
    next = body.metadata.continue ? `&continue=${encodeURIComponent(body.metadata.continue)}` : '';
  }
  const all = (await api.call<KubeList>('GET', selected('true'))).body.items.map((item) => item.metadata?.name);
  assert.ok(all.length > 340);
  assert.deepEqual(names, all);

  reads = 0;
  const none = await api.call<KubeList>('GET', `${selected('never')}&limit=1&resourceVersion=${metadata.resourceVersion}`);
  assert.deepEqual([none.body.items.length, none.body.metadata.continue], [0, undefined]);
  // 1, 2, 4, … 512 of them at a time.
  assert.ok(reads <= 12, String(reads));
});
