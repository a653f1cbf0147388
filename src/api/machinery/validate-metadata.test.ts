import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectMeta } from './object.ts';
import { validateMetadata, validateMetadataUpdate } from './validate-metadata.ts';

const namespaced = { namespaced: true, nameRule: 'dns-subdomain' } as const;
const good: ObjectMeta = { name: 'a', namespace: 'default' };
const fieldsOf = (metadata: ObjectMeta, kind: Parameters<typeof validateMetadata>[1] = namespaced) =>
  validateMetadata(metadata, kind).map(({ field, message }) => `${field}: ${message}`);

test('good metadata has nothing to complain about', () => {
  assert.deepEqual(
    fieldsOf({
      ...good,
      generateName: 'a-',
      labels: { 'a.b/c': 'D_e' },
      annotations: { 'Example.com/Upper': 'anything at all' },
      finalizers: ['example.com/hold', 'orphan'],
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u', controller: true }],
    }),
    [],
  );
});

test('the name that a kubelet gives its request is fine for a certificate signing request', () => {
  const name = 'node-csr--D4dHL7X46JjCdsgIGfevcD5ArvL9W4aR5bvi5_WmR4';
  assert.deepEqual(fieldsOf({ name }, { namespaced: false, nameRule: 'path-segment' }), []);
  assert.equal(fieldsOf({ name }, { namespaced: false, nameRule: 'dns-subdomain' }).length, 1);
});

test('each field is complained about in upstream words', () => {
  assert.deepEqual(fieldsOf({ namespace: 'default' }), ['metadata.name: Required value: name or generateName is required']);
  assert.match(fieldsOf({ ...good, name: 'A' })[0]!, /^metadata\.name: Invalid value: "A": a lowercase RFC 1123 subdomain must/);
  assert.match(fieldsOf({ ...good, generateName: 'A-' })[0]!, /^metadata\.generateName: Invalid value: "A-"/);
  assert.deepEqual(fieldsOf({ name: 'a' }), ['metadata.namespace: Required value']);
  assert.deepEqual(fieldsOf(good, { namespaced: false, nameRule: 'dns-subdomain' }), [
    'metadata.namespace: Forbidden: not allowed on this type',
  ]);
  assert.match(
    fieldsOf({ ...good, labels: { 'a b': 'c' } })[0]!,
    /^metadata\.labels: Invalid value: "a b": name part must consist/,
  );
  assert.match(fieldsOf({ ...good, labels: { a: 'c d' } })[0]!, /^metadata\.labels: Invalid value: "c d": a valid label must/);
  assert.deepEqual(fieldsOf({ ...good, annotations: { a: 'x'.repeat(256 * 1024) } }), [
    'metadata.annotations: Too long: may not be more than 262144 bytes',
  ]);
  assert.deepEqual(fieldsOf({ ...good, finalizers: ['orphan', 'mine', 'foregroundDeletion'] }), [
    'metadata.finalizers: Invalid value: ["orphan","mine","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
    'metadata.finalizers[1]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ]);
  assert.equal(fieldsOf({ ...good, ownerReferences: [{ apiVersion: '', kind: '', name: '', uid: '' }] }).length, 4);
  const owner = { apiVersion: 'v1', kind: 'Node', uid: 'u', controller: true };
  const ownerReferences = ['x', 'y', 'z'].map((name) => ({ ...owner, name }));
  assert.deepEqual(
    fieldsOf({ ...good, ownerReferences }).map((text) => text.replace(/^.*\. Found/, 'Found')),
    ['y', 'z'].map((name) => `Found "true" in references for Node/x and Node/${name}`),
  );
});

test('what identifies an object cannot be changed', () => {
  const changed = validateMetadataUpdate({ ...good, uid: '2', name: 'b' }, { ...good, uid: '1' });
  assert.deepEqual(
    changed.map(({ field, message }) => `${field}: ${message}`),
    ['metadata.name: Invalid value: "b": field is immutable', 'metadata.uid: Invalid value: "2": field is immutable'],
  );
  assert.deepEqual(validateMetadataUpdate({ ...good, labels: { a: 'b' } }, good), []);
});

test('an object on its way out takes no new finalizers, but may lose some', () => {
  const dying = { ...good, deletionTimestamp: '2024-01-01T00:00:00Z', finalizers: ['a/b'] };
  assert.deepEqual(validateMetadataUpdate({ ...dying, finalizers: [] }, dying), []);
  assert.match(
    validateMetadataUpdate({ ...dying, finalizers: ['a/b', 'a/c'] }, dying)[0]!.message,
    /found new finalizers \[\]string\{"a\/c"\}/,
  );
});

test('an owner is no Event of the core group, and is of a version', () => {
  const complaints = (apiVersion: string, kind: string) =>
    fieldsOf({ ...good, ownerReferences: [{ apiVersion, kind, name: 'n', uid: 'u', controller: true }] });
  assert.deepEqual(complaints('v1', 'Event'), [
    'metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"n","uid":"u","controller":true}: /v1, Kind=Event is disallowed from being an owner',
  ]);
  assert.deepEqual(complaints('events.k8s.io/v1', 'Event'), []);
  for (const apiVersion of ['a/b/c', 'apps/', ''])
    assert.deepEqual(complaints(apiVersion, 'Pod'), [
      `metadata.ownerReferences.apiVersion: Invalid value: "${apiVersion}": version must not be empty`,
    ]);
});
