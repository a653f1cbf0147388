import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, beforeEach, describe, test } from 'node:test';
import { temporaryDirectory } from '../../../../test/harness/temporary-directory.ts';
import { until } from '../../../../test/harness/until.ts';
import { createSecurity } from '../../security.ts';
import { configMap, startTestApi, type TestApi } from '../../test-api.ts';
import { jsonPatch, startTestWebhook, type TestAnswer, type TestWebhook } from './test-webhook.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews';

describe('what webhooks are asked', () => {
  let api: TestApi;
  let hook: TestWebhook;
  let answer: () => TestAnswer;

  before(async () => {
    api = await startTestApi({ composeSecurity: createSecurity, security: { authorizationModes: ['AlwaysAllow'] } });
    hook = await startTestWebhook(api.pki, () => answer());
  });
  after(async () => {
    await hook.stop();
    await api.stop();
  });
  beforeEach(async () => {
    answer = () => ({ allowed: true });
    await api.call('DELETE', `${GROUP}/validatingwebhookconfigurations`);
    await api.call('DELETE', CONFIG_MAPS);
    hook.asked.length = 0;
  });

  async function configure(group: string, resource: string, more: object = {}): Promise<void> {
    const made = await api.call('POST', `${GROUP}/validatingwebhookconfigurations`, {
      metadata: { name: 'c' },
      webhooks: [
        {
          name: 'see.example.com',
          clientConfig: { url: `${hook.url}/see`, caBundle: hook.caBundle },
          rules: [{ operations: ['*'], apiGroups: [group], apiVersions: ['*'], resources: [resource] }],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          ...more,
        },
      ],
    });
    assert.equal(made.status, 201, made.text);
  }
  const requests = () =>
    hook.asked.map(({ review }) => {
      const { operation, name, kind, oldObject } = review.request as Readonly<Record<string, unknown>>;
      return [
        operation,
        name,
        (kind as { kind: string }).kind,
        (oldObject as { metadata: { name: string } } | null)?.metadata.name,
      ];
    });

  test('of the objects of a collection that is deleted, none is asked about by name', async () => {
    for (const name of ['a', 'b']) await api.call('POST', CONFIG_MAPS, configMap(name));
    await configure('', 'configmaps');
    const deleted = await api.call('DELETE', CONFIG_MAPS);
    assert.equal(deleted.status, 200, deleted.text);
    assert.deepEqual(requests().sort(), [
      ['DELETE', undefined, 'ConfigMap', 'a'],
      ['DELETE', undefined, 'ConfigMap', 'b'],
    ]);
  });

  test('a webhook is told what is asked of a write besides its object', async () => {
    await configure('*', '*/*');
    const options = async (method: string, path: string, body?: object, type = 'application/json') => {
      hook.asked.length = 0;
      const answered = await api.call(method, path, body, { 'content-type': type });
      assert.ok(answered.status < 300, answered.text);
      return hook.asked.map(({ review }) => review.request['options']);
    };
    const meta = { apiVersion: 'meta.k8s.io/v1' };
    const merge = 'application/merge-patch+json';
    assert.deepEqual(await options('POST', `${CONFIG_MAPS}?fieldManager=me&fieldValidation=Strict`, configMap('o', {})), [
      { kind: 'CreateOptions', ...meta, fieldManager: 'me', fieldValidation: 'Strict' },
    ]);
    assert.deepEqual(await options('PATCH', `${CONFIG_MAPS}/o?dryRun=All`, { data: { a: 'b' } }, merge), [
      { kind: 'UpdateOptions', ...meta, dryRun: ['All'] },
    ]);
    const apply = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'o' }, data: { a: 'c' } };
    assert.deepEqual(
      await options('PATCH', `${CONFIG_MAPS}/o?fieldManager=x&force=true`, apply, 'application/apply-patch+yaml'),
      [{ kind: 'UpdateOptions', ...meta, fieldManager: 'x' }],
    );
    const { metadata } = (await api.call<{ metadata: { uid: string } }>('GET', `${CONFIG_MAPS}/o`)).body;
    const given = { propagationPolicy: 'Background', preconditions: { uid: metadata.uid } };
    assert.deepEqual(await options('DELETE', `${CONFIG_MAPS}/o`, given), [{ kind: 'DeleteOptions', ...meta, ...given }]);
  });

  test('an update is of the version that is there, a scale of the object as it will be', async () => {
    await configure('*', '*/*');
    const last = () => hook.asked.at(-1)!.review.request['object'] as Record<string, Record<string, unknown>>;
    const created = await api.call<{ metadata: { resourceVersion: string } }>('POST', CONFIG_MAPS, configMap('u', {}));
    await api.call('PUT', `${CONFIG_MAPS}/u`, configMap('u', { a: 'b' }));
    assert.equal(last()['metadata']!['resourceVersion'], created.body.metadata.resourceVersion);
    const labels = { a: 'b' };
    const spec = {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    };
    const deployments = '/apis/apps/v1/namespaces/default/deployments';
    await api.call('POST', deployments, { metadata: { name: 'd' }, spec });
    const scale = {
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'd', namespace: 'default' },
      spec: { replicas: 4 },
    };
    const scaled = await api.call('PUT', `${deployments}/d/scale`, scale);
    assert.equal(scaled.status, 200, scaled.text);
    assert.deepEqual(
      [last()['kind'], last()['spec'], last()['status'], typeof last()['metadata']!['uid']],
      ['Scale', { replicas: 4 }, { replicas: 0, selector: 'a=b' }, 'string'],
    );
    await api.call('DELETE', `${deployments}/d`);
  });

  test('nobody is asked about a pod that is going already, and of one that is not, with its grace period', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    const spec = { nodeName: 'somewhere', containers: [{ name: 'c', image: 'i' }], terminationGracePeriodSeconds: 17 };
    await api.call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
    const made = await api.call('POST', pods, { metadata: { name: 'p' }, spec });
    assert.equal(made.status, 201, made.text);
    await configure('', 'pods');
    const graces = () =>
      hook.asked.map(({ review }) => (review.request['options'] as Record<string, unknown>)['gracePeriodSeconds']);
    await api.call('DELETE', `${pods}/p`);
    await api.call('DELETE', `${pods}/p`);
    assert.deepEqual(graces(), [17]);
    await api.call('DELETE', `${pods}/p`, { gracePeriodSeconds: 0 });
    assert.deepEqual(graces(), [17, 0, 0]);
  });

  test('a review is asked about, and not answered when it is refused', async () => {
    await configure('authorization.k8s.io', '*');
    const review = { spec: { user: 'u', nonResourceAttributes: { path: '/', verb: 'get' } } };
    const answered = await api.call<{ status: { allowed: boolean } }>('POST', REVIEWS, review);
    assert.deepEqual([answered.status, answered.body.status.allowed], [201, true]);
    assert.deepEqual(requests(), [['CREATE', undefined, 'SubjectAccessReview', undefined]]);
    answer = () => ({ allowed: false });
    const refused = await api.call('POST', REVIEWS, review);
    assert.equal(refused.status, 400, refused.text);
  });

  test('a binding is asked about by the name of its pod, however it is posted', async () => {
    await configure('', 'bindings');
    await api.call('POST', '/api/v1/namespaces/default/bindings', {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'p' },
      target: { kind: 'Node', name: 'n' },
    });
    assert.deepEqual(requests(), [['CREATE', 'p', 'Binding', undefined]]);
  });

  test('a webhook is told how long it may take: its own time, or what the request has left', async () => {
    await configure('', 'configmaps', { timeoutSeconds: 20 });
    await api.call('POST', CONFIG_MAPS, configMap('a'));
    await api.call('POST', `${CONFIG_MAPS}?timeout=15s`, configMap('b'));
    const [own, left] = hook.asked.map(({ path }) => Number(/\?timeout=(\d+)s$/.exec(path)![1]));
    assert.equal(own, 20);
    assert.ok(left! > 0 && left! <= 15, `${left} s`);
  });
});

test('the audit log has a webhook’s patch where the policy asks for requests, and elsewhere that there was one', async () => {
  await using directory = await temporaryDirectory();
  const policyFile = directory.file('policy.yaml');
  const path = directory.file('audit.log');
  const rules = [
    { level: 'Request', namespaces: ['default'], resources: [{ group: '', resources: ['configmaps'] }] },
    { level: 'Metadata', namespaces: ['other'], resources: [{ group: '', resources: ['configmaps'] }] },
    { level: 'None' },
  ];
  await writeFile(policyFile, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }));
  const batch = { bufferSize: 10, maxBatchSize: 1, maxBatchWaitMs: 0 };
  const rotation = { maxAgeDays: 0, maxBackups: 0, maxSizeMb: 0, compress: false };
  const api = await startTestApi({
    composeSecurity: createSecurity,
    security: { authorizationModes: ['AlwaysAllow'] },
    audit: { policyFile, log: { path, mode: 'blocking', batch, format: 'json', ...rotation } },
  });
  const patch = [{ op: 'add', path: '/data/y', value: '2' }];
  const hook = await startTestWebhook(api.pki, () => jsonPatch(patch));
  await api.call('POST', '/api/v1/namespaces', { metadata: { name: 'other' } });
  await api.call('POST', `${GROUP}/mutatingwebhookconfigurations`, {
    metadata: { name: 'c' },
    webhooks: [
      {
        name: 'add.example.com',
        clientConfig: { url: hook.url, caBundle: hook.caBundle },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  });
  for (const namespace of ['default', 'other'])
    await api.call('POST', `/api/v1/namespaces/${namespace}/configmaps`, configMap('a', { x: '1' }));
  const events = await until('both requests are recorded', async () => {
    const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.includes('"ResponseComplete"'));
    return lines.length === 2 && lines.map((line) => JSON.parse(line) as { annotations: Record<string, string> });
  });
  const noted = { configuration: 'c', webhook: 'add.example.com' };
  const mutated = JSON.stringify({ ...noted, mutated: true });
  const at = (prefix: string) =>
    events.map(({ annotations }) => annotations[`${prefix}.webhook.admission.k8s.io/round_0_index_0`]);
  assert.deepEqual(at('mutation'), [mutated, mutated]);
  assert.deepEqual(at('patch'), [JSON.stringify({ ...noted, patch, patchType: 'JSONPatch' }), undefined]);
  await hook.stop();
  await api.stop();
});
