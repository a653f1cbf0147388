import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { V1Pod, V1PodDisruptionBudget, V1PodDisruptionBudgetStatus } from '../../api/gen/types.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { pod, startTestApi, type TestApi } from '../test-api.ts';

const NAMESPACE = '/api/v1/namespaces/default';
const PODS = `${NAMESPACE}/pods`;
const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
const MERGE = { 'content-type': 'application/merge-patch+json' };
const FINALIZER = 'example.com/look-first';

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

const evict = (name: string, more: object = {}, query = '') =>
  api.call<Status>('POST', `${PODS}/${name}/eviction${query}`, {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name },
    ...more,
  });
const find = (name: string) => api.call<V1Pod>('GET', `${PODS}/${name}`);

/** A pod that runs on a node, ready or not, and stays until its finalizer goes. */
async function running(name: string, ready: boolean): Promise<V1Pod> {
  const metadata = { name, labels: { app: name }, finalizers: [FINALIZER] };
  await api.call('POST', PODS, { ...pod(name, { spec: { nodeName: 'n1' } }), metadata });
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  const patched = await api.call<V1Pod>('PATCH', `${PODS}/${name}/status`, { status: { phase: 'Running', conditions } }, MERGE);
  return patched.body;
}

/** A budget as its controller would have left it. */
async function budget(
  name: string,
  app: string,
  status: Partial<V1PodDisruptionBudgetStatus>,
  spec: object = {},
): Promise<V1PodDisruptionBudget> {
  await api.call('POST', BUDGETS, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name },
    spec: { minAvailable: 1, selector: { matchLabels: { app } }, ...spec },
  });
  const whole = {
    observedGeneration: 1,
    disruptionsAllowed: 0,
    currentHealthy: 1,
    desiredHealthy: 1,
    expectedPods: 1,
    ...status,
  };
  return (await api.call<V1PodDisruptionBudget>('PATCH', `${BUDGETS}/${name}/status`, { status: whole }, MERGE)).body;
}

test('a pod that no budget guards is deleted, and told why', async () => {
  await running('plain', true);
  const answer = await evict('plain');
  assert.equal(answer.status, 201);
  assert.deepEqual(answer.body, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
  const { metadata, status } = (await find('plain')).body;
  assert.equal(metadata!.deletionGracePeriodSeconds, 30);
  const { lastTransitionTime: _, ...condition } = status!.conditions!.find(({ type }) => type === 'DisruptionTarget')!;
  assert.deepEqual(condition, {
    type: 'DisruptionTarget',
    status: 'True',
    observedGeneration: 1,
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  });
});

test('an eviction in the words of policy/v1beta1 is one too, and its options count', async () => {
  await running('beta', true);
  const answer = await evict('beta', { apiVersion: 'policy/v1beta1', deleteOptions: { gracePeriodSeconds: 7 } });
  assert.equal(answer.status, 201, answer.text);
  assert.equal((await find('beta')).body.metadata!.deletionGracePeriodSeconds, 7);
});

test('a budget that allows none refuses with its cause', async () => {
  await running('guarded', true);
  await budget('guard', 'guarded', { desiredHealthy: 2 });
  const { status, body, headers } = await evict('guarded');
  assert.equal(status, 429);
  assert.equal(body.reason, 'TooManyRequests');
  assert.equal(body.message, "Cannot evict pod as it would violate the pod's disruption budget.");
  assert.deepEqual(body.details, {
    causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget guard needs 2 healthy pods and has 1 currently' }],
  });
  assert.equal(headers['retry-after'], undefined);
  assert.equal((await find('guarded')).body.metadata!.deletionTimestamp, undefined);
});

test('a budget that its controller has not seen yet refuses for ten seconds', async () => {
  await running('early', true);
  await budget('behind', 'early', { observedGeneration: 0, disruptionsAllowed: 5 });
  const { status, body, headers } = await evict('early');
  assert.equal(status, 429);
  assert.equal(headers['retry-after'], '10');
  assert.deepEqual(body.details, {
    causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget behind is still being processed by the server.' }],
    retryAfterSeconds: 10,
  });
});

test('an eviction is taken from the budget, whose condition turns with the last one', async () => {
  await running('taken', true);
  await budget('taker', 'taken', { disruptionsAllowed: 1 });
  const dry = await evict('taken', {}, '?dryRun=All');
  assert.equal(dry.status, 201);
  const untouched = await api.call<V1PodDisruptionBudget>('GET', `${BUDGETS}/taker`);
  assert.equal(untouched.body.status!.disruptionsAllowed, 1);
  assert.equal((await find('taken')).body.metadata!.deletionTimestamp, undefined);
  assert.equal((await evict('taken')).status, 201);
  const { status } = (await api.call<V1PodDisruptionBudget>('GET', `${BUDGETS}/taker`)).body;
  assert.equal(status!.disruptionsAllowed, 0);
  assert.deepEqual(Object.keys(status!.disruptedPods!), ['taken']);
  const { lastTransitionTime: _, ...condition } = status!.conditions![0]!;
  const none = { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: '', observedGeneration: 1 };
  assert.deepEqual(condition, none);
  // What goes already goes again, whatever the budget says.
  assert.equal((await evict('taken')).status, 201);
});

test('a pod that is not ready is spared the budget as the budget’s policy says', async () => {
  const cases: [string, object, Partial<V1PodDisruptionBudgetStatus>, number][] = [
    ['healthy-enough', {}, { currentHealthy: 2, desiredHealthy: 2 }, 201],
    ['too-few', {}, { currentHealthy: 1, desiredHealthy: 2 }, 429],
    ['none-desired', {}, { currentHealthy: 0, desiredHealthy: 0 }, 429],
    ['always', { unhealthyPodEvictionPolicy: 'AlwaysAllow' }, { currentHealthy: 1, desiredHealthy: 2 }, 201],
    ['if-healthy', { unhealthyPodEvictionPolicy: 'IfHealthyBudget' }, { currentHealthy: 1, desiredHealthy: 2 }, 429],
  ];
  for (const [name, spec, status, expected] of cases) {
    await running(name, false);
    await budget(name, name, status, spec);
    const answer = await evict(name);
    assert.equal(answer.status, expected, `${name}: ${answer.text}`);
    const after = await api.call<V1PodDisruptionBudget>('GET', `${BUDGETS}/${name}`);
    assert.equal(after.body.status!.disruptedPods, undefined);
  }
});

test('two budgets are one too many', async () => {
  await running('torn', true);
  await budget('one', 'torn', { disruptionsAllowed: 1 });
  await budget('two', 'torn', { disruptionsAllowed: 1 });
  const { status, body } = await evict('torn');
  assert.equal(status, 500);
  assert.equal(body.message, 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
});

test('a pod that has not begun, or has ended, goes whatever its budget says', async () => {
  await budget('strict', 'idle', { desiredHealthy: 9 });
  for (const phase of ['Pending', 'Succeeded', 'Failed']) {
    const metadata = { name: `idle-${phase.toLowerCase()}`, labels: { app: 'idle' } };
    await api.call('POST', PODS, { ...pod('idle', { spec: { nodeName: 'n1' } }), metadata });
    await api.call('PATCH', `${PODS}/${metadata.name}/status`, { status: { phase } }, MERGE);
    assert.equal((await evict(metadata.name)).status, 201, phase);
    assert.equal((await find(metadata.name)).status, phase === 'Pending' ? 200 : 404, phase);
  }
});

test('an eviction keeps to its preconditions and names', async () => {
  const { metadata } = await running('precise', true);
  const stale = await evict('precise', { deleteOptions: { preconditions: { uid: 'x' } } });
  assert.equal(stale.status, 409);
  assert.match(stale.body.message!, /the UID in the precondition \(x\) does not match the UID in record/);
  const renamed = await evict('precise', { metadata: { name: 'vague' } });
  assert.equal(renamed.status, 400);
  assert.equal(renamed.body.message, 'name in URL does not match name in Eviction object');
  assert.equal((await evict('nobody')).body.message, 'pods "nobody" not found');
  const preconditions = { uid: metadata!.uid, resourceVersion: metadata!.resourceVersion };
  assert.equal((await evict('precise', { deleteOptions: { preconditions } })).status, 201);
});

test('dry runs may be asked for in the eviction itself', async () => {
  await running('asked', true);
  assert.equal((await evict('asked', { deleteOptions: { dryRun: ['All'] } })).status, 201);
  assert.equal((await find('asked')).body.metadata!.deletionTimestamp, undefined);
});
