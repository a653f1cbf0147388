/** What tables show of kinds of several groups, where it is more than a field's value. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutatingAdmissionPolicyBindingKind } from './admissionregistration/v1/mutating-admission-policy-binding.ts';
import { validatingAdmissionPolicyBindingKind } from './admissionregistration/v1/validating-admission-policy-binding.ts';
import { resourceQuotaKind } from './core/v1/resource-quota.ts';
import type { KindDefinition } from './machinery/kind.ts';
import type { DynamicObject } from './machinery/object.ts';
import { renderTable } from './machinery/table.ts';
import { ingressKind } from './networking/v1/ingress.ts';
import { volumeAttributesClassKind } from './storage/v1/volume-attributes-class.ts';

function cell(kind: KindDefinition, column: string, fields: object, metadata: object = {}): unknown {
  const object = { apiVersion: 'v1', kind: kind.kind, metadata: { name: 'x', ...metadata }, ...fields } as DynamicObject;
  const { columnDefinitions, rows } = renderTable(kind, [object], { nowMs: 0 });
  return rows[0]!.cells[columnDefinitions!.findIndex(({ name }) => name === column)];
}

test('bindings of policies show which parameters they refer to', () => {
  const selector = {
    matchLabels: { b: '2', a: '1' },
    matchExpressions: [{ key: 'k', operator: 'In', values: ['v', 'w'] }],
  };
  for (const kind of [validatingAdmissionPolicyBindingKind, mutatingAdmissionPolicyBindingKind]) {
    const shown = (paramRef?: object) => cell(kind, 'ParamRef', { spec: { policyName: 'p', ...(paramRef && { paramRef }) } });
    assert.equal(shown(), '<unset>');
    assert.equal(shown({ name: 'n', namespace: 'ns' }), 'ns/n');
    assert.equal(shown({ name: 'n' }), '*/n', 'whether they have a namespace is not known here');
    assert.equal(
      shown({ selector }),
      '&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[v w],},},}',
    );
  }
});

test('an Ingress shows three hosts and how many more rules there are', () => {
  const hosts = (...names: (string | undefined)[]) =>
    cell(ingressKind, 'Hosts', { spec: { rules: names.map((host) => ({ host })) } });
  assert.equal(hosts(), '*');
  assert.equal(hosts(undefined), '*');
  assert.equal(hosts('a', undefined, 'b', 'c'), 'a,b,c');
  assert.equal(hosts('a', 'b', 'c', 'd'), 'a,b,c + 1 more...');
  assert.equal(hosts('a', 'b', 'c', undefined), 'a,b,c + 1 more...', 'a rule for all hosts is one, too');
});

test('a quota shows resources by their names', () => {
  const hard = { 'count/a.b': '2', 'count/a': '1', 'limits.cpu': '3' };
  assert.equal(
    cell(resourceQuotaKind, 'Request', { status: { hard, used: { 'count/a': '1' } } }),
    'count/a: 1/1, count/a.b: 0/2',
  );
  assert.equal(cell(resourceQuotaKind, 'Limit', { status: { hard } }), 'limits.cpu: 0/3');
});

test('the class of attributes that is the default says so', () => {
  const annotations = { 'volumeattributesclass.alpha.kubernetes.io/is-default-class': 'true' };
  assert.equal(cell(volumeAttributesClassKind, 'Name', { driverName: 'd' }), 'x');
  assert.equal(cell(volumeAttributesClassKind, 'Name', { driverName: 'd' }, { annotations }), 'x (default)');
});
