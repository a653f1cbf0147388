import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countedReads } from '../../../std/counted-reads.test-support.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { Definition, DefinitionNames, DefinitionStatus } from './definition.ts';
import { setDefinitionDefaults } from './definition-defaults.ts';
import { planStatus } from './definition-status.ts';
import { compareVersions } from './version-order.ts';

const define = (names: Partial<DefinitionNames> & { plural: string }, status?: DefinitionStatus, group = 'example.com') =>
  ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${names.plural}.${group}` },
    spec: { group, scope: 'Namespaced', versions: [], names: { singular: '', kind: 'Kind', listKind: 'KindList', ...names } },
    ...(status && { status }),
  }) as Definition;

const plan = (definition: Definition, all: readonly Definition[] = [], now = 't1', structuralProblems: string[] = []) =>
  planStatus(definition, { all: [definition, ...all], structuralProblems, now });
const told = ({ conditions = [] }: DefinitionStatus) =>
  conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);

test('names that nobody has are accepted, and the definition is established', () => {
  const status = plan(define({ plural: 'a', shortNames: ['x'] }));
  assert.deepEqual(told(status), ['NamesAccepted=True NoConflicts', 'Established=True InitialNamesAccepted']);
  assert.deepEqual(status.acceptedNames, { plural: 'a', kind: 'Kind', listKind: 'KindList', shortNames: ['x'] });
});

test('short names that are changed are not held against all former ones, one by one', () => {
  const names = Array.from({ length: 200 }, (_, i) => `s${i}`);
  const { list, reads } = countedReads(names);
  const status = plan(
    define({ plural: 'a', shortNames: names.toReversed() }, { acceptedNames: { plural: 'a', kind: 'Kind', shortNames: list } }),
  );
  assert.deepEqual(status.acceptedNames?.shortNames, names.toReversed());
  assert.ok(reads() <= 1000, `${reads()} reads`);
});

test('a status that says it all already is left as it is', () => {
  const definition = define({ plural: 'a' });
  const status = plan(definition);
  assert.equal(plan({ ...definition, status }, [], 't2'), status);
});

test('names of others in the group are refused one by one, and those of other groups do not matter', () => {
  const other = define({ plural: 'b', singular: 'bee', shortNames: ['x', 'y'], kind: 'Bee', listKind: 'BeeList' });
  const others = [{ ...other, status: plan(other) }];
  const refused = plan(define({ plural: 'a', shortNames: ['x', 'z'] }), others);
  assert.deepEqual(told(refused), ['NamesAccepted=False ShortNamesConflict', 'Established=False NotAccepted']);
  assert.equal(refused.conditions![0]!.message, '"x" is already in use');
  assert.deepEqual(refused.acceptedNames, { plural: 'a', kind: 'Kind', listKind: 'KindList' });
  assert.deepEqual(told(plan(define({ plural: 'a', kind: 'BeeList' }), others))[0], 'NamesAccepted=False KindConflict');
  assert.deepEqual(told(plan(define({ plural: 'bee' }), others))[0], 'NamesAccepted=False PluralConflict');
  assert.deepEqual(told(plan(define({ plural: 'b' }, undefined, 'else.com'), others))[0], 'NamesAccepted=True NoConflicts');
});

test('what was established stays so, with the names that it had, when it asks for others that are taken', () => {
  const other = define({ plural: 'b', shortNames: ['x'], kind: 'Bee', listKind: 'BeeList' });
  const before = define({ plural: 'a', shortNames: ['w'] });
  const asking = define({ plural: 'a', shortNames: ['x'] }, plan(before));
  const status = plan(asking, [{ ...other, status: plan(other) }], 't2');
  assert.deepEqual(told(status), ['NamesAccepted=False ShortNamesConflict', 'Established=True InitialNamesAccepted']);
  assert.deepEqual(status.acceptedNames?.shortNames, ['w']);
  assert.deepEqual(
    status.conditions?.map(({ lastTransitionTime }) => lastTransitionTime),
    ['t2', 't1'],
  );
});

test('schemas without structure are told of until they have one', () => {
  const definition = define({ plural: 'a' });
  const status = plan(definition, [], 't1', ['spec.x: bad', 'spec.y: worse']);
  assert.deepEqual(told(status).at(-1), 'NonStructuralSchema=True Violations');
  assert.equal(status.conditions!.at(-1)!.message, '[spec.x: bad, spec.y: worse]');
  assert.equal(plan({ ...definition, status }).conditions!.length, 2);
});

test('versions are in order of their age', () => {
  const sorted = ['v10', 'v2', 'v1', 'v12beta1', 'v3beta2', 'v3beta1', 'v11alpha2', 'v1alpha1', 'foo1', 'foo10'];
  assert.deepEqual([...sorted].reverse().sort(compareVersions), sorted);
});

test('defaults give a status no names that were refused, and the version that is stored where it says none', () => {
  const other = define({ plural: 'b', singular: 'bee' });
  const others = [{ ...other, status: plan(other) }];
  const definition = define({ plural: 'a', singular: 'bee', kind: 'A', listKind: 'AList' });
  const versions = [{ name: 'v1', served: true, storage: true }];
  const stored = {
    ...definition,
    spec: { ...definition.spec, versions },
    status: { ...plan(definition, others), storedVersions: [] },
  };
  setDefinitionDefaults(stored as object as DynamicObject);
  assert.deepEqual(stored.status.acceptedNames, { plural: 'a', kind: 'A', listKind: 'AList' });
  assert.deepEqual(stored.status.storedVersions, ['v1']);
});

test('of several conflicts the last is told', () => {
  const other = define({ plural: 'b', shortNames: ['app'] });
  const status = plan(define({ plural: 'app', singular: 'app', kind: 'App', listKind: 'AppList' }), [
    { ...other, status: plan(other) },
  ]);
  assert.equal(told(status)[0], 'NamesAccepted=False SingularConflict');
  assert.deepEqual(status.acceptedNames, { plural: '', kind: 'App', listKind: 'AppList' });
});
