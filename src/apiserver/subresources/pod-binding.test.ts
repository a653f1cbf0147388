import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { pod, startTestApi, type TestApi } from '../test-api.ts';

const NAMESPACE = '/api/v1/namespaces/default';
const MERGE = { 'content-type': 'application/merge-patch+json' };

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

const make = async (name: string, spec: object = {}) =>
  (await api.call<V1Pod>('POST', `${NAMESPACE}/pods`, pod(name, { spec }))).body;
const binding = (name: string, more: { metadata?: object; target?: object } = {}) => ({
  apiVersion: 'v1',
  kind: 'Binding',
  metadata: { name, ...more.metadata },
  target: more.target ?? { kind: 'Node', name: 'n1' },
});
const bind = (name: string, more?: Parameters<typeof binding>[1], query = '') =>
  api.call<Status>('POST', `${NAMESPACE}/pods/${name}/binding${query}`, binding(name, more));

test('a binding puts a pod on a node, with what it says of the pod, and turns its condition', async () => {
  const made = await make('bound');
  await api.call(
    'PATCH',
    `${NAMESPACE}/pods/bound/status`,
    { status: { nominatedNodeName: 'n9', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] } },
    MERGE,
  );
  const { uid } = made.metadata!;
  const answer = await bind('bound', { metadata: { uid, annotations: { a: '1' }, labels: { zone: 'z' } } });
  assert.equal(answer.status, 201);
  assert.deepEqual(answer.body, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
  const { body } = await api.call<V1Pod>('GET', `${NAMESPACE}/pods/bound`);
  assert.equal(body.spec!.nodeName, 'n1');
  assert.deepEqual(body.metadata!.annotations, { a: '1' });
  assert.deepEqual(body.metadata!.labels, { zone: 'z' });
  assert.equal(body.metadata!.generation, 1);
  assert.equal(body.status!.nominatedNodeName, undefined);
  const { lastTransitionTime, ...condition } = body.status!.conditions![0]!;
  assert.deepEqual(condition, { type: 'PodScheduled', status: 'True', observedGeneration: 1 });
  assert.match(String(lastTransitionTime), /Z$/);
});

test('a pod that is held back says so of its first generation', async () => {
  const { status } = await make('held-back', { schedulingGates: [{ name: 'example.com/wait' }] });
  const [condition] = status!.conditions!;
  assert.deepEqual([condition!.reason, condition!.observedGeneration], ['SchedulingGated', 1]);
});

test('a binding may be made in the namespace, and names its pod itself then', async () => {
  await make('old-way');
  const named = await api.call<Status>('POST', `${NAMESPACE}/bindings/another`, binding('old-way'));
  assert.equal(named.status, 404, 'the name in the path is not the one that is bound');
  const answer = await api.call<Status>('POST', `${NAMESPACE}/bindings`, binding('old-way'));
  assert.equal(answer.status, 201);
  assert.equal((await api.call<V1Pod>('GET', `${NAMESPACE}/pods/old-way`)).body.spec!.nodeName, 'n1');
});

test('a pod that has a node, is gated or goes cannot be bound', async () => {
  await make('twice');
  await bind('twice');
  await make('gated', { schedulingGates: [{ name: 'wait' }] });
  const going = { ...pod('going'), metadata: { name: 'going', finalizers: ['example.com/stay'] } };
  await api.call('POST', `${NAMESPACE}/pods`, going);
  await api.call('DELETE', `${NAMESPACE}/pods/going`);
  const cases: [string, string][] = [
    ['twice', 'pod twice is already assigned to node "n1"'],
    ['gated', 'pod gated has non-empty .spec.schedulingGates'],
    ['going', 'pod going is being deleted, cannot be assigned to a host'],
  ];
  for (const [name, why] of cases) {
    const { status, body } = await bind(name);
    assert.equal(status, 409);
    assert.equal(body.message, `Operation cannot be fulfilled on pods/binding "${name}": ${why}`);
    assert.deepEqual(body.details, { name, kind: 'pods/binding' });
  }
});

test('a binding that is for another pod, or for none, is refused', async () => {
  await make('free');
  const other = await bind('free', { metadata: { uid: 'x' } });
  assert.equal(other.status, 409);
  assert.match(
    other.body.message!,
    /pods "free".*Precondition failed: UID in precondition: x, UID in object meta: [0-9a-f-]{36}$/,
  );
  const stale = await bind('free', { metadata: { resourceVersion: '1' } });
  assert.equal(stale.status, 409);
  assert.match(
    stale.body.message!,
    /Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in object meta: \d+$/,
  );
  const renamed = await bind('free', { metadata: { name: 'another' } });
  assert.equal(renamed.status, 400);
  assert.equal(renamed.body.message, 'name in URL does not match name in Binding object');
  const nameless = await api.call<Status>('POST', '/api/v1/namespaces/default/bindings', { target: { name: 'n' } });
  assert.deepEqual([nameless.status, nameless.body.message], [400, 'Name parameter required.']);
  const missing = await bind('nobody');
  assert.equal(missing.status, 404);
  assert.equal(missing.body.message, 'pods "nobody" not found');
});

test('a binding to what is no node is refused as upstream does it', async () => {
  await make('aimless');
  const { status, body } = await bind('aimless', { target: { kind: 'Pod' } });
  assert.equal(status, 500);
  assert.equal(
    body.message,
    '[target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]',
  );
});

test('a dry run binds nothing', async () => {
  await make('dry');
  assert.equal((await bind('dry', {}, '?dryRun=All')).status, 201);
  assert.equal((await api.call<V1Pod>('GET', `${NAMESPACE}/pods/dry`)).body.spec!.nodeName, undefined);
});
