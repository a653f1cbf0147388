/** What is said of nodes, in which order, and what of them is dropped. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specimensOf } from '../../test-specimens.ts';
import { namespaceKind } from './namespace.ts';
import { nodeKind } from './node.ts';

const nodes = specimensOf(nodeKind);
const NOT_POSITIVE = 'must be greater than zero';

test('what is wrong with a new node is told in order: annotations, taints, amounts, swap, features, addresses of pods', () => {
  const told = nodes.complaints(
    {
      spec: { taints: [{ key: 'a', effect: '' }], podCIDRs: ['10.0.0.0/24', '10.0.0.0/24'] },
      status: {
        capacity: { pods: '1.5' },
        nodeInfo: { swap: { capacity: 0 } },
        declaredFeatures: ['b'],
        addresses: [
          { type: 'Hostname', address: 'a' },
          { type: 'Hostname', address: 'a' },
        ],
      },
    },
    { annotations: { 'scheduler.alpha.kubernetes.io/taints': '[{"key":"a"}]' } },
  );
  assert.deepEqual(
    told.map((text) => text.replace(/: invalid feature name.*/, '')),
    [
      'metadata.annotations.scheduler.alpha.kubernetes.io/taints[0].effect: Required value',
      'metadata.taints[0].effect: Required value',
      'status.capacity.pods: Invalid value: "1500m": must be an integer',
      'status.allocatable.pods: Invalid value: "1500m": must be an integer',
      `metadata.nodeSwapStatus.capacity: Invalid value: 0: ${NOT_POSITIVE}`,
      'status.declaredFeatures[0]: Invalid value: "b"',
      'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.0.0/24"]: may specify no more than one CIDR for each IP family',
    ],
  );
});

test('annotations from before there were fields are still read', () => {
  const of = (key: string, text: string) =>
    nodes.complaints({}, { annotations: { [`scheduler.alpha.kubernetes.io/${key}`]: text } });
  const controller = { controller: true, kind: 'ReplicaSet', name: 'r', uid: 'u', apiVersion: 'apps/v1' };
  const avoiding = (podController?: object) =>
    of('preferAvoidPods', JSON.stringify({ preferAvoidPods: [{ podSignature: { podController } }] }));
  assert.deepEqual(avoiding(controller), []);
  const at = 'metadata.annotations.scheduler.alpha.kubernetes.io/preferAvoidPods[0].PodSignature';
  assert.deepEqual(avoiding(), [`${at}: Required value`]);
  assert.deepEqual(avoiding({ ...controller, controller: false }), [
    `${at}.PodController.Controller: Invalid value: false: must point to a controller`,
  ]);
  assert.match(of('taints', '{')[0] ?? '', /^metadata\.annotations: Invalid value: "scheduler\.alpha\.kubernetes\.io\/taints": /);
  assert.match(of('preferAvoidPods', '[]')[0] ?? '', /^metadata\.annotations\.AvoidPods: Invalid value: /);
});

test('an address that a node has twice is told of only when it is written again, its swap only with the whole node', () => {
  const addresses = ['a', 'a'].map((address) => ({ type: 'Hostname', address }));
  const status = { addresses, nodeInfo: { swap: { capacity: -1 } } };
  const made = nodes.make({ status });
  const swap = `metadata.nodeSwapStatus.capacity: Invalid value: -1: ${NOT_POSITIVE}`;
  const twice = /^status\.addresses\[1\]: Duplicate value: /;
  assert.deepEqual(nodes.complaints({ status }), [swap]);
  const whole = nodes.refusals(made, made);
  assert.equal(whole[0], swap);
  assert.match(whole[1] ?? '', twice);
  const ofStatus = nodes.refusals(nodes.make({}), made, 'status');
  assert.equal(ofStatus.length, 1);
  assert.match(ofStatus[0] ?? '', twice);
});

test('each address for pods that a node is to lose is told of', () => {
  const of = (...podCIDRs: string[]) => nodes.make({ spec: { podCIDRs } });
  const refusal = 'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid';
  assert.deepEqual(nodes.refusals(of('10.0.0.0/24', 'fd00::/64'), of('10.0.1.0/24', 'fd01::/64')), [refusal, refusal]);
  assert.deepEqual(nodes.refusals(of('10.0.0.0/24'), of('10.0.0.0/24', 'fd00::/64')), [refusal]);
});

test('configuration by way of the API is gone: it does not come with a node, and what is there says what it lacks', () => {
  const configSource = { configMap: { namespace: 'n', name: 'c', kubeletConfigKey: 'k' } };
  assert.equal(
    JSON.stringify(nodes.created({ spec: { configSource }, status: { config: { active: configSource } } })).includes('onfig'),
    false,
  );
  const plain = nodes.make({});
  const withConfig = nodes.make({ spec: { configSource: { configMap: {} } }, status: { config: { active: { configMap: {} } } } });
  const update = structuredClone(withConfig);
  nodeKind.prepareForUpdate?.(update, plain, { nowMs: 0, user: { name: 'u', groups: [] } });
  assert.equal(JSON.stringify(update).includes('onfig'), false);
  assert.deepEqual(nodes.refusals(plain, withConfig, 'status'), [], 'and not with a status');
  const spec = 'spec.configSource.configMap';
  const active = 'status.config.active.configMap';
  assert.deepEqual(nodes.refusals(withConfig, withConfig), [
    ...['namespace', 'name', 'kubeletConfigKey'].map((field) => `${spec}.${field}: Required value`),
    ...['uid', 'resourceVersion', 'namespace', 'name', 'kubeletConfigKey'].map((field) => `${active}.${field}: Required value`),
  ]);
});

test('a namespace may wait for what garbage collection waits for', () => {
  const namespaces = specimensOf(namespaceKind);
  const of = (...finalizers: string[]) => namespaces.complaints({ spec: { finalizers } });
  assert.deepEqual(of('kubernetes', 'orphan', 'foregroundDeletion', 'a.example/b'), []);
  assert.deepEqual(of('other'), [
    'spec.finalizers: Invalid value: "other": name is neither a standard finalizer name nor is it fully qualified',
  ]);
});
