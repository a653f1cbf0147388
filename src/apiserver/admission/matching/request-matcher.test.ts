import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeOf } from '../../../../test/harness/admission.ts';
import { allKinds } from '../../../api/all-kinds.ts';
import { namespaceKind } from '../../../api/core/v1/namespace.ts';
import { podKind } from '../../../api/core/v1/pod.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { AdmissionAttributes } from '../../contracts.ts';
import { ChangingKinds } from '../../kinds/kind-registry.ts';
import { createRequestMatcher, type MatchCriteria } from './request-matcher.ts';

const kinds = new ChangingKinds(allKinds);
const labelled: Readonly<Record<string, Record<string, string>>> = { a: { team: 'x' }, b: {} };
const reader = {
  get: (_: KindDefinition, __: string, name: string) =>
    labelled[name] && { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: labelled[name] } },
  list: () => [],
  waitFresh: async () => undefined,
  subscribe: () => () => undefined,
};
const rule = (more = {}) => ({ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], ...more });
const matched = (criteria: MatchCriteria, attributes: AdmissionAttributes) =>
  createRequestMatcher(criteria, { reader, kinds })(attributes) !== undefined;
const pod = (more = {}) =>
  writeOf({
    kind: podKind,
    object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'a', labels: { tier: 'one' } } },
    ...more,
  });

test('a rule means what all its parts mean', () => {
  const table: readonly (readonly [object, object, boolean])[] = [
    [{}, {}, true],
    [{ operations: ['*'] }, {}, true],
    [{ operations: ['UPDATE', 'DELETE'] }, {}, false],
    [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }, {}, true],
    [{ apiGroups: ['apps'] }, {}, false],
    [{ apiVersions: ['v2'] }, {}, false],
    [{ resources: ['*'] }, { subresource: 'status' }, false],
    [{ resources: ['*/*'] }, { subresource: 'status' }, true],
    [{ resources: ['*/*'] }, {}, true],
    [{ resources: ['pods/*'] }, { subresource: 'status' }, true],
    [{ resources: ['pods/status'] }, { subresource: 'status' }, true],
    [{ resources: ['*/status'] }, { subresource: 'status' }, true],
    [{ resources: ['pods/status'] }, {}, false],
    [{ scope: 'Namespaced' }, {}, true],
    [{ scope: 'Cluster' }, {}, false],
    [{ resourceNames: ['p', 'q'] }, {}, true],
    [{ resourceNames: ['q'] }, {}, false],
  ];
  for (const [more, request, expected] of table)
    assert.equal(matched({ rules: [rule(more)] }, pod(request)), expected, JSON.stringify([more, request]));
});

test('what is excluded is excluded, whatever else matches', () => {
  assert.equal(matched({ rules: [rule()], excludeRules: [rule({ resourceNames: ['p'] })] }, pod()), false);
  assert.equal(matched({ rules: [rule()], excludeRules: [rule({ resourceNames: ['q'] })] }, pod()), true);
});

test('selectors look at the labels of the namespace, and of the object before and after', () => {
  const rules = [rule({ operations: ['*'] })];
  const namespaceSelector = { matchLabels: { team: 'x' } };
  assert.equal(matched({ rules, namespaceSelector }, pod()), true);
  assert.equal(matched({ rules, namespaceSelector }, pod({ namespace: 'b' })), false);
  assert.throws(() => matched({ rules, namespaceSelector }, pod({ namespace: 'c' })), { message: 'namespaces "c" not found' });
  const objectSelector = { matchLabels: { tier: 'one' } };
  const relabelled = pod({
    oldObject: pod().object,
    object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'a' } },
  });
  assert.equal(matched({ rules, objectSelector }, relabelled), true);
  assert.equal(matched({ rules, objectSelector: { matchLabels: { tier: 'two' } } }, relabelled), false);
});

test('a namespace is chosen by its own labels, the new ones where there are new ones', () => {
  const criteria = {
    rules: [rule({ operations: ['*'], resources: ['namespaces'] })],
    namespaceSelector: { matchLabels: { team: 'x' } },
  };
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'b', labels: { team: 'x' } } };
  assert.equal(matched(criteria, writeOf({ kind: namespaceKind, object, name: 'b' })), true);
  assert.equal(matched(criteria, writeOf({ kind: namespaceKind, oldObject: object, name: 'b' })), false);
  assert.equal(matched(criteria, writeOf({ kind: namespaceKind, oldObject: object, name: 'a' })), true);
});

test('of the versions that rules name, the one of the first rule counts', () => {
  const scaler = kinds.byResource('autoscaling', 'v1', 'horizontalpodautoscalers')!;
  const event = kinds.byResource('', 'v1', 'events')!;
  const version = (attributes: AdmissionAttributes, ...rules: object[]) =>
    createRequestMatcher({ rules: rules.map((more) => rule(more)) }, { reader, kinds })(attributes);
  const events = { apiGroups: ['events.k8s.io'], resources: ['events'] };
  assert.equal(
    version(writeOf({ kind: event, name: 'e' }), { apiGroups: ['x'], resources: ['*'] }, events)?.group,
    'events.k8s.io',
  );
  const v2 = { apiGroups: ['autoscaling'], apiVersions: ['v2'], resources: ['*'] };
  assert.equal(version(writeOf({ kind: scaler, name: 'h' }), v2, { ...v2, apiVersions: ['*'] })?.version, 'v1');
  assert.equal(version(writeOf({ kind: scaler, name: 'h' }), { ...v2, resources: ['x'] }, v2)?.version, 'v2');
});
