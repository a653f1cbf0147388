import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineKind } from '../../api/machinery/define-kind.ts';
import { ChangingKinds, derivedFrom } from './kind-registry.ts';

const kindOf = (group: string, kind: string, version = 'v1') =>
  defineKind({ group, version, kind, resource: `${kind.toLowerCase()}s`, namespaced: true });

const pod = kindOf('', 'Pod');
const widget = kindOf('example.com', 'Widget');

test('kinds are found by resource and by kind, and go when their owner takes them away', () => {
  const kinds = new ChangingKinds([pod]);
  kinds.replace('widgets.example.com', [widget]);
  assert.equal(kinds.byResource('example.com', 'v1', 'widgets'), widget);
  assert.equal(kinds.byKind('example.com', 'v1', 'Widget'), widget);
  assert.deepEqual(kinds.all(), [pod, widget]);
  kinds.replace('widgets.example.com', []);
  assert.equal(kinds.byResource('example.com', 'v1', 'widgets'), undefined);
  assert.equal(kinds.byKind('example.com', 'v1', 'Widget'), undefined);
  assert.deepEqual(kinds.all(), [pod]);
});

test('a kind that is added under the name of a built-in one does not take its place', () => {
  const kinds = new ChangingKinds([pod]);
  kinds.replace('pods.', [kindOf('', 'Pod')]);
  assert.equal(kinds.byResource('', 'v1', 'pods'), pod);
});

test('listeners hear of changes, of nothing when nothing changes, and of nothing when they have left', () => {
  const kinds = new ChangingKinds([pod]);
  let heard = 0;
  const leave = kinds.onChange(() => heard++);
  kinds.replace('a', []);
  assert.equal(heard, 0);
  kinds.replace('a', [widget]);
  assert.equal(heard, 1);
  leave();
  kinds.replace('a', []);
  assert.equal(heard, 1);
});

test('what is derived from the kinds is made once a change', () => {
  const kinds = new ChangingKinds([pod]);
  let made = 0;
  const count = derivedFrom(kinds, (all) => {
    made++;
    return all.length;
  });
  assert.deepEqual([count(), count(), made], [1, 1, 1]);
  kinds.replace('a', [widget]);
  assert.deepEqual([count(), count(), made], [2, 2, 2]);
});

test('of several owners of one name the first counts, and when it goes the next one', () => {
  const kinds = new ChangingKinds([pod]);
  const [first, second] = [kindOf('example.com', 'Widget'), kindOf('example.com', 'Widget')];
  kinds.replace('b', [second]);
  assert.equal(kinds.byResource('example.com', 'v1', 'widgets'), second);
  kinds.replace('a', [first]);
  assert.equal(kinds.byResource('example.com', 'v1', 'widgets'), first);
  kinds.replace('a', []);
  assert.equal(kinds.byResource('example.com', 'v1', 'widgets'), second);
  kinds.replace('b', [kindOf('example.com', 'Gadget')]);
  assert.equal(kinds.byKind('example.com', 'v1', 'Widget'), undefined);
  assert.ok(kinds.byKind('example.com', 'v1', 'Gadget'));
});

test('listeners are told what an owner had and has', () => {
  const kinds = new ChangingKinds([pod]);
  const told: string[] = [];
  const names = (list: readonly { readonly kind: string }[]) => list.map(({ kind }) => kind).join();
  kinds.onChange((before, after) => told.push(`${names(before)} > ${names(after)}`));
  kinds.replace('a', [widget]);
  kinds.replace('a', [kindOf('example.com', 'Gadget'), widget]);
  kinds.replace('a', []);
  assert.deepEqual(told, [' > Widget', 'Widget > Gadget,Widget', 'Gadget,Widget > ']);
});
