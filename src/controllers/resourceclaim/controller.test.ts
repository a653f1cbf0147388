import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podKind } from '../../api/core/v1/pod.ts';
import type { ResourceV1ResourceClaim, V1Pod, V1ResourceClaimTemplate } from '../../api/gen/types.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import { resourceClaimTemplateKind } from '../../api/resource/v1/resource-claim-template.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createResourceClaimController } from './controller.ts';
import { claimFromTemplate, planClaim } from './plan.ts';

const DEVICES = { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpus' } }] } };
const TEMPLATE = {
  metadata: { name: 'one-gpu', namespace: 'a' },
  spec: { metadata: { labels: { app: 'x' }, annotations: { note: 'y' } }, spec: DEVICES },
} as V1ResourceClaimTemplate;
const FINALIZER = 'resource.kubernetes.io/delete-protection';
const USER = { resource: 'pods', name: 'web', uid: 'web-uid' };

const pod = (more: Partial<V1Pod> = {}, claim: object = { resourceClaimTemplateName: 'one-gpu' }): V1Pod => ({
  metadata: { name: 'web', namespace: 'a', uid: 'web-uid' },
  spec: { containers: [{ name: 'c' }], resourceClaims: [{ name: 'gpu', ...claim }] },
  ...more,
});
const allocated = (more: object = {}): ResourceV1ResourceClaim => ({
  metadata: { name: 'c', namespace: 'a', finalizers: [FINALIZER] },
  spec: DEVICES,
  status: { allocation: { devices: { results: [] } }, reservedFor: [USER] },
  ...more,
});
const claimsOf = (cluster: TestingCluster) => cluster.list<ResourceV1ResourceClaim>(resourceClaimKind);
const start = (cluster: TestingCluster) => runController((context) => createResourceClaimController(context), cluster);

test('a claim is made of the template, once, and the pod is told its name', async () => {
  const cluster = new TestingCluster();
  cluster.put(resourceClaimTemplateKind, TEMPLATE);
  cluster.put(podKind, pod());
  await using run = await start(cluster);
  await run.settle();
  const [claim, ...others] = claimsOf(cluster);
  assert.equal(others.length, 0);
  assert.match(claim?.metadata?.name ?? '', /^web-gpu-/);
  assert.deepEqual(claim?.spec, DEVICES);
  assert.deepEqual(claim?.metadata?.labels, { app: 'x' });
  assert.deepEqual(claim?.metadata?.annotations, { note: 'y', 'resource.kubernetes.io/pod-claim-name': 'gpu' });
  assert.equal(claim?.metadata?.ownerReferences?.[0]?.uid, 'web-uid');
  const told = cluster.get<V1Pod>(podKind, 'web', 'a')?.status?.resourceClaimStatuses;
  assert.deepEqual(told, [{ name: 'gpu', resourceClaimName: claim?.metadata?.name }]);
  cluster.remove(resourceClaimKind, claim?.metadata?.name ?? '', 'a');
  await run.settle();
  assert.equal(claimsOf(cluster).length, 1, 'one that was deleted is made anew');
});

test('a claim that was made before the pod could be told of it is taken', async () => {
  const cluster = new TestingCluster();
  const { metadata, ...rest } = claimFromTemplate(pod(), { name: 'gpu' }, TEMPLATE);
  cluster.put(resourceClaimKind, { ...rest, metadata: { ...metadata, name: 'web-gpu-old' } });
  cluster.put(podKind, pod());
  await using run = await start(cluster);
  await run.settle();
  assert.equal(claimsOf(cluster).length, 1);
  const told = cluster.get<V1Pod>(podKind, 'web', 'a')?.status?.resourceClaimStatuses;
  assert.equal(told?.[0]?.resourceClaimName, 'web-gpu-old');
});

test('without the template the pod is told, until there is one', async () => {
  const cluster = new TestingCluster();
  cluster.put(podKind, pod());
  await using run = await start(cluster);
  await run.settle();
  assert.equal(run.events[0], 'web FailedResourceClaimCreation');
  assert.equal(claimsOf(cluster).length, 0);
  cluster.put(resourceClaimTemplateKind, TEMPLATE);
  await run.settle();
  assert.equal(claimsOf(cluster).length, 1);
});

test('when its last user has ended, a claim gives its devices back, and one of a template goes', async () => {
  const cluster = new TestingCluster();
  cluster.put(podKind, pod({ status: { phase: 'Running' } }, { resourceClaimName: 'c' }));
  cluster.put(resourceClaimKind, allocated());
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'web-uid', controller: true };
  const metadata = { name: 'own', namespace: 'a', finalizers: [FINALIZER], ownerReferences: [owner] };
  cluster.put(resourceClaimKind, allocated({ metadata }));
  await using run = await start(cluster);
  await run.settle();
  assert.ok(cluster.get<ResourceV1ResourceClaim>(resourceClaimKind, 'c', 'a')?.status?.allocation);
  const statuses = [{ name: 'own', resourceClaimName: 'own' }];
  const both = pod({ status: { phase: 'Succeeded', resourceClaimStatuses: statuses } }, { resourceClaimName: 'c' });
  both.spec!.resourceClaims!.push({ name: 'own', resourceClaimTemplateName: 'one-gpu' });
  cluster.put(podKind, both);
  await run.settle();
  const left = cluster.get<ResourceV1ResourceClaim>(resourceClaimKind, 'c', 'a');
  assert.deepEqual([left?.status, left?.metadata?.finalizers ?? []], [{}, []]);
  assert.equal(cluster.get(resourceClaimKind, 'own', 'a'), undefined);
});

test('the claim for the extended resources of a pod that has ended goes, and one made of no template is not made anew', async () => {
  const cluster = new TestingCluster();
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'web-uid', controller: true };
  const metadata = { name: 'ext', namespace: 'a', finalizers: [FINALIZER], ownerReferences: [owner] };
  cluster.put(resourceClaimKind, allocated({ metadata }));
  const asking = (phase: string): V1Pod => ({
    metadata: { name: 'web', namespace: 'a', uid: 'web-uid' },
    spec: { containers: [{ name: 'c' }], nodeName: 'n' },
    status: { phase, extendedResourceClaimStatus: { requestMappings: [], resourceClaimName: 'ext' } },
  });
  cluster.put(podKind, asking('Running'));
  await using run = await start(cluster);
  await run.settle();
  assert.deepEqual(cluster.get<ResourceV1ResourceClaim>(resourceClaimKind, 'ext', 'a')?.status?.reservedFor, [USER]);
  cluster.put(podKind, asking('Succeeded'));
  await run.settle();
  assert.equal(claimsOf(cluster).length, 0);
});

test('a user that nobody knows is asked for before it is taken out', async () => {
  const cluster = new TestingCluster();
  cluster.put(resourceClaimKind, allocated());
  await using run = await start(cluster);
  await run.settle();
  assert.deepEqual(cluster.get<ResourceV1ResourceClaim>(resourceClaimKind, 'c', 'a')?.status, {});
});

test('users other than pods are let be, and pods among them that have gone are taken out', async () => {
  const cluster = new TestingCluster();
  const other = { apiGroup: 'example.com', resource: 'groups', name: 'g', uid: 'g-uid' };
  cluster.put(resourceClaimKind, allocated({ status: { allocation: {}, reservedFor: [other, USER] } }));
  await using run = await start(cluster);
  await run.settle();
  assert.deepEqual(cluster.get<ResourceV1ResourceClaim>(resourceClaimKind, 'c', 'a')?.status, {
    allocation: {},
    reservedFor: [other],
  });
});

test('a pod that came to its node without a scheduler is noted as a user', async () => {
  const cluster = new TestingCluster();
  cluster.put(resourceClaimKind, allocated({ status: { allocation: {}, reservedFor: [] } }));
  const placed = pod({}, { resourceClaimName: 'c' });
  cluster.put(podKind, { ...placed, spec: { ...placed.spec!, nodeName: 'n' } });
  await using run = await start(cluster);
  await run.settle();
  assert.deepEqual(cluster.get<ResourceV1ResourceClaim>(resourceClaimKind, 'c', 'a')?.status?.reservedFor, [USER]);
});

test('what has no user and is being deleted is let go; what others keep is not touched', () => {
  const going = allocated({ status: { allocation: {} } });
  going.metadata!.deletionTimestamp = '2026-01-01T00:00:00Z';
  assert.deepEqual(planClaim(going, []), { status: {}, release: true });
  assert.deepEqual(planClaim(allocated(), [USER]), { release: false });
  assert.deepEqual(planClaim(allocated({ metadata: {} }), []), {
    status: { allocation: { devices: { results: [] } } },
    release: false,
  });
});

test('long names are shortened alike', () => {
  const long = pod({ metadata: { name: 'p'.repeat(60), namespace: 'a', uid: 'u' } });
  const name = claimFromTemplate(long, { name: 'c'.repeat(20) }, TEMPLATE).metadata?.generateName ?? '';
  assert.ok(name.length <= 58 && /^p+-c{10,}$/.test(name), name);
});
