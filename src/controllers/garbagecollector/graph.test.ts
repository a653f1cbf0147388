import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { groupKind, OwnerGraph } from './graph.ts';

const UIDS = ['a', 'b', 'c', 'd', 'e'];
const object = (uid: string, owners: readonly string[], extra: object = {}) => ({
  metadata: {
    uid,
    name: uid,
    namespace: 'ns',
    ownerReferences: owners.map((o) => ({ apiVersion: 'v1', kind: 'Pod', name: o, uid: o, blockOwnerDeletion: true })),
    ...extra,
  },
});

test('after any changes each owner knows its dependents and nobody else', () => {
  const uid = fc.constantFrom(...UIDS);
  const change = fc.record({ uid, owners: fc.uniqueArray(uid, { maxLength: 3 }), isRemoval: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const graph = new OwnerGraph();
      for (const c of changes) {
        if (c.isRemoval) graph.remove(c.uid);
        else
          graph.upsert(
            'v1/Pod',
            object(
              c.uid,
              c.owners.filter((o) => o !== c.uid),
            ),
          );
      }
      for (const name of UIDS) {
        const node = graph.get(name);
        for (const ref of node?.owners ?? []) {
          const owner = graph.get(ref.uid);
          // An owner that was removed is examined by way of its dependents; it need not be there.
          if (owner && !wasRemovedAfter(changes, ref.uid, name))
            assert.ok(owner.dependents.has(node!), `${ref.uid} lacks ${name}`);
        }
        for (const dependent of node?.dependents ?? []) {
          assert.equal(graph.get(dependent.uid), dependent);
          assert.ok(dependent.owners.some((ref) => ref.uid === name));
        }
      }
    }),
  );
});

function wasRemovedAfter(changes: readonly { uid: string; isRemoval: boolean }[], owner: string, dependent: string): boolean {
  const said = changes.findLastIndex((c) => c.uid === dependent && !c.isRemoval);
  return changes.some((c, i) => i > said && c.uid === owner && c.isRemoval);
}

test('an owner that nobody has seen is to be looked at, and when it is gone its dependents', () => {
  const graph = new OwnerGraph();
  assert.deepEqual(graph.upsert('v1/ConfigMap', object('child', ['parent'])).examine, ['parent']);
  assert.equal(graph.get('parent')?.virtual, true);
  assert.deepEqual(graph.remove('parent').examine, ['child']);
});

test('an owner that is seen in time is not looked at again', () => {
  const graph = new OwnerGraph();
  graph.upsert('v1/Pod', object('parent', []));
  assert.deepEqual(graph.upsert('v1/ConfigMap', object('child', ['parent'])).examine, []);
});

test('a deletion in the foreground makes dependents and owner worth a look, once', () => {
  const graph = new OwnerGraph();
  graph.upsert('v1/Pod', object('parent', []));
  graph.upsert('v1/ConfigMap', object('child', ['parent']));
  const deleting = object('parent', [], { deletionTimestamp: 'now', finalizers: ['foregroundDeletion'] });
  assert.deepEqual(graph.upsert('v1/Pod', deleting).examine, ['child', 'parent']);
  assert.deepEqual(graph.upsert('v1/Pod', deleting).examine, []);
  assert.deepEqual(graph.remove('child').examine, ['parent']);
});

test('a reference that gives the owner another kind makes the dependent worth a look', () => {
  const graph = new OwnerGraph();
  graph.upsert('v1/Secret', object('parent', []));
  assert.deepEqual(graph.upsert('v1/ConfigMap', object('child', ['parent'])).examine, ['child']);
});

test('versions of a kind are the same kind', () => {
  assert.equal(groupKind('apps/v1/ReplicaSet'), groupKind('apps/v1beta1/ReplicaSet'));
  assert.notEqual(groupKind('v1/Pod'), groupKind('example.com/v1/Pod'));
});
