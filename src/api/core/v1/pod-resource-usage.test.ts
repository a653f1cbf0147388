import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1PodStatus } from '../../gen/types.ts';
import { formatResourceList } from '../../machinery/resource-list.ts';
import { podLimits, podRequests } from './pod-resource-usage.ts';

const ofCpu = (cpu: string) => ({ requests: { cpu }, limits: { cpu } });
const pod = (asked: string, status: V1PodStatus, overhead?: string): V1Pod => ({
  spec: { resources: ofCpu(asked), containers: [{ name: 'c' }], ...(overhead && { overhead: { cpu: overhead } }) },
  status,
});
const requests = (of: V1Pod) => formatResourceList(podRequests(of, { fromStatus: true }))['cpu'];
const limits = (of: V1Pod) => formatResourceList(podLimits(of, { fromStatus: true }))['cpu'];

test('of a pod that is resized as a whole the most counts of what it asks for, was given and has', () => {
  const told = (given: string, has: string): V1PodStatus => ({ allocatedResources: { cpu: given }, resources: ofCpu(has) });
  assert.equal(requests(pod('2', {})), '2');
  assert.equal(requests(pod('2', told('1', '1'))), '2');
  assert.equal(requests(pod('1', told('2', '1'))), '2');
  assert.equal(requests(pod('1', told('1', '2'))), '2');
  assert.equal(limits(pod('1', told('1', '2'))), '2');
  assert.equal(limits(pod('3', told('1', '2'))), '3');
  assert.equal(formatResourceList(podRequests(pod('1', told('2', '2'))))['cpu'], '1');
});

test('a resize that never fits counts for nothing', () => {
  const conditions = [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }];
  assert.equal(requests(pod('9', { conditions, allocatedResources: { cpu: '1' }, resources: ofCpu('1') })), '1');
});

test('what running a pod costs by itself counts once', () => {
  assert.equal(requests(pod('2', { allocatedResources: { cpu: '3' }, resources: ofCpu('2') }, '1')), '3');
});

test('what a pod was given counts by its containers where it asks for nothing as a whole', () => {
  const spec = { containers: [{ name: 'c', resources: ofCpu('1') }] };
  assert.equal(requests({ spec, status: { allocatedResources: { cpu: '5' } } }), '1');
});
