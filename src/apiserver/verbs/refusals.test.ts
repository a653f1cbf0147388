import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { configMap, type List, startTestApi, type TestApi } from '../test-api.ts';

let api: TestApi;
let uid: string;
before(async () => {
  api = await startTestApi();
  uid = (await api.call<KubeObject>('POST', maps, configMap('one'))).body.metadata?.uid ?? '';
});
after(() => api.stop());

const maps = '/api/v1/namespaces/default/configmaps';
const MERGE = { 'content-type': 'application/merge-patch+json' };

async function refused(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Status> {
  const answer = await api.call<Status & KubeObject>(method, path, body, headers);
  assert.ok(answer.status >= 400, `${method} ${path}: ${answer.text}`);
  assert.equal(answer.status, answer.body.code);
  return answer.body;
}

test('options of a deletion that are none are told as upstream tells it', async () => {
  const told = async (body: string) => (await refused('DELETE', `${maps}/one`, body)).message!;
  const untyped = "couldn't get version/kind; json parse error: ";
  assert.equal(await told('{'), `${untyped}unexpected end of JSON input`);
  assert.ok((await told('[]')).startsWith(`${untyped}json: cannot unmarshal array into Go value of type struct {`));
  assert.equal(await told('{"kind":5}'), `${untyped}json: cannot unmarshal number into Go struct field .kind of type string`);
  assert.match(await told('{"kind":"X"}'), /^no kind "X" is registered for version "meta.k8s.io\/v1" in scheme "/);
});

test('a continue token that is no base64 is told with the byte', async () => {
  for (const [token, at] of [
    ['x', 0],
    ['eyJ2I', 4],
    ['eyJ%C3%BC', 3],
  ] as const)
    assert.equal(
      (await refused('GET', `${maps}?continue=${token}`)).message,
      `invalid continue token: continue key is not valid: illegal base64 data at input byte ${at}`,
    );
});

test('a method that a path has not is refused without a word about the kind', async () => {
  const cases: [string, string, unknown?][] = [
    ['POST', `${maps}/one`, configMap('one')],
    ['PUT', maps, configMap('one')],
    ['PATCH', maps, '{}'],
    ['POST', '/api/v1/configmaps', configMap('one')],
    ['DELETE', '/api/v1/configmaps'],
    ['OPTIONS', maps],
    ['GET', '/apis/authorization.k8s.io/v1/subjectaccessreviews'],
    ['POST', '/api/v1/namespaces/default/pods/one/status', {}],
  ];
  for (const [method, path, body] of cases)
    assert.deepEqual(await refused(method, path, body), {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'the server does not allow this method on the requested resource',
      reason: 'MethodNotAllowed',
      details: {},
      code: 405,
    });
});

test('what is not there below a group is told by a Status, everything else as by any web server', async () => {
  for (const path of ['/api/v1/nosuch', `${maps}/one/nosuch`, `${maps}/one/status`, '/apis/apps/v9/deployments']) {
    const { message, details } = await refused('GET', path);
    assert.equal(message, 'the server could not find the requested resource');
    assert.deepEqual(details, {});
  }
  for (const path of ['/nosuch', '/api/v9', '/api/v9/pods', '/apis/nosuch.io', '/apis/nosuch.io/v1/x', '/openapi/v3/nosuch']) {
    const { status, text, headers } = await api.call('GET', path);
    assert.equal(status, 404);
    assert.equal(text, '404 page not found\n');
    assert.match(headers['content-type']!, /^text\/plain/);
  }
});

test('a write to another name, namespace, version or object than is there', async () => {
  const put = (metadata: object) => refused('PUT', `${maps}/one`, { metadata });
  assert.equal((await put({ name: 'other' })).message, 'the name of the object (other) does not match the name on the URL (one)');
  assert.equal((await put({})).message, 'the name of the object (one based on URL) was undeterminable: name must be provided');
  assert.equal(
    (await put({ name: 'one', namespace: 'other' })).message,
    'the namespace of the provided object does not match the namespace sent on the request',
  );
  assert.equal(
    (await put({ name: 'one', resourceVersion: '1' })).message,
    'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your changes to the latest version and try again',
  );
  const { message, reason, details } = await put({ name: 'one', uid: 'abc' });
  assert.equal(
    message,
    `Operation cannot be fulfilled on configmaps "one": StorageError: invalid object, Code: 4, Key: /registry/configmaps/default/one, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: abc, UID in object meta: ${uid}`,
  );
  assert.equal(reason, 'Conflict');
  assert.deepEqual(details, { name: 'one', kind: 'configmaps' });
  const patch = (body: object) => refused('PATCH', `${maps}/one`, body, MERGE);
  assert.match((await patch({ metadata: { name: 'other' } })).message!, /^the name of the object \(other\) does not match/);
  assert.match((await patch({ metadata: { namespace: 'x' } })).message!, /^the namespace of the provided object does not match/);
  assert.equal((await patch({ metadata: { resourceVersion: '1' } })).code, 409);
});

test('a deletion with conditions that do not hold, or options that are none', async () => {
  const remove = (body: object) => refused('DELETE', `${maps}/one`, body);
  assert.equal(
    (await remove({ preconditions: { uid: 'x' } })).message,
    `Operation cannot be fulfilled on ConfigMap "one": the UID in the precondition (x) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
  );
  assert.match(
    (await remove({ preconditions: { resourceVersion: '1' } })).message!,
    /^Operation cannot be fulfilled on ConfigMap "one": the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
  );
  assert.equal(
    (await remove({ propagationPolicy: 'Foo' })).message,
    'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil"',
  );
  assert.equal(
    (await remove({ propagationPolicy: 'Orphan', orphanDependents: true })).message,
    'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
  );
  assert.equal((await remove({ gracePeriodSeconds: 'soon' })).code, 400);
  assert.equal((await remove({ dryRun: ['Some'] })).code, 422);
  for (const field of ['kind', 'propagationPolicy', 'preconditions', 'orphanDependents'])
    assert.equal((await remove({ [field]: [{ toString: '' }] })).code, 400, field);
  assert.equal((await remove({ preconditions: { uid: { toString: '' } } })).code, 400);
  assert.equal((await refused('DELETE', `${maps}/one?gracePeriodSeconds=soon`)).code, 400);
  assert.equal((await refused('DELETE', `${maps}/one?gracePeriodSeconds=`)).code, 400);
  for (const condition of ['uid=other', 'resourceVersion=1'])
    assert.equal((await refused('DELETE', `${maps}/one?${condition}`)).reason, 'Conflict', condition);
  assert.equal((await api.call('GET', `${maps}/one`)).status, 200);
});

test('what goes on for a while after its deletion is shown so without being changed; the answer says Accepted to the old word alone', async () => {
  const tried = await api.call<KubeObject>('DELETE', `${maps}/one?dryRun=All&propagationPolicy=Foreground`);
  assert.equal(tried.status, 200);
  assert.deepEqual(tried.body.metadata?.finalizers, ['foregroundDeletion']);
  assert.ok(tried.body.metadata?.deletionTimestamp);
  const left = await api.call<KubeObject>('GET', `${maps}/one`);
  assert.equal(left.body.metadata?.deletionTimestamp, undefined);
  await api.call('POST', maps, configMap('kept', {}, { finalizers: ['example.com/keep'] }));
  assert.equal((await api.call('DELETE', `${maps}/kept?propagationPolicy=Background`)).status, 200);
  assert.equal((await api.call('DELETE', `${maps}/kept?orphanDependents=false`)).status, 202);
  assert.equal((await api.call('PATCH', `${maps}/kept`, { metadata: { finalizers: null } }, MERGE)).status, 200);
});

test('another uid is another object to an update, and a change to a patch', async () => {
  const whole = await refused('PUT', `${maps}/one`, configMap('one', {}, { uid: 'other' }));
  assert.match(whole.message!, /Precondition failed: UID in precondition: other/);
  const part = await refused('PATCH', `${maps}/one`, { metadata: { uid: 'other' } }, MERGE);
  assert.deepEqual(
    [part.code, part.message],
    [422, 'ConfigMap "one" is invalid: metadata.uid: Invalid value: "other": field is immutable'],
  );
});

test('an object cannot be exported any more', async () => {
  assert.match((await refused('GET', `${maps}/one?export=true`)).message!, /export parameter, deprecated since v1\.14/);
  assert.equal((await api.call('GET', `${maps}/one?export=false`)).status, 200);
});

test('a collection is deleted as far as the limit goes', async () => {
  const place = '/api/v1/namespaces/limited/configmaps';
  for (const name of ['a', 'b', 'c']) await api.call('POST', place, configMap(name));
  const first = await api.call<List>('DELETE', `${place}?limit=2`);
  assert.deepEqual(
    first.body.items.map(({ metadata }) => metadata?.name),
    ['a', 'b'],
  );
  assert.ok(first.body.metadata.continue);
  assert.equal((await api.call<List>('GET', place)).body.items.length, 1);
});

test('a time limit that is none is refused, one that is too long or none at all is the server’s own', async () => {
  const { message, reason } = await refused('GET', `${maps}?timeout=invalid`);
  assert.equal(message, 'invalid timeout specified in the request URL - time: invalid duration "invalid"');
  assert.equal(reason, 'BadRequest');
  for (const timeout of ['1h', '0s', '10s', '']) assert.equal((await api.call('GET', `${maps}?timeout=${timeout}`)).status, 200);
});
