import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceV1ResourceClaim, V1DeviceClass, V1Pod } from '../gen/types.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { describeResourceList } from '../machinery/resource-list.ts';
import { evaluatorFor } from './evaluators.ts';
import { createResourceClaimEvaluator } from './resource-claim-evaluator.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const CLASSES = [
  { metadata: { name: 'gpu' }, spec: { extendedResourceName: 'example.com/gpu' } },
  { metadata: { name: 'nic' }, spec: {} },
] as V1DeviceClass[];
const POD: V1Pod = {
  metadata: { name: 'web', namespace: 'a', uid: 'web-uid' },
  spec: { containers: [{ name: 'c', resources: { requests: { 'example.com/gpu': '1' } } }] },
};
const claim = (name: string, count: number, more: object = {}): ResourceV1ResourceClaim => ({
  metadata: { name, namespace: 'a', ...more },
  spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu', count } }] } },
});
const owner = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'web-uid', controller: true };
const OF_POD = { annotations: { 'resource.kubernetes.io/extended-resource-claim': 'true' }, ownerReferences: [owner] };

function usage(object: ResourceV1ResourceClaim, { pod = POD, claims = [] as ResourceV1ResourceClaim[], classes = CLASSES } = {}) {
  const evaluator = createResourceClaimEvaluator({ deviceClasses: () => classes, pod: () => pod, claims: () => claims });
  return describeResourceList(evaluator.usage(object as unknown as DynamicObject, NOW)).replace(/^count.*?=1,/, '');
}
const DEVICES = 'gpu.deviceclass.resource.k8s.io/devices';
const IMPLICIT = 'requests.deviceclass.resource.kubernetes.io/gpu';

test('devices that are claimed count as the extended resource that they can be asked for as, by either name', () => {
  assert.equal(usage(claim('c', 2)), `${DEVICES}=2,${IMPLICIT}=2,requests.example.com/gpu=2`);
  assert.equal(usage(claim('c', 2), { classes: [] }), `${DEVICES}=2,${IMPLICIT}=2`);
});

test('what a pod is charged for is not charged again by the claim that stands for it', () => {
  const made = claim('made', 1, OF_POD);
  assert.equal(usage(made), `${DEVICES}=1,${IMPLICIT}=1`);
  assert.equal(usage(claim('made', 3, OF_POD)), `${DEVICES}=3,${IMPLICIT}=3,requests.example.com/gpu=2`);
  const whole = `${DEVICES}=1,${IMPLICIT}=1,requests.example.com/gpu=1`;
  assert.equal(usage(made, { pod: { ...POD, status: { phase: 'Succeeded' } } }), whole, 'a pod that has ended uses nothing');
  assert.equal(usage(made, { pod: { ...POD, metadata: { ...POD.metadata, uid: 'other' } } }), whole);
  const told = (resourceClaimName: string) => ({
    pod: { ...POD, status: { extendedResourceClaimStatus: { requestMappings: [], resourceClaimName } } },
  });
  assert.equal(usage(made, told('made')), `${DEVICES}=1,${IMPLICIT}=1`);
  assert.equal(usage(made, told('another')), whole, 'another claim stands for it');
  const earlier = claim('earlier', 1, { ...OF_POD, creationTimestamp: '2025-12-31T00:00:00Z' });
  assert.equal(usage(made, { claims: [earlier] }), whole, 'one that was there before stands for it');
  assert.equal(usage(earlier, { claims: [earlier, made] }), `${DEVICES}=1,${IMPLICIT}=1`);
  assert.equal(usage(claim('own', 1, { ownerReferences: [owner] })), whole, 'one of the user stands for nothing');
});

test('quotas on extended resources are about claims when a class has devices of that name', () => {
  const names = [
    ...['count/resourceclaims.resource.k8s.io', DEVICES, 'requests.example.com/gpu', 'requests.example.com/other'],
    ...['requests.deviceclass.resource.kubernetes.io/nic', 'requests.deviceclass.resource.kubernetes.io/none', 'pods'],
  ];
  const evaluator = createResourceClaimEvaluator({ deviceClasses: () => CLASSES, pod: () => undefined, claims: () => [] });
  assert.deepEqual(evaluator.matchingResources(names), [...names.slice(0, 3), names[4]]);
  const pods = evaluatorFor({ group: '', resource: 'pods' });
  assert.deepEqual(pods.matchingResources(names), names.slice(2));
  const asking = { ...POD, spec: { containers: [{ name: 'c', resources: { requests: { [IMPLICIT.slice(9)]: '2' } } }] } };
  assert.match(describeResourceList(pods.usage(asking as unknown as DynamicObject, NOW)), new RegExp(`${IMPLICIT}=2`));
});
