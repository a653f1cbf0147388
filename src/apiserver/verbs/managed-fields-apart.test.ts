import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DynamicObject, JsonValue } from '../../api/machinery/object.ts';
import { leavesManagedFields, shareManagedFields, withoutManagedFields } from './managed-fields-apart.ts';
import type { PatchFormat } from './patch.ts';

const managedFields = [{ manager: 'm' }];
const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', managedFields }, spec: {} } as unknown as DynamicObject;

test('an object goes without its managers, is left as it is, and shares them with what it becomes', () => {
  const bare = withoutManagedFields(object);
  assert.deepEqual({ ...bare }, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: {} });
  assert.equal(object.metadata.managedFields, managedFields);
  assert.equal(withoutManagedFields(bare), bare);
  shareManagedFields(bare, object);
  assert.equal(bare.metadata.managedFields, managedFields);
  const other = withoutManagedFields(object);
  shareManagedFields(other, withoutManagedFields(object));
  assert.ok(!Object.hasOwn(other.metadata, 'managedFields'));
});

const CASES: [PatchFormat, JsonValue, boolean][] = [
  ['merge', { spec: { a: 1 } }, true],
  ['merge', { metadata: { labels: { a: 'b' } } }, true],
  ['merge', { metadata: null }, false],
  ['merge', { metadata: { managedFields: [{}] } }, false],
  ['merge', { metadata: { managedFields: null } }, false],
  ['strategic', { status: {} }, true],
  ['strategic', { metadata: { labels: { $patch: 'replace' } } }, true],
  ['strategic', { metadata: { $patch: 'replace', name: 'a' } }, false],
  ['strategic', { metadata: { $retainKeys: ['name'] } }, false],
  ['strategic', { metadata: { '$setElementOrder/managedFields': [] } }, false],
  ['strategic', { $patch: 'replace', metadata: { name: 'a' } }, false],
  ['json', [], true],
  ['json', [{ op: 'replace', path: '/spec/a', value: 1 }], true],
  ['json', [{ op: 'remove', path: '/metadatas' }], true],
  ['json', [{ op: 'add', path: '/metadata/labels/a', value: 'b' }], false],
  ['json', [{ op: 'test', path: '/metadata', value: {} }], false],
  ['json', [{ op: 'replace', path: '', value: {} }], false],
  ['json', [{ op: 'copy', from: '/metadata/managedFields', path: '/data' }], false],
  ['json', [{ op: 'move', from: '', path: '/data' }], false],
];

test('a patch that may touch managed fields is told from those that cannot', () => {
  for (const [format, patch, leaves] of CASES)
    assert.equal(leavesManagedFields(format, patch), leaves, JSON.stringify([format, patch]));
});
