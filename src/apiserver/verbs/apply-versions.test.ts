import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ManagedFieldsEntry } from '../../api/machinery/object.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { startTestApi, type TestApi } from '../test-api.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi({ runtimeConfig: { 'extensions/v1beta1': true } });
});
after(() => api.stop());

const IN_DEFAULT = (apiVersion: string, plural: string) => `/apis/${apiVersion}/namespaces/default/${plural}`;
const APPLY = { 'content-type': 'application/apply-patch+yaml' };
const MERGE = { 'content-type': 'application/merge-patch+json' };

interface Answer {
  metadata: { name: string; managedFields?: ManagedFieldsEntry[] };
  spec: Record<string, unknown> & { metrics?: { resource?: { target: { averageUtilization?: number } } }[] };
}

interface Applied {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly name: string;
  readonly spec: object;
}

const apply = ({ apiVersion, kind, plural, name, spec }: Applied, query: string) =>
  api.call<Answer & Status>(
    'PATCH',
    `${IN_DEFAULT(apiVersion, plural)}/${name}?${query}`,
    { apiVersion, kind, metadata: { name }, spec },
    APPLY,
  );

const scaler = (name: string, version: 'v1' | 'v2', spec: object, query = 'fieldManager=me') =>
  apply(
    {
      apiVersion: `autoscaling/${version}`,
      kind: 'HorizontalPodAutoscaler',
      plural: 'horizontalpodautoscalers',
      name,
      spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 5, ...spec },
    },
    query,
  );

const cpu = (averageUtilization: number) => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});

const owners = (answer: { body: Answer }) =>
  answer.body.metadata.managedFields!.map(({ manager, operation, apiVersion }) => `${manager} ${operation} ${apiVersion}`);
const ownedBy = (answer: { body: Answer }, name: string) =>
  answer.body.metadata.managedFields!.find(({ manager }) => manager === name)?.fieldsV1;

test('what was applied in another version and is applied no more goes', async () => {
  await scaler('gives-up', 'v1', { minReplicas: 2, targetCPUUtilizationPercentage: 60 });
  const { status, body } = await scaler('gives-up', 'v2', { metrics: [cpu(70)] });
  assert.equal(status, 200);
  assert.equal(body.spec['minReplicas'], 1);
  assert.deepEqual(body.spec.metrics, [cpu(70)]);
  assert.deepEqual(owners({ body }), ['me Apply autoscaling/v2']);
});

test('what another owns in another version stays when one who applied it too gives it up', async () => {
  await scaler('shared', 'v1', { minReplicas: 2 }, 'fieldManager=one');
  await scaler('shared', 'v2', { minReplicas: 2, metrics: [cpu(70)] }, 'fieldManager=two');
  const { body } = await scaler('shared', 'v2', { metrics: [cpu(70)] }, 'fieldManager=two');
  assert.equal(body.spec['minReplicas'], 2);
  assert.deepEqual(owners({ body }), ['one Apply autoscaling/v1', 'two Apply autoscaling/v2']);
});

test('a conflict names the field as its owner’s version has it, and force takes just that from the owner', async () => {
  await scaler('fought', 'v1', { minReplicas: 2, targetCPUUtilizationPercentage: 60 }, 'fieldManager=one');
  const refused = await scaler('fought', 'v2', { metrics: [cpu(70)] }, 'fieldManager=two');
  assert.equal(refused.status, 409);
  assert.equal(refused.body.message, 'Apply failed with 1 conflict: conflict with "one": .spec.targetCPUUtilizationPercentage');
  const forced = await scaler('fought', 'v2', { metrics: [cpu(70)] }, 'fieldManager=two&force=true');
  assert.equal(forced.status, 200);
  assert.deepEqual(Object.keys((ownedBy(forced, 'one') as { 'f:spec': object })['f:spec']).sort(), [
    'f:maxReplicas',
    'f:minReplicas',
    'f:scaleTargetRef',
  ]);
});

test('a plain write in one version takes what it changes from who owns it in another', async () => {
  await scaler('patched', 'v1', { targetCPUUtilizationPercentage: 60 });
  const path = `${IN_DEFAULT('autoscaling/v2', 'horizontalpodautoscalers')}/patched?fieldManager=hand`;
  const patched = await api.call<Answer>('PATCH', path, { spec: { metrics: [cpu(75)] } }, MERGE);
  assert.equal(patched.status, 200);
  assert.deepEqual(owners(patched), ['me Apply autoscaling/v1', 'hand Update autoscaling/v2']);
  assert.equal(JSON.stringify(ownedBy(patched, 'me')).includes('targetCPU'), false);
});

test('an older version that is served is asked too', async () => {
  const workload = (apiVersion: string, spec: object) => ({
    ...{ apiVersion, kind: 'Deployment', plural: 'deployments', name: 'older' },
    spec: {
      selector: { matchLabels: { app: 'a' } },
      template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      ...spec,
    },
  });
  await apply(workload('extensions/v1beta1', { replicas: 3, minReadySeconds: 7 }), 'fieldManager=me');
  const { status, body } = await apply(workload('apps/v1', { replicas: 3 }), 'fieldManager=me');
  assert.equal(status, 200);
  assert.deepEqual([body.spec['replicas'], body.spec['minReadySeconds']], [3, undefined]);
});

test('a dry run shows in an older version what storing would make of the object', async () => {
  const path = IN_DEFAULT('autoscaling/v1', 'horizontalpodautoscalers');
  const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 5 };
  const sent = { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler', metadata: { name: 'dry' }, spec };
  const dry = await api.call<Answer>('POST', `${path}?dryRun=All`, sent);
  const made = await api.call<Answer>('POST', path, sent);
  assert.deepEqual(dry.body.spec, made.body.spec);
  assert.equal(dry.body.spec['targetCPUUtilizationPercentage'], 80);
});
