/** Values in complaints have the form that upstream's own structures have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { internalForm, shownForm, shownInOrder } from './internal-form.ts';
import { INTERNAL_TYPES } from './internal-types.ts';

test('every type that another one refers to is there, and every field can be read', () => {
  for (const [type, fields] of Object.entries(INTERNAL_TYPES)) {
    for (const [, of] of fields.matchAll(/[:!](\w+)/g)) assert.ok(Object.hasOwn(INTERNAL_TYPES, of!), `${type}: ${of}`);
    assert.equal(typeof internalForm(type, {}), 'object');
  }
});

test('all fields are shown, in upstream’s order and by its names', () => {
  assert.equal(
    JSON.stringify(internalForm('Taint', { value: 'v', key: 'k', effect: 'NoSchedule' })),
    '{"Key":"k","Value":"v","Effect":"NoSchedule","TimeAdded":null}',
  );
  assert.equal(
    JSON.stringify(internalForm('NodeSelectorTerm', [{ matchExpressions: [{ operator: 'In', key: 'a', values: ['b'] }] }])),
    '[{"MatchExpressions":[{"Key":"a","Operator":"In","Values":["b"]}],"MatchFields":null}]',
  );
});

test('what a pod shares with its host is among its security', () => {
  const { SecurityContext } = internalForm('PodSpec', { containers: [], hostNetwork: true, hostUsers: false }) as {
    SecurityContext: object;
  };
  assert.deepEqual(Object.entries(SecurityContext).slice(0, 5), [
    ['HostNetwork', true],
    ['HostPID', false],
    ['HostIPC', false],
    ['ShareProcessNamespace', null],
    ['HostUsers', false],
  ]);
});

test('maps are in the order of their keys, selectors in the order of their fields', () => {
  const selector = { matchExpressions: [{ operator: 'Exists', key: 'k' }], matchLabels: { b: '1', a: '2' } };
  assert.equal(
    JSON.stringify(shownInOrder(selector)),
    '{"matchLabels":{"a":"2","b":"1"},"matchExpressions":[{"key":"k","operator":"Exists"}]}',
  );
  const template = { metadata: { annotations: { z: '' }, labels: { b: '', a: '' }, name: 'n' }, spec: { containers: [] } };
  assert.match(
    JSON.stringify(internalForm('PodTemplateSpec', template)),
    /^\{"name":"n","labels":\{"a":"","b":""\},"annotations":\{"z":""\},"Spec":\{"Volumes":null,/,
  );
});

test('what is very long is shown as it was written', () => {
  const taint = { key: 'k'.repeat(60_000) };
  assert.equal(shownForm('Taint', taint).make(), taint);
});

test('the store keeps no empty lists and maps, and selectors of everything are no empty maps', () => {
  const container = { name: 'c', args: [], env: [], resources: { limits: {} } };
  const shown = (isStored: boolean) => {
    const { Args, Env, Resources } = internalForm('Container', container, isStored) as Record<string, unknown>;
    return [Args, Env, Resources];
  };
  assert.deepEqual(shown(false), [[], [], { Limits: {}, Requests: null, Claims: null }]);
  assert.deepEqual(shown(true), [null, null, { Limits: null, Requests: null, Claims: null }]);
  const { LabelSelector } = internalForm('PodAffinityTerm', { labelSelector: { matchLabels: {} } }, true) as {
    LabelSelector: unknown;
  };
  assert.deepEqual(LabelSelector, {});
});
