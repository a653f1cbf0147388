import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { eventKind } from '../../api/core/v1/event.ts';
import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { deepFreeze } from '../../std/deep-freeze.ts';
import type { DeleteChoices } from '../request/query-options.ts';
import { planDelete } from './plan-delete.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const graceful = { ...podKind, gracePeriodSeconds: (_: DynamicObject, asked: number | undefined) => asked ?? 30 };
const choose = (choices: Partial<DeleteChoices> = {}): DeleteChoices => ({
  dryRun: false,
  gracePeriodSeconds: undefined,
  propagationPolicy: '',
  preconditions: {},
  ...choices,
});
const object = (metadata: Partial<DynamicObject['metadata']> = {}, more: object = {}): DynamicObject => ({
  apiVersion: 'v1',
  kind: 'X',
  metadata: { name: 'x', ...metadata },
  ...more,
});

test('an object that nothing holds is removed', () => {
  assert.deepEqual(planDelete(configMapKind, object(), choose(), NOW), { type: 'remove' });
});

test('an object with a finalizer is marked and stays', () => {
  const plan = planDelete(configMapKind, object({ finalizers: ['a/b'] }), choose(), NOW);
  assert.equal(plan.type, 'mark');
  assert.equal(plan.object.metadata.deletionTimestamp, '2026-01-01T00:00:00Z');
  assert.equal(plan.object.metadata.deletionGracePeriodSeconds, 0);
  assert.equal(planDelete(configMapKind, plan.object, choose(), NOW + 5_000).type, 'wait');
});

test('the propagation policy becomes a finalizer, and Background takes it away', () => {
  const orphan = planDelete(configMapKind, object(), choose({ propagationPolicy: 'Orphan' }), NOW);
  assert.equal(orphan.type, 'mark');
  assert.deepEqual(orphan.object.metadata.finalizers, ['orphan']);
  const foreground = planDelete(configMapKind, object(), choose({ propagationPolicy: 'Foreground' }), NOW);
  assert.equal(foreground.type, 'mark');
  assert.deepEqual(foreground.object.metadata.finalizers, ['foregroundDeletion']);
  const finalized = object({ finalizers: ['foregroundDeletion'] });
  assert.equal(planDelete(configMapKind, finalized, choose({ propagationPolicy: 'Background' }), NOW).type, 'remove');
});

test('a later request changes what happens to dependents, unless a grace period runs', () => {
  const first = planDelete(configMapKind, object({ finalizers: ['a/b'] }), choose({ propagationPolicy: 'Foreground' }), NOW);
  assert.equal(first.type, 'mark');
  const again = (choices: Partial<DeleteChoices>) =>
    planDelete(configMapKind, structuredClone(first.object), choose(choices), NOW + 9_000);
  assert.equal(again({}).type, 'wait');
  assert.equal(again({ propagationPolicy: 'Foreground' }).type, 'wait');
  const orphan = again({ propagationPolicy: 'Orphan' });
  assert.equal(orphan.type, 'mark');
  assert.deepEqual(orphan.object.metadata.finalizers, ['a/b', 'orphan']);
  assert.equal(orphan.object.metadata.deletionTimestamp, '2026-01-01T00:00:00Z');
  const alone = { ...first.object, metadata: { ...first.object.metadata, finalizers: ['foregroundDeletion'] } };
  assert.equal(planDelete(configMapKind, alone, choose({ propagationPolicy: 'Background' }), NOW).type, 'remove');

  const running = planDelete(graceful, object({ finalizers: ['a/b'] }), choose(), NOW);
  assert.equal(running.type, 'mark');
  assert.equal(planDelete(graceful, running.object, choose({ propagationPolicy: 'Orphan' }), NOW).type, 'wait');
});

test('a grace period that is shortened does not end in the past', () => {
  const first = planDelete(graceful, object({ finalizers: ['a/b'] }), choose({ gracePeriodSeconds: 60 }), NOW);
  assert.equal(first.type, 'mark');
  const shorten = (gracePeriodSeconds: number) => {
    const plan = planDelete(graceful, structuredClone(first.object), choose({ gracePeriodSeconds }), NOW + 20_000);
    assert.equal(plan.type, 'mark');
    const { deletionTimestamp, deletionGracePeriodSeconds } = plan.object.metadata;
    return [deletionTimestamp, deletionGracePeriodSeconds];
  };
  assert.deepEqual(shorten(40), ['2026-01-01T00:00:40Z', 40]);
  assert.deepEqual(shorten(10), ['2026-01-01T00:00:20Z', 1]);
  assert.deepEqual(shorten(0), ['2026-01-01T00:00:20Z', 0]);
});

test('a grace period of less than nothing is a second, from the beginning and later', () => {
  const first = planDelete(graceful, object(), choose({ gracePeriodSeconds: -3 }), NOW);
  assert.equal(first.type === 'mark' && first.object.metadata.deletionGracePeriodSeconds, 1);
  const going = planDelete(graceful, object(), choose(), NOW);
  assert.equal(going.type, 'mark');
  const hurried = planDelete(graceful, going.object, choose({ gracePeriodSeconds: -3 }), NOW);
  assert.equal(hurried.type === 'mark' && hurried.object.metadata.deletionTimestamp, '2026-01-01T00:00:01Z');
});

test('a pod gets its grace period, a shorter one later, and goes with zero', () => {
  const first = planDelete(graceful, object({ generation: 1 }), choose(), NOW);
  assert.equal(first.type, 'mark');
  assert.equal(first.object.metadata.deletionTimestamp, '2026-01-01T00:00:30Z');
  assert.equal(first.object.metadata.generation, 2);
  assert.equal(planDelete(graceful, structuredClone(first.object), choose({ gracePeriodSeconds: 40 }), NOW).type, 'wait');
  const shorter = planDelete(graceful, structuredClone(first.object), choose({ gracePeriodSeconds: 5 }), NOW);
  assert.equal(shorter.type, 'mark');
  assert.equal(shorter.object.metadata.deletionTimestamp, '2026-01-01T00:00:05Z');
  assert.equal(planDelete(graceful, first.object, choose({ gracePeriodSeconds: 0 }), NOW).type, 'remove');
});

test('a namespace is Terminating until its finalizers are gone', () => {
  const plan = planDelete(
    namespaceKind,
    object({}, { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } }),
    choose(),
    NOW,
  );
  assert.equal(plan.type, 'mark');
  assert.deepEqual(plan.object['status'], { phase: 'Terminating' });
  assert.equal(planDelete(namespaceKind, structuredClone(plan.object), choose(), NOW).type, 'wait');
  assert.equal(planDelete(namespaceKind, { ...plan.object, spec: {} }, choose(), NOW).type, 'remove');
});

test('a namespace takes the finalizer of the policy when it is deleted, and keeps what it has when nothing is said', () => {
  const finalizers = (choices: Partial<DeleteChoices>, before: string[] = ['a/b']) => {
    const plan = planDelete(namespaceKind, object({ finalizers: before }, { spec: {} }), choose(choices), NOW);
    assert.equal(plan.type, 'mark');
    return plan.object.metadata.finalizers;
  };
  assert.deepEqual(finalizers({}), ['a/b']);
  assert.deepEqual(finalizers({}, ['orphan']), ['orphan']);
  assert.deepEqual(finalizers({ propagationPolicy: 'Foreground' }), ['a/b', 'foregroundDeletion']);
  assert.deepEqual(finalizers({ propagationPolicy: 'Orphan' }, ['foregroundDeletion']), ['orphan']);
  assert.deepEqual(finalizers({ propagationPolicy: 'Background' }, ['orphan']), undefined);
  // Of other objects this is Background.
  assert.deepEqual(finalizers({ propagationPolicy: 'Background', orphanDependents: false }), ['a/b', 'foregroundDeletion']);
});

test('events own nothing: no policy makes them wait for the garbage collector', () => {
  for (const propagationPolicy of ['Foreground', 'Orphan'] as const)
    assert.deepEqual(planDelete(eventKind, object(), choose({ propagationPolicy }), NOW), { type: 'remove' });
});

test('what lies within an object and its metadata is not changed: others read it', () => {
  const inner = { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
  const metadata = { finalizers: ['a/b', 'orphan'], labels: { a: 'b' } };
  deepFreeze([inner, metadata]);
  for (const kind of [configMapKind, graceful, namespaceKind])
    for (const propagationPolicy of ['', 'Orphan', 'Foreground', 'Background'] as const)
      for (const gracePeriodSeconds of [undefined, 0, 5, -1]) {
        const own = object({ ...metadata }, inner);
        const choices = choose({ propagationPolicy, gracePeriodSeconds });
        for (const nowMs of [NOW, NOW + 60_000]) assert.doesNotThrow(() => planDelete(kind, own, choices, nowMs));
      }
});

test('finalizers are looked up, however many there are', () => {
  const finalizers = Array.from({ length: 100_000 }, (_, i) => `example.com/f${i}`);
  const held = object({ finalizers, deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 });
  assert.deepEqual(planDelete(configMapKind, held, choose({ propagationPolicy: 'Background' }), NOW), { type: 'wait' });
});
