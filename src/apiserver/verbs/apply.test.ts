import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ManagedFieldsEntry } from '../../api/machinery/object.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { createCertificateRequest } from '../../pki/certificate-request.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import type { Authorizer } from '../contracts.ts';
import { allowAll, configMap, pod, startTestApi, type TestApi } from '../test-api.ts';

const NAMESPACE = '/api/v1/namespaces/default';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const APPLY = { 'content-type': 'application/apply-patch+yaml' };
const MERGE = { 'content-type': 'application/merge-patch+json' };

interface Answer {
  metadata: { name: string; resourceVersion: string; managedFields?: ManagedFieldsEntry[]; labels?: Record<string, string> };
  data?: Record<string, string>;
  spec: { replicas?: number; template: object };
  status: { conditions?: { type: string }[]; phase?: string; replicas?: number };
}

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

const applyTo = <T = Answer>(path: string, body: unknown, query = 'fieldManager=me', headers: Record<string, string> = {}) =>
  api.call<T>('PATCH', `${path}?${query}`, body, { ...APPLY, ...headers });
const applyMap = (name: string, data: Record<string, string>, query?: string) =>
  applyTo<Answer & Status>(`${NAMESPACE}/configmaps/${name}`, configMap(name, data), query);

const deployment = (name: string, spec: object = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    ...spec,
  },
});

test('apply makes an object that is not there, in YAML too, and says whose it is', async () => {
  const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: made\ndata:\n  a: "1"\n';
  const made = await applyTo(`${NAMESPACE}/configmaps/made`, yaml, 'fieldManager=helm');
  assert.equal(made.status, 201);
  const { time, ...entry } = made.body.metadata.managedFields![0]!;
  assert.match(time!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(entry, {
    manager: 'helm',
    operation: 'Apply',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:data': { 'f:a': {} } },
  });
});

test('applying the same again writes nothing', async () => {
  const first = await applyMap('twice', { a: '1' });
  const second = await applyMap('twice', { a: '1' });
  assert.equal(second.status, 200);
  assert.deepEqual(second.body, first.body);
  const made = await applyTo(`${DEPLOYMENTS}/twice`, deployment('twice', { replicas: 2 }));
  const again = await applyTo(`${DEPLOYMENTS}/twice`, deployment('twice', { replicas: 2 }));
  assert.equal(again.body.metadata.resourceVersion, made.body.metadata.resourceVersion);
});

test('a conflict is answered with 409 and a cause for each field; force takes over', async () => {
  await api.call('POST', `${NAMESPACE}/configmaps?fieldManager=kubectl-client-side-apply`, configMap('fought', { a: '1' }));
  const refused = await applyMap('fought', { a: '2' });
  assert.equal(refused.status, 409);
  assert.equal(refused.body.reason, 'Conflict');
  assert.equal(refused.body.message, 'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.a');
  assert.deepEqual(refused.body.details?.causes, [
    { reason: 'FieldManagerConflict', message: 'conflict with "kubectl-client-side-apply" using v1', field: '.data.a' },
  ]);
  const forced = await applyMap('fought', { a: '2' }, 'fieldManager=me&force=true');
  assert.deepEqual(forced.body.data, { a: '2' });
  assert.deepEqual(
    forced.body.metadata.managedFields!.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [
      ['me', { 'f:data': { 'f:a': {} } }],
      ['kubectl-client-side-apply', { 'f:data': {} }],
    ],
  );
});

test('a field that is applied no more goes back to its default', async () => {
  await applyTo(`${DEPLOYMENTS}/defaulted`, deployment('defaulted', { replicas: 3 }));
  const { body } = await applyTo(`${DEPLOYMENTS}/defaulted`, deployment('defaulted'));
  assert.equal(body.spec.replicas, 1);
  assert.ok(!JSON.stringify(body.metadata.managedFields).includes('f:replicas'));
});

test('who may not create cannot by applying', async () => {
  const authorizer: Authorizer = { authorize: async () => ({ decision: 'no-opinion', reason: '' }) };
  const guarded = await startTestApi({ composeSecurity: () => ({ ...allowAll(), authorizer }) });
  try {
    const answer = await guarded.call<Status>('PATCH', `${NAMESPACE}/configmaps/x?fieldManager=me`, configMap('x'), APPLY);
    assert.equal(answer.status, 403);
    assert.match(answer.body.message!, /cannot create resource "configmaps"/);
  } finally {
    await guarded.stop();
  }
});

test('options that do not fit are refused in upstream’s words', async () => {
  const path = `${NAMESPACE}/configmaps/options`;
  const unnamed = await applyTo<Status>(path, configMap('options'), 'force=true');
  assert.equal(unnamed.status, 422);
  assert.equal(
    unnamed.body.message,
    'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  );
  const several = await applyTo<Status>(path, configMap('options'), 'dryRun=None');
  assert.deepEqual(
    several.body.details?.causes?.map(({ field }) => field),
    ['fieldManager', 'dryRun'],
  );
  const forced = await api.call<Status>('PATCH', `${path}?force=true`, {}, MERGE);
  assert.equal(
    forced.body.message,
    'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
  );
  const long = await api.call<Status>('POST', `${NAMESPACE}/configmaps?fieldManager=${'x'.repeat(129)}`, configMap('options'));
  assert.match(long.body.message!, /^CreateOptions\.meta\.k8s\.io "" is invalid: fieldManager: Too long/);
});

test('configurations that do not fit are refused in upstream’s words', async () => {
  const refused = async (body: unknown, code: number, message: string | RegExp, path = `${DEPLOYMENTS}/bad`) => {
    const { status, body: failure } = await applyTo<Status>(path, body);
    assert.equal(status, code, failure.message!);
    if (typeof message === 'string') assert.equal(failure.message, message);
    else assert.match(failure.message!, message);
  };
  const type = 'failed to create typed patch object (/bad; apps/v1, Kind=Deployment)';
  await refused(deployment('bad', { replica: 1 }), 500, `${type}: .spec.replica: field not declared in schema`);
  await refused(
    deployment('bad', { replicas: '1', paused: 1 }),
    500,
    `${type}: errors:\n  .spec.replicas: expected numeric (int or float), got string\n  .spec.paused: expected boolean, got &{1}`,
  );
  await refused({ ...deployment('bad'), apiVersion: 'apps/v2' }, 400, 'invalid object type: apps/v2, Kind=Deployment');
  await refused(configMap('bad'), 400, 'invalid object type: /v1, Kind=ConfigMap');
  await refused('{', 400, /^error decoding YAML: error converting YAML to JSON: yaml: /);
  await refused('[]', 400, /^error decoding YAML: .*cannot unmarshal array into Go value/);
  await refused(
    { ...deployment('bad'), metadata: { name: 'bad', managedFields: [{}] } },
    400,
    'metadata.managedFields must be nil',
  );
  await refused(deployment('other'), 400, /does not match the name on the URL/);
  await refused(
    { ...deployment('bad'), metadata: { name: 'bad', uid: 'u' } },
    409,
    /uid mismatch: the provided object specified uid u/,
  );
  await refused(deployment('bad', { replicas: -1 }), 422, /spec\.replicas: Invalid value: -1/);
});

test('a configuration that names another version or object is refused', async () => {
  await applyMap('versioned', { a: '1' });
  const path = `${NAMESPACE}/configmaps/versioned`;
  const stale = await applyTo<Status>(path, configMap('versioned', { a: '2' }, { resourceVersion: '1' }));
  assert.equal(stale.status, 409);
  assert.match(stale.body.message!, /the object has been modified/);
  const other = await applyTo<Status>(path, configMap('versioned', { a: '2' }, { uid: 'x' }));
  assert.equal(other.body.message, 'ConfigMap "versioned" is invalid: metadata.uid: Invalid value: "x": field is immutable');
});

test('what is applied where nothing is must name itself', async () => {
  const nameless = { apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' } };
  const refused = await applyTo<Status>(`${NAMESPACE}/configmaps/unnamed`, nameless);
  assert.deepEqual(
    [refused.status, refused.body.message],
    [400, 'the name of the object (unnamed based on URL) was undeterminable: name must be provided'],
  );
});

test('a dry run shows what would be and keeps nothing', async () => {
  const shown = await applyMap('dry', { a: '1' }, 'fieldManager=me&dryRun=All');
  assert.equal(shown.status, 201);
  assert.equal(shown.body.metadata.managedFields?.length, 1);
  assert.equal((await api.call('GET', `${NAMESPACE}/configmaps/dry`)).status, 404);
});

test('creators are named by fieldManager or by their program, and own what they gave and what was defaulted', async () => {
  const made = await api.call<Answer>('POST', `${NAMESPACE}/pods`, pod('tracked'), {
    'user-agent': 'kubectl/v1.35.0 (linux/amd64)',
  });
  const [entry, ...others] = made.body.metadata.managedFields!;
  assert.equal(others.length, 0);
  assert.deepEqual([entry!.manager, entry!.operation, entry!.subresource], ['kubectl', 'Update', undefined]);
  const spec = (entry!.fieldsV1 as { 'f:spec': Record<string, unknown> })['f:spec'];
  assert.ok(spec['f:restartPolicy'] && spec['f:containers']);
  assert.equal((entry!.fieldsV1 as Record<string, unknown>)['f:status'], undefined, 'the server’s');
});

test('what a status update changes is its writer’s, as of that subresource', async () => {
  await api.call('POST', `${NAMESPACE}/pods?fieldManager=kubectl`, pod('running'));
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  const strategic = { 'content-type': 'application/strategic-merge-patch+json' };
  const { body } = await api.call<Answer>(
    'PATCH',
    `${NAMESPACE}/pods/running/status?fieldManager=kubelet`,
    { status },
    strategic,
  );
  const kubelet = body.metadata.managedFields!.find(({ manager }) => manager === 'kubelet')!;
  assert.equal(kubelet.subresource, 'status');
  const fields = kubelet.fieldsV1 as { 'f:status': Record<string, unknown> };
  assert.deepEqual(Object.keys(fields), ['f:status']);
  assert.deepEqual(fields['f:status']['f:conditions'], {
    '.': {},
    'k:{"type":"Ready"}': { '.': {}, 'f:status': {}, 'f:type': {} },
  });
  const conflicting = await applyTo<Status>(
    `${NAMESPACE}/pods/running/status`,
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'running' }, status: { phase: 'Failed' } },
    'fieldManager=other',
  );
  assert.equal(
    conflicting.body.message,
    'Apply failed with 1 conflict: conflict with "kubelet" with subresource "status" using v1: .status.phase',
  );
});

test('status is not the applier’s of the object itself', async () => {
  const { body } = await applyTo(`${DEPLOYMENTS}/no-status`, { ...deployment('no-status'), status: { replicas: 7 } });
  assert.notEqual(body.status.replicas, 7);
  assert.ok(!JSON.stringify(body.metadata.managedFields).includes('f:status'));
  const again = await applyTo(`${DEPLOYMENTS}/no-status`, { ...deployment('no-status'), status: { replicas: 8 } });
  assert.equal(again.body.metadata.resourceVersion, body.metadata.resourceVersion);
});

test('scaling makes the replicas the scaler’s, and applying them a conflict', async () => {
  await applyTo(`${DEPLOYMENTS}/scaled`, deployment('scaled', { replicas: 1 }));
  await api.call('PATCH', `${DEPLOYMENTS}/scaled/scale?fieldManager=kubectl`, { spec: { replicas: 4 } }, MERGE);
  const { body } = await applyTo<Status>(`${DEPLOYMENTS}/scaled`, deployment('scaled', { replicas: 1 }));
  assert.equal(
    body.message,
    'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas',
  );
});

test('plain writes without managed fields keep them, [{}] drops them, and what makes no sense is ignored', async () => {
  const path = `${NAMESPACE}/configmaps/dropped`;
  await applyMap('dropped', { a: '1' });
  const put = async (metadata: object) =>
    (
      await api.call<Answer>(
        'PUT',
        `${path}?fieldManager=put`,
        configMap('dropped', { a: '1' }, metadata as Record<string, unknown>),
      )
    ).body.metadata.managedFields;
  assert.equal((await put({}))?.[0]?.manager, 'me');
  assert.equal((await put({ managedFields: [{ operation: 'Steal', manager: 'x' }] }))?.[0]?.manager, 'me');
  assert.equal((await put({ managedFields: [{ ...entryOf('x'), fieldsV1: { bad: {} } }] }))?.[0]?.manager, 'me');
  const replaced = await put({ managedFields: [{ ...entryOf('x'), fieldsV1: { 'f:data': { 'f:a': {}, 'f:absent': {} } } }] });
  assert.deepEqual(
    replaced?.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [['x', { 'f:data': { 'f:a': {} } }]],
    'never a field that is not there',
  );
  assert.equal(await put({ managedFields: [] }), undefined);
  assert.equal((await put({ managedFields: [entryOf('x')] }))?.length, undefined, 'who owns nothing is not there');
  await put({ managedFields: [{ ...entryOf('x'), fieldsV1: { 'f:data': { 'f:a': {} } } }] });
  assert.equal(await put({ managedFields: [{}] }), undefined);
  const { body } = await applyMap('dropped', { a: '2' });
  assert.equal(body.message, 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.a');
});

const entryOf = (manager: string) => ({ manager, operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1' });

test('managed fields can be patched, as kubectl does to take over from client-side apply', async () => {
  await api.call(
    'POST',
    `${NAMESPACE}/configmaps?fieldManager=kubectl-client-side-apply`,
    configMap('taken', { a: '1', b: '1' }),
  );
  const patch = [
    {
      op: 'replace',
      path: '/metadata/managedFields',
      value: [{ ...entryOf('kubectl'), fieldsV1: { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } } }],
    },
  ];
  const json = { 'content-type': 'application/json-patch+json' };
  assert.equal((await api.call('PATCH', `${NAMESPACE}/configmaps/taken`, patch, json)).status, 200);
  const { body } = await applyMap('taken', { a: '2' }, 'fieldManager=kubectl');
  assert.deepEqual(body.data, { a: '2' });
});

test('two who apply at once to one object both get what they applied', async () => {
  const keys = Array.from({ length: 8 }, (_, i) => `k${i}`);
  const answers = await Promise.all(keys.map((key) => applyMap('raced', { [key]: '1' }, `fieldManager=${key}`)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 200, 200, 200, 200, 201]);
  const { body } = await api.call<Answer>('GET', `${NAMESPACE}/configmaps/raced`);
  assert.deepEqual(Object.keys(body.data!).sort(), keys);
  assert.equal(body.metadata.managedFields?.length, 8);
});

test('nobody owns what a creator gave and the server took out again', async () => {
  const request = await createCertificateRequest({ key: await generatePrivateKey(), commonName: 'me' });
  const made = await api.call<Answer>('POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'mine' },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'example.com/x',
      usages: ['client auth'],
      extra: { forged: ['x'] },
    },
  });
  assert.equal(made.status, 201, made.text);
  const { 'f:spec': spec } = made.body.metadata.managedFields![0]!.fieldsV1 as { 'f:spec': object };
  assert.deepEqual(Object.keys(spec).sort(), ['f:request', 'f:signerName', 'f:usages']);
});

test('a name that is no text is told as the wrong type that it is, whatever it is', async () => {
  for (const name of [{ toString: '' }, [[{ toString: '' }]]]) {
    const body = { ...configMap('odd'), metadata: { name, namespace: name } };
    const { message } = (await applyTo<Status>(`${NAMESPACE}/configmaps/odd`, body)).body;
    assert.match(message!, /^failed to create typed patch object \(\/; \/v1, Kind=ConfigMap\): /);
  }
});
