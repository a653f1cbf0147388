import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DynamicObject, OwnerReference } from '../../api/machinery/object.ts';
import { dropRepeatedOwners } from './owner-references.ts';

const owner = (name: string, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name,
  uid: 'u',
  ...more,
});

function dropped(ownerReferences: OwnerReference[]): { left: OwnerReference[]; warnings: string[] } {
  const object: DynamicObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ownerReferences } };
  const warnings: string[] = [];
  dropRepeatedOwners(object, warnings, false);
  return { left: object.metadata.ownerReferences!, warnings };
}

test('an owner that is named again is dropped, in whatever order its fields come; one that differs stays', () => {
  const { uid, name, ...rest } = owner('a', { controller: true });
  const { left, warnings } = dropped([owner('a', { controller: true }), { name, uid, ...rest }, owner('a'), owner('b')]);
  assert.deepEqual(left, [owner('a', { controller: true }), owner('a'), owner('b')]);
  assert.match(warnings[0]!, /duplicate UID\(s\) observed: u$/);
});

test('each of many owners of one uid is looked at once', () => {
  let looks = 0;
  const counted = (name: string) => ({
    ...owner(name),
    get name() {
      looks++;
      return name;
    },
  });
  const many = Array.from({ length: 3000 }, (_, i) => counted(`n${i}`));
  assert.equal(dropped(many).left.length, 3000);
  assert.equal(looks, 3000);
});
