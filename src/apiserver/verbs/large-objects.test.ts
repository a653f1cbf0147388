import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeObject, ManagedFieldsEntry } from '../../api/machinery/object.ts';
import { type Answer, configMap, startTestApi, type TestApi } from '../test-api.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
/** Some 300 KB: each pass over it is made in steps. */
const KEYS = 6_000;

type Stored = KubeObject & { data: Record<string, string>; message: string; metadata: { managedFields: ManagedFieldsEntry[] } };

let api: TestApi;
before(async () => {
  api = await startTestApi();
});
after(() => api.stop());

const VALUE = 'v'.repeat(20);
const many = (value = VALUE) => Object.fromEntries(Array.from({ length: KEYS }, (_, i) => [`key-${i}`, value]));
const send = (method: string, path: string, body?: unknown, type = 'application/json') =>
  api.call<Stored>(method, MAPS + path, body, { 'content-type': type });
const warnings = ({ headers }: Answer<Stored>) => headers['warning'] ?? '';
const owned = ({ body }: Answer<Stored>, manager: string) => {
  const entry = body.metadata.managedFields.find((each) => each.manager === manager);
  return Object.keys((entry?.fieldsV1 as { 'f:data'?: object } | undefined)?.['f:data'] ?? {}).filter((field) => field !== '.');
};

test('a large object is created, read, updated and deleted as small ones are', async () => {
  const created = await send('POST', '?fieldManager=maker', configMap('large', many()));
  assert.equal(created.status, 201);
  assert.deepEqual(created.body.data, many());
  assert.equal(owned(created, 'maker').length, KEYS);
  assert.deepEqual((await send('GET', '/large')).body, created.body);
  const { ['key-0']: _, ...fewer } = many();
  const updated = await send('PUT', '/large?fieldManager=other', configMap('large', { ...fewer, 'key-1': 'w' }));
  assert.equal(updated.status, 200);
  assert.deepEqual(updated.body.data, { ...fewer, 'key-1': 'w' });
  assert.deepEqual(owned(updated, 'other'), ['f:key-1']);
  assert.equal(owned(updated, 'maker').length, KEYS - 2);
  const same = await send('PUT', '/large?fieldManager=other', updated.body);
  assert.equal(same.body.metadata?.resourceVersion, updated.body.metadata?.resourceVersion);
  assert.equal((await send('DELETE', '/large')).status, 200);
  assert.equal((await send('GET', '/large')).status, 404);
});

test('patches of a large object change what they name, and whose it is', async () => {
  await send('POST', '?fieldManager=maker', configMap('patched', many()));
  const types = ['merge-patch', 'strategic-merge-patch'];
  for (const [i, type] of types.entries()) {
    const patch = { data: { [`key-${i}`]: type, [`key-${i + 10}`]: null } };
    const { body, status } = await send('PATCH', `/patched?fieldManager=${type}`, patch, `application/${type}+json`);
    assert.equal(status, 200);
    assert.equal(body.data[`key-${i}`], type);
    assert.equal(body.data[`key-${i + 10}`], undefined);
  }
  const operations = [{ op: 'replace', path: '/data/key-5', value: 'x' }];
  const patched = await send('PATCH', '/patched?fieldManager=json', operations, 'application/json-patch+json');
  assert.deepEqual(
    ['merge-patch', 'strategic-merge-patch', 'json'].map((manager) => owned(patched, manager)),
    [['f:key-0'], ['f:key-1'], ['f:key-5']],
  );
  assert.equal(owned(patched, 'maker').length, KEYS - 5);
  const reset = await send('PATCH', '/patched', { metadata: { managedFields: [{}] } }, 'application/merge-patch+json');
  assert.equal(reset.body.metadata?.managedFields, undefined);
});

test('what is applied to a large object is owned together, and given up', async () => {
  const apply = (manager: string, data: Record<string, string>) =>
    send('PATCH', `/applied?fieldManager=${manager}`, configMap('applied', data), 'application/apply-patch+yaml');
  const first = await apply('a', many());
  assert.equal(first.status, 201);
  const again = await apply('a', many());
  assert.equal(again.body.metadata?.resourceVersion, first.body.metadata?.resourceVersion);
  const both = await apply('b', many());
  assert.deepEqual(both.body.data, many());
  assert.deepEqual([owned(both, 'a').length, owned(both, 'b').length], [KEYS, KEYS]);
  const conflict = await apply('b', many('other'));
  assert.equal(conflict.status, 409);
  await apply('a', {});
  const left = await apply('b', { 'key-0': VALUE });
  assert.deepEqual(left.body.data, { 'key-0': VALUE });
});

test('what is wrong with a large body is told as of a small one', async () => {
  const text = JSON.stringify({ ...configMap('wrong', many()), more: 1 }).replace('"key-8"', '"key-7":"w","key-8"');
  const strict = await send('POST', '?fieldValidation=Strict', text);
  assert.equal(strict.status, 400);
  assert.match(strict.body.message, /strict decoding error: duplicate field "data\.key-7", unknown field "more"$/);
  const warned = await send('POST', '?dryRun=All', text);
  assert.equal(warned.status, 201);
  assert.match(warnings(warned), /duplicate field \\"data\.key-7\\".*unknown field \\"more\\"/);
  assert.equal(warned.body.data['key-7'], 'w');
  const broken = await send('POST', '', `${text.slice(0, -20)}}`);
  assert.equal(broken.status, 400);
  assert.match(broken.body.message, /^the object provided is unrecognized .* json parse error: /);
  const key = await send('POST', '', configMap('wrong', { ...many(), 'a b': '' }));
  assert.equal(key.status, 422);
  assert.match(key.body.message, /data\[a b\]: Invalid value: "a b": a valid config key must consist of/);
});
