import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod, V1Service } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import { selectorFromLabelSelector, selectorFromLabels } from '../../api/machinery/label-selector.ts';
import { ObjectStore } from '../../client/object-store.ts';
import type { SharedInformers } from '../framework/shared-informers.ts';
import { selectedPods, servicesSelecting } from './selection-index.ts';

type Labels = Record<string, string>;

/** Informers that hold what they are given. */
function held() {
  const pods = new ObjectStore<V1Pod>();
  const services = new ObjectStore<V1Service>();
  const informers = {
    of: (kind: ResourceKind) => (kind === podKind ? pods : services),
    index: (store: ObjectStore<V1Pod>, name: string, keysOf: (object: V1Pod) => string[]) => store.addIndex(name, keysOf),
  } as unknown as SharedInformers;
  return { pods, services, podsOf: selectedPods(informers), servicesOf: servicesSelecting(informers) };
}

const names = (objects: readonly (V1Pod | V1Service)[]) => objects.map(({ metadata }) => metadata?.name);
const pod = (name: string, namespace: string, labels?: Labels): V1Pod => ({ metadata: { name, namespace, labels } });
const service = (name: string, namespace: string, selector?: Labels): V1Service => ({
  metadata: { name, namespace },
  spec: { selector },
});

const word = fc.constantFrom('a', 'b', '__proto__', 'constructor');
const labels = fc.uniqueArray(fc.tuple(word, word), { selector: ([key]) => key, maxLength: 3 });
const change = fc.record({
  name: fc.constantFrom('p', 'q', 'r', 's'),
  namespace: word,
  labels: fc.option(labels),
  gone: fc.boolean(),
});
const toLabels = (pairs: readonly (readonly [string, string])[]) => Object.fromEntries(pairs) as Labels;

test('an index selects what a walk through the namespace would, whatever came and went', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), labels, word, (changes, selector, namespace) => {
      const { pods, services, podsOf, servicesOf } = held();
      for (const { name, namespace: where, labels: pairs, gone } of changes) {
        if (gone) pods.delete(pod(name, where));
        else pods.set(pod(name, where, pairs ? toLabels(pairs) : undefined));
        if (gone) services.delete(service(name, where));
        else services.set(service(name, where, pairs ? toLabels(pairs) : undefined));
      }
      const wanted = selectorFromLabels(toLabels(selector));
      const walked = pods.list(namespace).filter(({ metadata }) => wanted.matches(metadata?.labels));
      assert.deepEqual(names(podsOf(namespace, wanted)).toSorted(), names(walked).toSorted());
      const asked = pod('x', namespace, toLabels(selector));
      const selecting = services
        .list(namespace)
        .filter(({ spec }) => Object.keys(spec?.selector ?? {}).length > 0)
        .filter(({ spec }) => selectorFromLabels(spec?.selector).matches(asked.metadata?.labels));
      assert.deepEqual(names(servicesOf(asked)).toSorted(), names(selecting).toSorted());
    }),
  );
});

test('expressions select as well, with a label to begin from and without one', () => {
  const { pods, podsOf } = held();
  for (const [name, app] of [
    ['one', 'web'],
    ['two', 'web'],
    ['three', 'db'],
  ] as const)
    pods.set(pod(name, 'n', { app, name }));
  const select = (matchExpressions: { key: string; operator: string; values?: string[] }[]) =>
    names(podsOf('n', selectorFromLabelSelector({ matchExpressions })));
  const notTwo = { key: 'name', operator: 'NotIn', values: ['two'] };
  assert.deepEqual(select([{ key: 'app', operator: 'In', values: ['web'] }, notTwo]), ['one']);
  assert.deepEqual(select([notTwo]), ['one', 'three']);
  assert.deepEqual(select([{ key: 'app', operator: 'In', values: ['web', 'db'] }]), ['one', 'two', 'three']);
  assert.deepEqual(names(podsOf('n', selectorFromLabelSelector({}))), ['one', 'two', 'three']);
  assert.deepEqual(names(podsOf('n', selectorFromLabelSelector(undefined))), []);
});

test('a pod that changes keeps its place among those that are selected', () => {
  const { pods, podsOf } = held();
  for (const name of ['one', 'two', 'three']) pods.set(pod(name, 'n', { app: 'web' }));
  pods.set({ ...pod('one', 'n', { app: 'web' }), status: { phase: 'Running' } });
  const found = podsOf('n', selectorFromLabels({ app: 'web' }));
  assert.deepEqual(names(found), ['one', 'two', 'three']);
  assert.equal(found[0]?.status?.phase, 'Running');
});
