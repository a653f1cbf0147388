import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineKind } from '../../api/machinery/define-kind.ts';
import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import { type RuntimeConfig, selectKinds } from './runtime-config.ts';

const kind = (group: string, version: string, name: string): KindDefinition =>
  defineKind({ group, version, kind: name, resource: `${name.toLowerCase()}s`, namespaced: true });

const BY_DEFAULT = [kind('', 'v1', 'Pod'), kind('apps', 'v1', 'Deployment'), kind('batch', 'v1', 'Job')];
const OTHERS = [
  kind('extensions', 'v1beta1', 'Deployment'),
  kind('extensions', 'v1beta1', 'DaemonSet'),
  kind('apps', 'v1beta1', 'Deployment'),
  kind('rbac', 'v1alpha1', 'Role'),
];

const served = (config: RuntimeConfig) =>
  selectKinds(BY_DEFAULT, OTHERS, config).map((each) => `${apiVersionOf(each)}/${each.resource}`);

const DEFAULT = ['v1/pods', 'apps/v1/deployments', 'batch/v1/jobs'];

test('a version is turned on with all its resources, after those of today', () => {
  for (const value of ['', 'true', '1', true])
    assert.deepEqual(served({ 'extensions/v1beta1': value }), [
      ...DEFAULT,
      'extensions/v1beta1/deployments',
      'extensions/v1beta1/daemonsets',
    ]);
});

test('a version is turned off, the core group’s by either of its names', () => {
  assert.deepEqual(served({ 'batch/v1': 'false' }), ['v1/pods', 'apps/v1/deployments']);
  assert.deepEqual(served({ v1: 'false' }), ['apps/v1/deployments', 'batch/v1/jobs']);
  assert.deepEqual(served({ 'api/v1': 'false' }), ['apps/v1/deployments', 'batch/v1/jobs']);
});

test('stages are turned on and off, all before one, and a version or a resource says otherwise', () => {
  assert.deepEqual(served({ 'api/beta': 'true' }).slice(3), [
    'extensions/v1beta1/deployments',
    'extensions/v1beta1/daemonsets',
    'apps/v1beta1/deployments',
  ]);
  assert.equal(served({ 'api/all': 'true' }).length, 7);
  assert.deepEqual(served({ 'api/all': 'false', 'api/ga': 'true' }), DEFAULT);
  assert.deepEqual(served({ 'api/all': 'false', 'apps/v1': 'true' }), ['apps/v1/deployments']);
  assert.deepEqual(served({ 'extensions/v1beta1': 'true', 'extensions/v1beta1/daemonsets': 'false' }).slice(3), [
    'extensions/v1beta1/deployments',
  ]);
  assert.deepEqual(served({ 'extensions/v1beta1/daemonsets': 'true' }).slice(3), ['extensions/v1beta1/daemonsets']);
});

test('what cannot be meant is refused in upstream’s words', () => {
  for (const [config, message] of [
    [{ 'apps/v1': 'maybe' }, /^invalid value of apps\/v1: maybe, err: strconv\.ParseBool: parsing "maybe": invalid syntax$/],
    [{ 'example.com/v1': 'true' }, /^unknown api groups example\.com$/],
    [{ 'apps/v9': 'true' }, /^group version apps\/v9 that has not been registered$/],
    [{ apps: 'true' }, /^runtime-config invalid key apps$/],
    [{ 'a/b/c/d': 'true' }, /^runtime-config invalid key a\/b\/c\/d$/],
    [{ 'api/all': 'false' }, /^invalid key with only api\/all=false$/],
    [{ __proto__x: 'true' }, /invalid key/],
  ] as const)
    assert.throws(() => served(config), { code: 'RUNTIME_CONFIG_INVALID', message });
});
