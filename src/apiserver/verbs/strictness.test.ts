import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeObject } from '../../api/machinery/object.ts';
import { type Answer, startTestApi, type TestApi } from '../test-api.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

type Body = KubeObject & { message: string; reason: string };
const maps = '/api/v1/namespaces/default/configmaps';
const YAML = { 'content-type': 'application/yaml' };

const create = (query: string, text: string, headers: Record<string, string> = {}) =>
  api.call<Body>('POST', `${maps}?dryRun=All&${query}`, text, headers);
const warnings = ({ headers }: Answer<Body>) =>
  (headers['warning'] ?? '').split(/, (?=299 )/).map((text) => text.replace(/^299 - "(.*)"$/, '$1').replaceAll('\\"', '"'));

const JSON_TEXT =
  '{"apiVersion":"v1","kind":"ConfigMap","x":1,"metadata":{"name":"a","name":"b","y":1},"z":{"k":1,"k":2},"z":1,"data":{"k":"1","k":"2"}}';
const JSON_PROBLEMS = [
  'unknown field "x"',
  'duplicate field "metadata.name"',
  'unknown field "metadata.y"',
  'unknown field "z"',
  'duplicate field "data.k"',
];
const YAML_TEXT = 'kind: ConfigMap\napiVersion: v1\nx: 1\nmetadata:\n  name: a\n  name: b\ndata: {k: "1"}\ndata: {k: "2"}\n';

test('JSON: what is unknown or twice there is refused, warned of or let pass, in the order of the text', async () => {
  const strict = await create('fieldValidation=Strict', JSON_TEXT);
  assert.equal(strict.status, 400);
  assert.equal(
    strict.body.message,
    `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ${JSON_PROBLEMS.join(', ')}`,
  );
  const warned = await create('', JSON_TEXT);
  assert.equal(warned.status, 201);
  assert.deepEqual(warnings(warned), JSON_PROBLEMS);
  assert.equal(warned.body.metadata?.name, 'b');
  const ignored = await create('fieldValidation=Ignore', JSON_TEXT);
  assert.equal(ignored.status, 201);
  assert.deepEqual(warnings(ignored), ['']);
});

test('YAML: keys that come again are told with their lines', async () => {
  const strict = await create('fieldValidation=Strict', YAML_TEXT, YAML);
  assert.equal(strict.status, 400);
  assert.equal(
    strict.body.message,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n' +
      '  line 6: key "name" already set in map\n  line 8: key "data" already set in map, unknown field "x"',
  );
  const warned = await create('', YAML_TEXT, YAML);
  assert.equal(warned.status, 201);
  assert.deepEqual(warnings(warned), [
    'line 6: key "name" already set in map',
    'line 8: key "data" already set in map',
    'unknown field "x"',
  ]);
  assert.equal((await create('fieldValidation=Ignore', YAML_TEXT, YAML)).status, 201);
});

test('YAML: unknown fields are told in the order of their names, as of the JSON that is made of it', async () => {
  const containers = Array.from({ length: 11 }, (_, i) => `  - name: c${i}\n    image: i\n    zz: 1\n`).join('');
  const text = `kind: Pod\napiVersion: v1\nmetadata: {name: p, b: 1, a: 1}\nspec:\n  xx: 1\n  containers:\n${containers}before: 1\n`;
  const answer = await api.call<Body>('POST', '/api/v1/namespaces/default/pods?dryRun=All', text, YAML);
  assert.equal(answer.status, 201, answer.text);
  const expected = [
    'before',
    'metadata.a',
    'metadata.b',
    ...containers.match(/zz/g)!.map((_, i) => `spec.containers[${i}].zz`),
    'spec.xx',
  ];
  assert.deepEqual(
    warnings(answer),
    expected.map((path) => `unknown field "${path}"`),
  );
});

test('bodies that are nothing of the kind are blamed as upstream blames them', async () => {
  const cases: [string, string][] = [
    [
      '{"a":',
      'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: unexpected end of JSON input ({"a":)',
    ],
    [
      'hello',
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'h' looking for beginning of value (68656c6c6f)",
    ],
    [
      '{"kind":1}',
      'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1})',
    ],
    [
      '{"kind":"Pod","apiVersion":"v1"}',
      'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion',
    ],
  ];
  for (const [text, message] of cases) {
    const answer = await create('', text);
    assert.equal(answer.status, 400);
    assert.equal(answer.body.message, message);
  }
  const yaml = await create('', 'a: [', YAML);
  assert.match(
    yaml.body.message,
    /^the object provided is unrecognized \(must be of type ConfigMap\): error converting YAML to JSON: yaml: .* \(613a205b\)$/s,
  );
});

test('patches: what is wrong with them and with what they lead to', async () => {
  await api.call('POST', maps, { metadata: { name: 'patched' }, data: { a: 'b' } });
  const patch = (type: string, text: string, query = '') =>
    api.call<Body>('PATCH', `${maps}/patched?dryRun=All&${query}`, text, { 'content-type': `application/${type}+json` });
  const strict = async (type: string, text: string) => {
    const { status, body } = await patch(type, text, 'fieldValidation=Strict');
    assert.equal(status, 422, text);
    return body.message;
  };
  assert.match(
    await strict('merge-patch', '{"x":1,"data":{"k":"1","k":"2"}}'),
    /^ "" is invalid: patch: Invalid value: "\{.*\}": strict decoding error: duplicate field "data\.k", unknown field "x"$/,
  );
  assert.equal(
    await strict('strategic-merge-patch', '{"x":1,"data":{"k":"1","k":"2"}}'),
    ' "" is invalid: patch: Invalid value: "map[data:map[k:2] x:1]": strict decoding error: duplicate field "data.k", unknown field "x"',
  );
  const operations = '[{"op":"add","path":"/data/k","value":"1","path":"/data/l","why":"so"}]';
  assert.match(
    await strict('json-patch', operations),
    /strict decoding error: json patch duplicate field "\[0\]\.path", json patch unknown field "\[0\]\.why"$/,
  );
  assert.deepEqual(warnings(await patch('json-patch', operations)), [
    'json patch duplicate field "[0].path"',
    'json patch unknown field "[0].why"',
  ]);
  const refused = async (type: string, text: string, status: number, message: string) => {
    const answer = await patch(type, text);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.body.message, message);
  };
  await refused('strategic-merge-patch', '{"data":', 400, 'unexpected end of JSON input');
  await refused('merge-patch', '{"data":', 400, 'error decoding patch: unexpected end of JSON input');
  await refused(
    'merge-patch',
    '[]',
    400,
    'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
  );
  await refused(
    'json-patch',
    '{}',
    400,
    'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
  );
  await refused('merge-patch', 'null', 400, 'Invalid JSON Patch');
  // Strategic patches are read without JSON in between, so that other words blame what they lead to.
  await refused(
    'strategic-merge-patch',
    '{"metadata":{"labels":"invalid"}}',
    422,
    ' "" is invalid: patch: Invalid value: "map[metadata:map[labels:invalid]]": cannot restore map from string',
  );
  assert.match(
    (await patch('merge-patch', '{"metadata":{"labels":"invalid"}}')).body.message,
    /: json: cannot unmarshal string into Go struct field ObjectMeta\.metadata\.labels of type map\[string\]string$/,
  );
  for (const type of ['json-patch', 'strategic-merge-patch']) assert.equal((await patch(type, 'null')).status, 200);
  const other = await patch('json-patch', '[{"op":"replace","path":"/kind","value":"Pod"}]');
  assert.equal(other.status, 422);
  assert.match(other.body.message, /: converting \(v1\.Pod\) to \(core\.ConfigMap\): unknown conversion$/);
  const said = await patch('strategic-merge-patch', '{"apiVersion":"apps/v1","kind":"Deployment","data":{"a":"d"}}');
  assert.equal(said.status, 200);
  assert.deepEqual([said.body.apiVersion, said.body.kind], ['v1', 'ConfigMap']);
  const inapplicable = await patch('json-patch', '[{"op":"test","path":"/data/a","value":"c"}]');
  assert.deepEqual(inapplicable.body, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'the server rejected our request due to an error in our request',
    reason: 'Invalid',
    details: {},
    code: 422,
  });
});

test('apply: keys that come again are told with their lines, in JSON too', async () => {
  const apply = (query: string, text: string) =>
    api.call<Body>('PATCH', `${maps}/applied?dryRun=All&fieldManager=m&${query}`, text, {
      'content-type': 'application/apply-patch+yaml',
    });
  const text = '{"apiVersion":"v1","kind":"ConfigMap",\n"data":{"k":"1",\n"k":"2"}}';
  const strict = await apply('fieldValidation=Strict', text);
  assert.equal(strict.status, 400);
  assert.equal(
    strict.body.message,
    'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 3: key "k" already set in map',
  );
  assert.deepEqual(warnings(await apply('', text)), ['line 3: key "k" already set in map']);
  assert.equal((await apply('', '')).body.message, 'invalid object type: /, Kind=');
  assert.equal(
    (await apply('', '[]')).body.message,
    'error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}',
  );
  const yaml = 'apiVersion: v1\nkind: ConfigMap\ndata:\n  k: "1"\n  k: "2"\n';
  assert.deepEqual(warnings(await apply('', yaml)), ['line 5: key "k" already set in map']);
});

test('owners that are named twice are taken out, and warned of', async () => {
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u1' };
  const body = { metadata: { name: 'owned', ownerReferences: [owner, { ...owner, uid: 'u2' }, owner] } };
  const text = (when: string) =>
    `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: u1`;
  const created = await api.call<Body>('POST', maps, body);
  assert.equal(created.status, 201, created.text);
  assert.deepEqual(warnings(created), [text('')]);
  const uids = ({ body }: Answer<Body>) => body.metadata?.ownerReferences?.map(({ uid }) => uid);
  assert.deepEqual(uids(created), ['u1', 'u2']);
  assert.deepEqual(warnings(await api.call<Body>('PUT', `${maps}/owned`, body)), [text('')]);
  const add = [{ op: 'add', path: '/metadata/ownerReferences/-', value: owner }];
  const patched = await api.call<Body>('PATCH', `${maps}/owned`, add, { 'content-type': 'application/json-patch+json' });
  assert.deepEqual(warnings(patched), [text(' after mutating admission happens')]);
  assert.deepEqual(uids(patched), ['u1', 'u2']);
});
