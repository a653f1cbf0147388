/** The lives of workloads as upstream's conformance tests lead them: made, read, patched, told their status, listed by label, deleted together. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeObject } from '../../api/machinery/object.ts';
import { type List, startTestApi, type TestApi } from '../test-api.ts';

const MERGE = { 'content-type': 'application/merge-patch+json' };
const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };

interface Workload extends KubeObject {
  spec: Record<string, unknown>;
  status: { conditions?: { type: string; status: string; reason?: string }[] } & Record<string, unknown>;
}

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

const containers = [{ name: 'c', image: 'i' }];
const template = { metadata: { labels: { app: 'x' } }, spec: { containers } };
const selected = { selector: { matchLabels: { app: 'x' } }, template };
const jobSpec = { suspend: true, template: { spec: { restartPolicy: 'Never', containers } } };
const CONDITION = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from a test' };

const WORKLOADS: readonly [string, string, string, object, object][] = [
  ['apps/v1', 'Deployment', 'deployments', selected, { replicas: 1, conditions: [CONDITION] }],
  ['apps/v1', 'ReplicaSet', 'replicasets', selected, { replicas: 1, readyReplicas: 1, conditions: [CONDITION] }],
  ['apps/v1', 'StatefulSet', 'statefulsets', { ...selected, serviceName: 's' }, { replicas: 1, conditions: [CONDITION] }],
  [
    'apps/v1',
    'DaemonSet',
    'daemonsets',
    selected,
    { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0, conditions: [CONDITION] },
  ],
  ['v1', 'ReplicationController', 'replicationcontrollers', { template }, { replicas: 1, conditions: [CONDITION] }],
  ['batch/v1', 'Job', 'jobs', jobSpec, { startTime: '2026-01-01T00:00:00Z', conditions: [CONDITION] }],
  [
    'batch/v1',
    'CronJob',
    'cronjobs',
    { schedule: '@yearly', jobTemplate: { spec: jobSpec } },
    { lastScheduleTime: '2026-01-01T00:00:00Z' },
  ],
];

for (const [apiVersion, kind, resource, spec, status] of WORKLOADS)
  test(`a ${kind} is made, told its status, changed and deleted with its like`, async () => {
    const path = `${apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`}/namespaces/default/${resource}`;
    const body = { apiVersion, kind, metadata: { name: 'x', labels: { test: 'life' } }, spec, status: { replicas: 9 } };
    const made = await api.call<Workload>('POST', path, body);
    assert.equal(made.status, 201, made.text);
    assert.ok(!made.body.status['replicas'], 'the status is not its creator’s to say');
    assert.equal(made.body.metadata!.generation, 1);

    const told = await api.call<Workload>('PATCH', `${path}/x/status`, { status, spec: { paused: true } }, MERGE);
    assert.equal(told.status, 200, told.text);
    for (const [field, value] of Object.entries(status))
      if (value) assert.partialDeepStrictEqual({ [field]: told.body.status[field] }, { [field]: value });
    assert.deepEqual(told.body.spec, made.body.spec);
    assert.equal(told.body.metadata!.generation, 1);

    const read = await api.call<Workload>('GET', `${path}/x/status`);
    const again = await api.call<Workload>('PUT', `${path}/x/status`, read.body);
    assert.equal(again.status, 200, again.text);
    assert.equal(again.body.metadata!.resourceVersion, read.body.metadata!.resourceVersion, 'nothing is written anew');

    const labelled = { metadata: { labels: { more: 'yes' } }, status: { replicas: 7 } };
    const patched = await api.call<Workload>('PATCH', `${path}/x`, labelled, STRATEGIC);
    assert.equal(patched.body.metadata!.labels!['more'], 'yes');
    assert.deepEqual(patched.body.status, read.body.status);

    const found = await api.call<List>('GET', `${path}?labelSelector=test%3Dlife`);
    assert.equal(found.body.items.length, 1);
    await api.call('DELETE', `${path}?labelSelector=test%3Dlife`, { propagationPolicy: 'Background' });
    assert.equal((await api.call('GET', `${path}/x`)).status, 404);
  });

test('a status that is taken away is an empty one', async () => {
  const sets = '/apis/apps/v1/namespaces/default/replicasets';
  await api.call('POST', sets, { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'bare' }, spec: selected });
  const bare = await api.call<Workload>('PATCH', `${sets}/bare/status`, { status: null }, MERGE);
  assert.deepEqual([bare.status, bare.body.status], [200, { replicas: 0 }]);

  const ingresses = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
  const spec = { defaultBackend: { service: { name: 's', port: { number: 80 } } } };
  await api.call('POST', ingresses, { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'bare' }, spec });
  const told = await api.call<Workload>('PATCH', `${ingresses}/bare/status`, { status: { loadBalancer: null } }, MERGE);
  assert.deepEqual([told.status, told.body.status], [200, { loadBalancer: {} }]);
});

test('who writes the status of ranges of Services, or of admission policies, does not label them', async () => {
  const policy = {
    matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }] },
    validations: [{ expression: 'true' }],
  };
  for (const [collection, spec] of [
    ['/apis/networking.k8s.io/v1/servicecidrs', { cidrs: ['10.64.0.0/24'] }],
    ['/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies', policy],
  ] as const) {
    const created = await api.call('POST', collection, { metadata: { name: 'x', labels: { a: 'b' } }, spec });
    assert.equal(created.status, 201, created.text);
    const condition = { type: 'Seen', status: 'True', reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const patch = { metadata: { labels: { a: 'c', d: 'e' } }, status: { conditions: [condition] } };
    const { body } = await api.call<Workload>('PATCH', `${collection}/x/status`, patch, MERGE);
    assert.deepEqual(body.metadata?.labels, { a: 'b' }, collection);
    assert.equal(body.status.conditions?.[0]?.type, 'Seen');
  }
});
