import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../api/gen/types.ts';
import { podResourceMetrics } from './pod-resource-metrics.ts';

const pod = (name: string, spec: object, phase = 'Running') =>
  ({ metadata: { name, namespace: 'a' }, spec: { schedulerName: 'default-scheduler', ...spec }, status: { phase } }) as V1Pod;

const resources = {
  requests: { cpu: '250m', memory: '64Mi', 'example.com/foo': '2', 'ephemeral-storage': '0' },
  limits: { 'hugepages-2Mi': '4Mi' },
};
const containers = [
  { name: 'c', image: 'i', resources },
  { name: 'd', image: 'i', resources: { requests: { cpu: '1' } } },
];

test('pods that have not ended show what they ask for and may use, with units; nothing of what is zero', () => {
  const text = podResourceMetrics([
    pod('one', { containers, nodeName: 'n', priority: 7, overhead: { cpu: '50m' } }),
    pod('ended', { containers, nodeName: 'n' }, 'Failed'),
    pod('nowhere', { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }] }, 'Failed'),
  ]);
  const who = 'namespace="a",pod="one",node="n",scheduler="default-scheduler",priority="7"';
  assert.deepEqual(
    text.split('\n').filter((line) => line && !line.startsWith('#')),
    [
      `kube_pod_resource_request{${who},resource="cpu",unit="cores"} 1.3`,
      `kube_pod_resource_request{${who},resource="memory",unit="bytes"} 67108864`,
      `kube_pod_resource_request{${who},resource="example.com/foo",unit=""} 2`,
      'kube_pod_resource_request{namespace="a",pod="nowhere",node="",scheduler="default-scheduler",priority="",resource="cpu",unit="cores"} 1',
      `kube_pod_resource_limit{${who},resource="hugepages-2Mi",unit="bytes"} 4194304`,
    ],
  );
});
