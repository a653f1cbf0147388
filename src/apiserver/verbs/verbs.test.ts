import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { configMap, type List, pod, startTestApi, type TestApi } from '../test-api.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

const maps = '/api/v1/namespaces/default/configmaps';
const call = <T = Record<string, unknown>>(...args: [string, string, unknown?, Record<string, string>?]) =>
  api.call<T & { metadata: Record<string, unknown>; message: string; reason: string }>(...args);

test('a created object has what the server decides, and a second one of its name is refused', async () => {
  const created = await call('POST', maps, configMap('made', { a: '1' }));
  assert.equal(created.status, 201);
  assert.match(String(created.body.metadata['uid']), /^[0-9a-f-]{36}$/);
  assert.match(String(created.body.metadata['creationTimestamp']), /^\d{4}-.*Z$/);
  assert.match(String(created.body.metadata['resourceVersion']), /^\d+$/);
  const again = await call('POST', maps, configMap('made'));
  assert.equal(again.status, 409);
  assert.equal(again.body.message, 'configmaps "made" already exists');
});

test('generateName makes names that differ', async () => {
  const names = new Set<unknown>();
  for (let i = 0; i < 5; i++)
    names.add((await call('POST', maps, configMap('', {}, { generateName: 'gen-' }))).body.metadata['name']);
  assert.equal(names.size, 5);
  for (const name of names) assert.match(String(name), /^gen-[a-z0-9]{5}$/);
});

test('bodies that are no such object are refused in upstream’s words', async () => {
  const cases: [unknown, number, RegExp][] = [
    ['{"a":', 400, /json parse error/],
    ['[]', 400, /json parse error: json: cannot unmarshal array into Go value of type struct/],
    ['null', 422, /^ConfigMap "" is invalid: metadata\.name: Required value: name or generateName is required$/],
    ['', 400, /unexpected end of JSON input \(<empty>\)$/],
    [
      { ...configMap('x'), apiVersion: 'v2' },
      400,
      /^ConfigMap in version "v2" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version "v2" in scheme /,
    ],
    [{ ...configMap('x'), data: { a: 1 } }, 400, /cannot unmarshal number/],
    [{ ...configMap('x'), metadata: {} }, 422, /name or generateName is required/],
    [configMap('UPPER'), 422, /lowercase RFC 1123 subdomain/],
    [configMap('x', {}, { namespace: 'other' }), 400, /does not match the namespace sent on the request/],
    [configMap('x', {}, { labels: { 'a b': 'c' } }), 422, /metadata.labels: Invalid value: "a b"/],
    [configMap('x', {}, { resourceVersion: '1' }), 400, /resourceVersion should not be set/],
  ];
  for (const [body, status, message] of cases) {
    const answer = await call('POST', maps, body);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.body.message, message);
  }
});

test('unknown fields are warned of, refused or ignored as fieldValidation says', async () => {
  const body = (name: string) => ({ ...configMap(name), unknown: 1 });
  const warned = await call('POST', maps, body('warned'));
  assert.equal(warned.status, 201);
  assert.equal(warned.headers['warning'], '299 - "unknown field \\"unknown\\""');
  const strict = await call('POST', `${maps}?fieldValidation=Strict`, body('strict'));
  assert.equal(strict.status, 400);
  assert.match(strict.body.message, /strict decoding error: unknown field "unknown"/);
  const ignored = await call('POST', `${maps}?fieldValidation=Ignore`, body('ignored'));
  assert.equal(ignored.headers['warning'], undefined);
});

test('a body in YAML is taken, one in an unknown format is not', async () => {
  const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  on: "yes"\n';
  assert.equal((await call('POST', maps, yaml, { 'content-type': 'application/yaml' })).status, 201);
  assert.equal((await call('POST', maps, 'x', { 'content-type': 'application/cbor' })).status, 415);
  const shown = await call('GET', `${maps}/yaml`, undefined, { accept: 'application/yaml' });
  assert.match(shown.text, /^apiVersion: v1\ndata:\n/);
  assert.equal((await call('GET', maps, undefined, { accept: 'application/cbor' })).status, 406);
});

test('an update of an older version conflicts, one without a version overwrites, one without a change writes nothing', async () => {
  const { body: first } = await call('POST', maps, configMap('updated', { a: '1' }));
  const second = await call('PUT', `${maps}/updated`, { ...first, data: { a: '2' } });
  assert.equal(second.status, 200);
  const stale = await call('PUT', `${maps}/updated`, { ...first, data: { a: '3' } });
  assert.equal(stale.status, 409);
  assert.match(stale.body.message, /^Operation cannot be fulfilled on configmaps "updated": the object has been modified/);
  const blind = await call('PUT', `${maps}/updated`, configMap('updated', { a: '4' }));
  assert.equal(blind.status, 200);
  assert.equal(blind.body.metadata['uid'], first.metadata['uid']);
  const same = await call('PUT', `${maps}/updated`, { data: { a: '4' }, kind: 'ConfigMap', ...blind.body });
  assert.equal(same.body.metadata['resourceVersion'], blind.body.metadata['resourceVersion']);
  const renamed = await call('PUT', `${maps}/updated`, configMap('other'));
  assert.match(renamed.body.message, /the name of the object \(other\) does not match the name on the URL \(updated\)/);
});

test('the generation grows with the spec and with nothing else', async () => {
  const path = '/apis/apps/v1/namespaces/default/deployments';
  const spec = (replicas: number) => ({
    replicas,
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  });
  const merge = { 'content-type': 'application/merge-patch+json' };
  const created = await call('POST', path, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' }, spec: spec(1) });
  assert.equal(created.body.metadata['generation'], 1, created.text);
  const labelled = await call('PATCH', `${path}/d`, { metadata: { labels: { x: 'y' } } }, merge);
  assert.equal(labelled.body.metadata['generation'], 1);
  const scaled = await call('PATCH', `${path}/d`, { spec: { replicas: 2 } }, merge);
  assert.equal(scaled.body.metadata['generation'], 2);
  const status = await call('PATCH', `${path}/d/status`, { status: { replicas: 2 }, spec: { replicas: 9 } }, merge);
  assert.equal(status.body.metadata['generation'], 2);
  assert.equal((status.body as unknown as { spec: { replicas: number } }).spec.replicas, 2);
});

test('a generation that a kind does not have is kept as it was given', async () => {
  const given = (name: string, generation: number) => ({ ...configMap(name), metadata: { name, generation } });
  const made = await call('POST', maps, given('aged', 7));
  assert.equal(made.body.metadata['generation'], 7, made.text);
  const changed = await call('PUT', `${maps}/aged`, { ...given('aged', 9), data: { a: '2' } });
  assert.equal(changed.body.metadata['generation'], 7);
  const none = await call('POST', maps, given('new', 0));
  assert.equal('generation' in none.body.metadata, false);
  const refused = await call('POST', maps, given('wrong', -7));
  assert.match(refused.body.message, /metadata\.generation: Invalid value: -7: must be greater than or equal to 0/);
});

test('the scale of a deployment is read and changed', async () => {
  const path = '/apis/apps/v1/namespaces/default/deployments/d/scale';
  const read = await call('GET', path);
  assert.equal(read.body['kind'], 'Scale');
  assert.deepEqual(read.body['spec'], { replicas: 2 });
  const patched = await call('PATCH', path, { spec: { replicas: 5 } }, { 'content-type': 'application/merge-patch+json' });
  assert.deepEqual(patched.body['spec'], { replicas: 5 });
  const negative = await call('PATCH', path, { spec: { replicas: -1 } }, { 'content-type': 'application/merge-patch+json' });
  assert.equal(negative.status, 422);
});

test('the three patches are applied, and what is no patch that is known is refused', async () => {
  await call('POST', maps, configMap('patched', { a: '1', b: '2' }));
  const send = (type: string, patch: unknown) => call('PATCH', `${maps}/patched`, patch, { 'content-type': type });
  assert.deepEqual((await send('application/merge-patch+json', { data: { a: null } })).body['data'], { b: '2' });
  const json = await send('application/json-patch+json', [{ op: 'add', path: '/data/c', value: '3' }]);
  assert.deepEqual(json.body['data'], { b: '2', c: '3' });
  const strategic = await send('application/strategic-merge-patch+json', { data: { d: '4' } });
  assert.deepEqual(strategic.body['data'], { b: '2', c: '3', d: '4' });
  assert.equal((await send('application/apply-patch+cbor', {})).status, 415);
  assert.equal((await send('application/json-patch+json', [{ op: 'test', path: '/data/b', value: 'no' }])).status, 422);
  const stale = await send('application/merge-patch+json', { metadata: { resourceVersion: '1' } });
  assert.equal(stale.status, 409);
});

test('patches by many at once all take effect', async () => {
  await call('POST', maps, configMap('busy'));
  const patch = (i: number) =>
    call('PATCH', `${maps}/busy`, { data: { [`k${i}`]: 'v' } }, { 'content-type': 'application/merge-patch+json' });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => patch(i)));
  assert.deepEqual([...new Set(answers.map((a) => a.status))], [200]);
  assert.equal(Object.keys((await call('GET', `${maps}/busy`)).body['data'] as object).length, 20);
});

test('a dry run answers as the real thing and keeps nothing', async () => {
  assert.equal((await call('POST', `${maps}?dryRun=All`, configMap('dry'))).status, 201);
  assert.equal((await call('GET', `${maps}/dry`)).status, 404);
  assert.equal((await call('POST', `${maps}?dryRun=Some`, configMap('dry'))).status, 422);
});

test('a deletion answers with a Status, heeds preconditions and leaves objects with finalizers', async () => {
  const { body } = await call('POST', maps, configMap('deleted'));
  const wrong = await call('DELETE', `${maps}/deleted`, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'x' } });
  assert.equal(wrong.status, 409);
  const right = await call('DELETE', `${maps}/deleted`);
  assert.equal(right.status, 200);
  assert.deepEqual(right.body['details'], { name: 'deleted', kind: 'configmaps', uid: body.metadata['uid'] });
  assert.equal((await call('DELETE', `${maps}/deleted`)).status, 404);

  await call('POST', maps, configMap('held', {}, { finalizers: ['example.com/hold'] }));
  const held = await call('DELETE', `${maps}/held`);
  assert.ok(held.body.metadata['deletionTimestamp']);
  const more = await call(
    'PATCH',
    `${maps}/held`,
    { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } },
    {
      'content-type': 'application/merge-patch+json',
    },
  );
  assert.match(more.body.message, /no new finalizers can be added if the object is being deleted/);
  await call('PATCH', `${maps}/held`, { metadata: { finalizers: null } }, { 'content-type': 'application/merge-patch+json' });
  assert.equal((await call('GET', `${maps}/held`)).status, 404);
});

test('a collection is deleted as far as its selector goes', async () => {
  for (const [name, tier] of [
    ['c1', 'x'],
    ['c2', 'x'],
    ['c3', 'y'],
  ] as const)
    await call('POST', maps, configMap(name, {}, { labels: { tier } }));
  const deleted = await api.call<List>('DELETE', `${maps}?labelSelector=tier%3Dx`);
  assert.deepEqual(
    deleted.body.items.map((i) => i.metadata!.name),
    ['c1', 'c2'],
  );
  const left = await api.call<List>('GET', `${maps}?labelSelector=tier`);
  assert.deepEqual(
    left.body.items.map((i) => i.metadata!.name),
    ['c3'],
  );
});

test('pages of a list show one revision, whatever is written between them', async () => {
  const path = '/api/v1/namespaces/kube-public/configmaps';
  for (let i = 0; i < 5; i++) await call('POST', path, configMap(`p${i}`));
  const first = await api.call<List>('GET', `${path}?limit=2`);
  assert.equal(first.body.metadata.remainingItemCount, 3);
  await call('POST', path, configMap('p2-late'));
  await call('DELETE', `${path}/p3`);
  const names = first.body.items.map((i) => i.metadata!.name);
  for (let token = first.body.metadata.continue; token; ) {
    const page = await api.call<List>('GET', `${path}?limit=2&continue=${token}`);
    assert.equal(page.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
    names.push(...page.body.items.map((i) => i.metadata!.name));
    token = page.body.metadata.continue;
  }
  assert.deepEqual(names, ['p0', 'p1', 'p2', 'p3', 'p4']);
  assert.equal((await call('GET', `${path}?continue=nonsense`)).status, 400);
});

test('lists are joined from stored bytes: items without apiVersion and kind, as upstream sends them', async () => {
  const list = await api.call<List>('GET', '/api/v1/namespaces?fieldSelector=metadata.name%3Ddefault');
  assert.equal(list.body.kind, 'NamespaceList');
  assert.equal(list.body.items.length, 1);
  assert.deepEqual([list.body.items[0]!.apiVersion, list.body.items[0]!.kind], [undefined, undefined]);
  assert.equal((await call('GET', '/api/v1/pods?fieldSelector=spec.color%3Dred')).status, 400);
  assert.equal((await call('GET', '/api/v1/pods?resourceVersion=abc')).status, 400);
  assert.equal((await call('GET', '/api/v1/pods?limit=x')).status, 400);
});

test('tables and metadata alone are sent to those who ask', async () => {
  const table = await call('GET', '/api/v1/namespaces', undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
  assert.equal(table.body['kind'], 'Table');
  assert.ok((table.body['rows'] as { cells: unknown[] }[]).some((row) => row.cells[0] === 'default'));
  const partial = await call('GET', '/api/v1/namespaces/default', undefined, {
    accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  });
  assert.equal(partial.body['kind'], 'PartialObjectMetadata');
  assert.equal(partial.body['spec'], undefined);
});

const REVIEWS = '/apis/authorization.k8s.io/v1';

test('what is not there, or not allowed there, says so', async () => {
  const cases: [string, string, number][] = [
    ['GET', '/api/v1/nothings', 404],
    ['GET', '/apis/none.example/v1/things', 404],
    ['GET', '/nowhere', 404],
    ['GET', `${maps}/none`, 404],
    ['POST', `${maps}/made`, 405],
    ['PUT', maps, 405],
    ['POST', '/api/v1/configmaps', 405],
    ['GET', '/api/v1/namespaces/default/nodes', 404],
    ['GET', `${REVIEWS}/selfsubjectaccessreviews`, 405],
    ['GET', `${REVIEWS}/selfsubjectaccessreviews/x`, 404],
    ['POST', `${REVIEWS}/selfsubjectaccessreviews/x`, 404],
    ['GET', `${REVIEWS}/localsubjectaccessreviews`, 404],
    ['POST', `${REVIEWS}/localsubjectaccessreviews`, 404],
  ];
  for (const [method, path, status] of cases)
    assert.equal((await call(method, path, method === 'POST' ? configMap('x') : undefined)).status, status, `${method} ${path}`);
});

test('a body beyond the limit is refused', async () => {
  const big = JSON.stringify(configMap('big', { a: 'x'.repeat(3 * 1024 * 1024) }));
  const answer = await call('POST', maps, big);
  assert.equal(answer.status, 413);
});

test('a pod is bound once', async () => {
  await call('POST', '/api/v1/namespaces/default/pods', pod('unbound'));
  const bind = () =>
    call('POST', '/api/v1/namespaces/default/pods/unbound/binding', {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'unbound' },
      target: { kind: 'Node', name: 'n1' },
    });
  assert.equal((await bind()).status, 201);
  const bound = await call<{ spec: { nodeName: string } }>('GET', '/api/v1/namespaces/default/pods/unbound');
  assert.equal(bound.body.spec.nodeName, 'n1');
  assert.equal((await bind()).status, 409);
});
