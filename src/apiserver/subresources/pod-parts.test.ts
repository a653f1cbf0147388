import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { pod, startTestApi, type TestApi } from '../test-api.ts';

const PODS = '/api/v1/namespaces/default/pods';
const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };
const APPLY = { 'content-type': 'application/apply-patch+yaml' };

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

const make = (name: string, spec: object = {}) => api.call<V1Pod>('POST', PODS, pod(name, { spec }));
const patch = <T = V1Pod>(name: string, part: string, spec: object) =>
  api.call<T>('PATCH', `${PODS}/${name}${part && `/${part}`}`, { spec }, STRATEGIC);

test('debug containers are added by their own part, one after the other, and count as a change of what is wanted', async () => {
  await make('debugged');
  const first = await patch('debugged', 'ephemeralcontainers', { ephemeralContainers: [{ name: 'd1', image: 'busybox' }] });
  assert.equal(first.status, 200, first.text);
  assert.equal(first.body.metadata!.generation, 2);
  const { body } = await patch('debugged', 'ephemeralcontainers', { ephemeralContainers: [{ name: 'd2', image: 'busybox' }] });
  assert.deepEqual(body.spec!.ephemeralContainers!.map(({ name }) => name).sort(), ['d1', 'd2']);
  assert.equal(body.spec!.ephemeralContainers![0]!.terminationMessagePolicy, 'File');
  const changed = await patch<Status>('debugged', 'ephemeralcontainers', {
    ephemeralContainers: [{ name: 'd1', image: 'other' }],
  });
  assert.equal(changed.status, 422);
  assert.match(changed.body.message!, /existing ephemeral containers "d1" may not be changed\n/);
  const removed = { ephemeralContainers: [{ name: 'd1', $patch: 'delete' }] };
  assert.match((await patch<Status>('debugged', 'ephemeralcontainers', removed)).body.message!, /"d1" may not be removed\n/);
});

test('a write of one part leaves the others', async () => {
  await make('apart');
  const { body } = await patch('apart', 'ephemeralcontainers', {
    ephemeralContainers: [{ name: 'd', image: 'busybox' }],
    activeDeadlineSeconds: 5,
    containers: [{ name: 'c', image: 'other' }],
  });
  assert.equal(body.spec!.activeDeadlineSeconds, undefined);
  assert.equal(body.spec!.containers[0]!.image, 'busybox');
  const whole = await patch<Status>('apart', '', { ephemeralContainers: [{ name: 'e', image: 'busybox' }] });
  assert.equal(whole.status, 422);
});

test('resources are resized by their own part, and by no other', async () => {
  const sized = (cpu: string) => [{ name: 'c', image: 'busybox', resources: { requests: { cpu }, limits: { cpu: '4' } } }];
  await make('sized', { containers: sized('1') });
  const direct = await api.call<Status>('PATCH', `${PODS}/sized`, { spec: { containers: sized('2') } }, STRATEGIC);
  assert.equal(direct.status, 422);
  const { status, body } = await patch('sized', 'resize', { containers: [{ name: 'c', resources: { requests: { cpu: '2' } } }] });
  assert.equal(status, 200);
  assert.equal(body.spec!.containers[0]!.resources!.requests!['cpu'], '2');
  assert.equal(body.metadata!.generation, 2);
  const disk = { containers: [{ name: 'c', resources: { requests: { 'ephemeral-storage': '1Gi' } } }] };
  assert.match((await patch<Status>('sized', 'resize', disk)).body.message!, /only cpu and memory resources are mutable/);
  const guaranteed = {
    containers: [{ name: 'c', resources: { requests: { cpu: '4', memory: '1Gi' }, limits: { memory: '1Gi' } } }],
  };
  assert.match(
    (await patch<Status>('sized', 'resize', guaranteed)).body.message!,
    /Pod QOS Class may not change as a result of resizing/,
  );
});

test('a resize is applied too, and its fields are the applier’s', async () => {
  await make('applied', { containers: [{ name: 'c', image: 'busybox', resources: { requests: { cpu: '1' } } }] });
  const configuration = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'applied' },
    spec: { containers: [{ name: 'c', resources: { requests: { cpu: '2' } } }] },
  };
  const { status, body, text } = await api.call<V1Pod>(
    'PATCH',
    `${PODS}/applied/resize?fieldManager=sizer&force=true`,
    configuration,
    APPLY,
  );
  assert.equal(status, 200, text);
  const entry = body.metadata!.managedFields!.find(({ manager }) => manager === 'sizer');
  assert.equal(entry?.subresource, 'resize');
  assert.equal(body.spec!.containers[0]!.image, 'busybox');
});

test('discovery names every part and action of pods', async () => {
  const { body } = await api.call<{ resources: { name: string; kind: string; verbs: string[] }[] }>('GET', '/api/v1');
  const found = body.resources
    .filter(({ name }) => name.startsWith('pods') || name === 'bindings')
    .map(({ name, kind }) => `${name} ${kind}`);
  assert.deepEqual(found.sort(), [
    'bindings Binding',
    'pods Pod',
    'pods/attach PodAttachOptions',
    'pods/binding Binding',
    'pods/ephemeralcontainers Pod',
    'pods/eviction Eviction',
    'pods/exec PodExecOptions',
    'pods/log Pod',
    'pods/portforward PodPortForwardOptions',
    'pods/proxy PodProxyOptions',
    'pods/resize Pod',
    'pods/status Pod',
  ]);
});
