import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeList } from '../../api/machinery/object.ts';
import { configMap, startTestApi, type TestApi } from '../test-api.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
/** More than are read from the store at once. */
const OBJECTS = 1_050;

let api: TestApi;
before(async () => {
  api = await startTestApi();
  for (let i = 0; i < OBJECTS; i++) await api.call('POST', PATH, configMap(`m${i}`));
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
