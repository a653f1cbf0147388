import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { V1Scale } from '../../api/gen/types.ts';
import type { ManagedFieldsEntry } from '../../api/machinery/object.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { startTestApi, type TestApi } from '../test-api.ts';

const MERGE = { 'content-type': 'application/merge-patch+json' };
const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };
const APPLY = { 'content-type': 'application/apply-patch+yaml' };
const APPS = '/apis/apps/v1/namespaces/default';

interface Workload {
  metadata: { generation: number; uid: string; managedFields: ManagedFieldsEntry[] };
  spec: { replicas: number };
}

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const workload = (apiVersion: string, kind: string, name: string, spec: object = {}) => ({
  apiVersion,
  kind,
  metadata: { name },
  spec: { selector: { matchLabels: { app: 'web' } }, template, ...spec },
});
const scale = (name: string, replicas: number, metadata: object = {}) => ({
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: { name, ...metadata },
  spec: { replicas },
});
const deploy = (name: string, replicas = 1) =>
  api.call<Workload>('POST', `${APPS}/deployments?fieldManager=maker`, workload('apps/v1', 'Deployment', name, { replicas }));
const owners = async (name: string) => {
  const { body } = await api.call<Workload>('GET', `${APPS}/deployments/${name}`);
  return body.metadata.managedFields
    .filter(({ fieldsV1 }) => (fieldsV1!['f:spec'] as Record<string, unknown> | undefined)?.['f:replicas'])
    .map(({ manager, operation, apiVersion, subresource }) => [manager, operation, apiVersion, subresource].join(' ').trim());
};

const WORKLOADS: readonly [string, string, object, string][] = [
  [`${APPS}/deployments`, 'Deployment', {}, 'deployments/scale.apps'],
  [`${APPS}/replicasets`, 'ReplicaSet', {}, 'replicasets/scale.apps'],
  [`${APPS}/statefulsets`, 'StatefulSet', { serviceName: 'web' }, 'statefulsets/scale.apps'],
  [
    '/api/v1/namespaces/default/replicationcontrollers',
    'ReplicationController',
    { selector: { app: 'web' } },
    'replicationcontrollers/scale.autoscaling',
  ],
];

for (const [path, kind, spec, missing] of WORKLOADS)
  test(`the scale of a ${kind} is read, replaced and patched`, async () => {
    const apiVersion = path.startsWith('/apis') ? 'apps/v1' : 'v1';
    const made = await api.call<Workload>('POST', path, workload(apiVersion, kind, 'web', { replicas: 2, ...spec }));
    assert.equal(made.status, 201, made.text);
    const read = await api.call<V1Scale>('GET', `${path}/web/scale`);
    assert.deepEqual(read.body.spec, { replicas: 2 });
    assert.deepEqual(read.body.status, { replicas: 0, selector: 'app=web' });
    assert.equal(read.body.metadata!.uid, made.body.metadata.uid);
    const replaced = await api.call<V1Scale>('PUT', `${path}/web/scale`, { ...read.body, spec: { replicas: 3 } });
    assert.deepEqual(replaced.body.spec, { replicas: 3 });
    const none = await api.call<V1Scale>('PATCH', `${path}/web/scale`, { spec: { replicas: 0 } }, MERGE);
    assert.deepEqual(none.body.spec, {});
    const { body } = await api.call<Workload>('GET', `${path}/web`);
    assert.equal(body.spec.replicas, 0);
    assert.equal(body.metadata.generation, 3);
    const said = { kind, metadata: { name: 'web', namespace: 'default' }, spec: { replicas: 4 } };
    const scaled = await api.call<V1Scale>('PATCH', `${path}/web/scale`, said, STRATEGIC);
    assert.deepEqual([scaled.body.kind, scaled.body.spec], ['Scale', { replicas: 4 }], 'as kubernetes.core of Ansible patches');
    const lost = await api.call<Status>('GET', `${path}/none/scale`);
    assert.equal(lost.body.message, `${missing} "none" not found`);
  });

test('a scale that is stale, negative, of another name or of no numbers is refused', async () => {
  await deploy('strict');
  const path = `${APPS}/deployments/strict/scale`;
  const cases: [object, number, RegExp][] = [
    [scale('strict', 2, { resourceVersion: '1' }), 409, /deployments\.apps "strict": the object has been modified/],
    [
      scale('strict', -1, { uid: 'x' }),
      409,
      /deployments\.apps "strict": StorageError: .* UID in precondition: x, UID in object/,
    ],
    [
      scale('strict', -1),
      422,
      /^Scale\.autoscaling "strict" is invalid: spec\.replicas: Invalid value: -1: must be greater than or equal to 0$/,
    ],
    [scale('other', 1), 400, /the name of the object \(other\) does not match the name on the URL \(strict\)/],
    [
      { ...scale('strict', 1), spec: { replicas: 'many' } },
      400,
      /Scale in version "v1" cannot be handled as a Scale: json: cannot/,
    ],
    [{ ...scale('strict', 1), kind: 'Deployment', apiVersion: 'apps/v1' }, 400, /cannot be handled as a Scale/],
  ];
  const other = await api.call<Status>('PATCH', path, { metadata: { uid: 'x' } }, MERGE);
  assert.match(other.body.message!, /deployments\/scale\.apps "strict": Precondition failed: UID in precondition: x/);
  for (const [body, status, message] of cases) {
    const answer = await api.call<Status>('PUT', path, body);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.body.message!, message);
  }
  const patched = await api.call<Status>('PATCH', path, { spec: { replicas: -3 } }, MERGE);
  assert.equal(patched.status, 422);
  const gone = await api.call<Status>('PUT', `${APPS}/deployments/none/scale`, scale('none', 1));
  assert.equal(gone.body.message, 'deployments.apps "none" not found');
});

test('a dry run scales nothing', async () => {
  await deploy('dry');
  const answer = await api.call<V1Scale>('PUT', `${APPS}/deployments/dry/scale?dryRun=All`, scale('dry', 4));
  assert.deepEqual(answer.body.spec, { replicas: 4 });
  assert.equal((await api.call<Workload>('GET', `${APPS}/deployments/dry`)).body.spec.replicas, 1);
});

test('who scales comes to own the replicas', async () => {
  await deploy('owned');
  assert.deepEqual(await owners('owned'), ['maker Update apps/v1']);
  await api.call('PUT', `${APPS}/deployments/owned/scale?fieldManager=hand`, scale('owned', 2));
  assert.deepEqual(await owners('owned'), ['hand Update apps/v1 scale']);
});

test('a scale is applied to: conflicts, force, sharing and giving up', async () => {
  await deploy('applied');
  const path = `${APPS}/deployments/applied/scale`;
  const applyTo = (replicas: number, query: string) =>
    api.call<Status>('PATCH', `${path}?${query}`, scale('applied', replicas), APPLY);
  const conflict = await applyTo(3, 'fieldManager=auto');
  assert.equal(conflict.status, 409);
  assert.match(
    conflict.body.message!,
    /^Apply failed with 1 conflict: conflict with "maker".* using autoscaling\/v1: \.spec\.replicas$/,
  );
  assert.equal((await applyTo(3, 'fieldManager=auto&force=true')).status, 200);
  assert.deepEqual(await owners('applied'), ['auto Apply apps/v1 scale']);
  assert.equal((await applyTo(3, 'fieldManager=second')).status, 200);
  // Who changes nothing has no time, and comes first.
  assert.deepEqual(await owners('applied'), ['second Apply apps/v1 scale', 'auto Apply apps/v1 scale']);
  assert.equal((await applyTo(4, 'fieldManager=second')).status, 409);
  const { body } = await api.call<Workload>('GET', `${APPS}/deployments/applied`);
  assert.equal(body.spec.replicas, 3);
});
