import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import type { V1FlowSchema } from '../../api/gen/types.ts';
import { type List, startTestApi, type TestApi } from '../test-api.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
  // The last to come.
  await eventually(async () => assert.match((await api.call('GET', CIDR)).text, /"Ready"/));
});
after(() => api.stop());

const GROUP = '/apis/flowcontrol.apiserver.k8s.io/v1';
const CIDR = '/apis/networking.k8s.io/v1/servicecidrs/kubernetes';
const patchType = { 'content-type': 'application/merge-patch+json' };

/** Everything here comes a little later: `check` holds its assertions then. */
const eventually = (check: () => Promise<void>) => until('it is so', () => check().then(() => true));

const patch = (path: string, body: object) => api.call('PATCH', path, body, patchType);
const schema = async (name: string) => (await api.call('GET', `${GROUP}/flowschemas/${name}`)).body as unknown as V1FlowSchema;

test("upstream's priority levels and flow schemas are there", async () => {
  const names = async (path: string) => (await api.call<List>('GET', path)).body.items.map(({ metadata }) => metadata?.name);
  assert.deepEqual(await names(`${GROUP}/prioritylevelconfigurations`), [
    'catch-all',
    'exempt',
    'global-default',
    'leader-election',
    'node-high',
    'system',
    'workload-high',
    'workload-low',
  ]);
  assert.equal((await names(`${GROUP}/flowschemas`)).length, 11);
});

test('mandatory ones are put back, others when nobody took them over', async () => {
  await patch(`${GROUP}/flowschemas/catch-all`, { spec: { matchingPrecedence: 77 } });
  await patch(`${GROUP}/flowschemas/probes`, { spec: { matchingPrecedence: 78 } });
  const annotations = { 'apf.kubernetes.io/autoupdate-spec': 'false' };
  await patch(`${GROUP}/flowschemas/service-accounts`, { metadata: { annotations }, spec: { matchingPrecedence: 79 } });
  await api.call('DELETE', `${GROUP}/flowschemas/kube-scheduler`);
  await eventually(async () => {
    assert.equal((await schema('catch-all')).spec?.matchingPrecedence, 10_000);
    assert.equal((await schema('probes')).spec?.matchingPrecedence, 2);
    assert.equal((await schema('kube-scheduler')).spec?.matchingPrecedence, 800);
  });
  assert.equal((await schema('service-accounts')).spec?.matchingPrecedence, 79);
});

test('objects that other servers left behind go', async () => {
  const metadata = { name: 'former', annotations: { 'apf.kubernetes.io/autoupdate-spec': 'true' } };
  await api.call('POST', `${GROUP}/flowschemas`, { metadata, spec: { priorityLevelConfiguration: { name: 'exempt' } } });
  await eventually(async () => assert.equal((await api.call('GET', `${GROUP}/flowschemas/former`)).status, 404));
});

test('the range of the Services is described, and again when the description is deleted', async () => {
  const { spec, metadata } = (await api.call<{ spec: object; metadata: { uid: string } }>('GET', CIDR)).body;
  assert.deepEqual(spec, { cidrs: ['10.0.0.0/12'] });
  await api.call('DELETE', CIDR);
  await eventually(async () => {
    const again = (await api.call<{ metadata?: { uid: string } }>('GET', CIDR)).body.metadata?.uid;
    assert.ok(again && again !== metadata.uid);
  });
});
