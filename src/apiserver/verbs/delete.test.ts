import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { V1Job, V1Pod } from '../../api/gen/types.ts';
import { allowAll, pod, startTestApi, type TestApi } from '../test-api.ts';

const PODS = '/api/v1/namespaces/default/pods';
const JOBS = '/apis/batch/v1/namespaces/default/jobs';
const MERGE = { 'content-type': 'application/merge-patch+json' };
const ORPHANED =
  '299 - "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning"';

/** What somebody else does, one by one, while admission is asked about deletions. */
const meanwhile: (() => Promise<unknown>)[] = [];

let api: TestApi;
before(async () => {
  const admit = async ({ operation }: { readonly operation: string }) => {
    if (operation === 'DELETE') await meanwhile.shift()?.();
  };
  api = await startTestApi({ composeSecurity: () => ({ ...allowAll(), admission: { admit, validate: async () => undefined } }) });
});
after(() => api.stop());

const make = (name: string, spec: object = {}) => api.call<V1Pod>('POST', PODS, pod(name, { spec: { nodeName: 'n', ...spec } }));
const remove = (name: string, options: object = {}) => api.call<V1Pod>('DELETE', `${PODS}/${name}`, options);
const isThere = async (name: string) => (await api.call('GET', `${PODS}/${name}`)).status === 200;

test('a pod on a node is given its time, and less when somebody is in a hurry', async () => {
  await make('slow');
  const marked = (await remove('slow')).body.metadata!;
  assert.equal(marked.deletionGracePeriodSeconds, 30);
  assert.equal(marked.generation, 2);
  const longer = (await remove('slow', { gracePeriodSeconds: 60 })).body.metadata!;
  assert.equal(longer.deletionTimestamp, marked.deletionTimestamp);
  const shorter = (await remove('slow', { gracePeriodSeconds: 10 })).body.metadata!;
  assert.equal(Date.parse(String(marked.deletionTimestamp)) - Date.parse(String(shorter.deletionTimestamp)), 20_000);
  assert.equal((await remove('slow', { gracePeriodSeconds: -1 })).body.metadata!.deletionGracePeriodSeconds, 1);
  await remove('slow', { gracePeriodSeconds: 0 });
  assert.equal(await isThere('slow'), false);
});

test('a pod of no node, or one that has ended, goes at once', async () => {
  await make('unplaced', { nodeName: undefined });
  await remove('unplaced');
  assert.equal(await isThere('unplaced'), false);
  await make('ended');
  await api.call('PATCH', `${PODS}/ended/status`, { status: { phase: 'Succeeded' } }, MERGE);
  await remove('ended', { gracePeriodSeconds: 50 });
  assert.equal(await isThere('ended'), false);
});

test('who watches a pod that goes at once is told that it is going, then that it has gone', async () => {
  await make('hurried');
  const { metadata } = (await api.call<{ metadata: { resourceVersion: string } }>('GET', PODS)).body;
  const removed = (await remove('hurried', { gracePeriodSeconds: 0 })).body.metadata!;
  assert.equal(removed.deletionGracePeriodSeconds, 0);
  const query = `watch=1&fieldSelector=metadata.name=hurried&resourceVersion=${metadata.resourceVersion}`;
  const watching = await api.transport.request({ method: 'GET', path: `${PODS}?${query}`, headers: {} });
  let text = '';
  for await (const chunk of watching.body) {
    text += Buffer.from(chunk).toString();
    if (text.split('\n').length > 2) break;
  }
  const events = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; object: V1Pod });
  assert.deepEqual(
    events.map(({ type, object }) => [type, object.metadata!.deletionGracePeriodSeconds, object.metadata!.generation]),
    [
      ['MODIFIED', 0, 2],
      ['DELETED', 0, 2],
    ],
  );
});

test('a pod that waits for its dependents by the time that it would go at once stays', async () => {
  await make('contended');
  meanwhile.push(() => remove('contended', { gracePeriodSeconds: 0, propagationPolicy: 'Foreground' }));
  await remove('contended', { gracePeriodSeconds: 0 });
  assert.equal(meanwhile.length, 0);
  const { status, body } = await api.call<V1Pod>('GET', `${PODS}/contended`);
  assert.deepEqual([status, body.metadata?.finalizers], [200, ['foregroundDeletion']]);
});

test('who deletes a pod at once does not delete another one that got its name meanwhile', async () => {
  const before = (await make('replaced')).body.metadata!;
  let after: V1Pod['metadata'];
  const replace = async () => {
    await remove('replaced', { gracePeriodSeconds: 0 });
    after = (await make('replaced')).body.metadata;
  };
  meanwhile.push(async () => undefined, replace);
  const removed = await remove('replaced', { gracePeriodSeconds: 0 });
  assert.deepEqual([removed.status, removed.body.metadata?.uid], [200, before.uid]);
  const { metadata } = (await api.call<V1Pod>('GET', `${PODS}/replaced`)).body;
  assert.deepEqual([metadata?.uid, metadata?.deletionTimestamp], [after?.uid, undefined]);
  assert.notEqual(after?.uid, before.uid);
});

test('a job whose pods would be left behind unasked says so', async () => {
  const job = (name: string) => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
  });
  for (const name of ['unasked', 'asked']) assert.equal((await api.call('POST', JOBS, job(name))).status, 201);
  const asked = await api.call('DELETE', `${JOBS}/asked`, { propagationPolicy: 'Background' });
  assert.equal(asked.headers['warning'], undefined);
  const unasked = await api.call<V1Job>('DELETE', `${JOBS}/unasked`);
  assert.equal(unasked.headers['warning'], ORPHANED);
  assert.deepEqual(unasked.body.metadata!.finalizers, ['orphan']);
});

test('a class that is deleted is the answer, where others answer with a Status', async () => {
  const at = '/apis/storage.k8s.io/v1/storageclasses';
  const made = await api.call('POST', at, { metadata: { name: 'fast' }, provisioner: 'example.com/disks' });
  assert.equal(made.status, 201);
  const gone = await api.call<{ kind: string; metadata: { name: string } }>('DELETE', `${at}/fast`);
  assert.deepEqual([gone.body.kind, gone.body.metadata.name], ['StorageClass', 'fast']);
  await api.call('POST', '/api/v1/namespaces/default/configmaps', { metadata: { name: 'c' } });
  const other = await api.call<{ kind: string }>('DELETE', '/api/v1/namespaces/default/configmaps/c');
  assert.equal(other.body.kind, 'Status');
});
