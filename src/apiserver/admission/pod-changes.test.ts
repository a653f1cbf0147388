import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin } from '../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { StatusError } from '../../api/machinery/status-error.ts';
import { createNodeDeclaredFeatureValidator } from './node-declared-features.ts';
import { createPodResizeValidator } from './pod-resize-validator.ts';

function withNode(status: object, labels: Record<string, string> = { 'kubernetes.io/os': 'linux' }): MemoryObjects {
  const objects = new MemoryObjects();
  objects.put(nodeKind, { metadata: { name: 'n', labels }, status: { allocatable: { cpu: '2', memory: '1Gi' }, ...status } });
  return objects;
}

const pod = (generation: number, requests: object, more: object = {}) => ({
  metadata: { name: 'p', namespace: 'ns', generation },
  spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i', resources: { requests } }], ...more },
});
const small = { cpu: '1', memory: '64Mi' };

test('a pod does not grow beyond its node', async () => {
  const objects = withNode({});
  const resize = (object: object, subresource = 'resize', from = pod(1, small)) =>
    runPlugin(createPodResizeValidator(objects), { kind: podKind, subresource, object, oldObject: from });
  const forbidden = (why: string, reason?: string) => (error: StatusError) => {
    const { code, message, details } = error.status;
    assert.deepEqual([code, message, details?.causes], [403, `pods "p" is forbidden: ${why}`, reason && [{ reason }]]);
    return true;
  };
  await resize(pod(2, { cpu: '2', memory: '1Gi' }));
  await assert.rejects(
    resize(pod(2, { cpu: '2500m', memory: '2Gi' })),
    forbidden(
      "Node didn't have enough allocatable resources: cpu, requested: 2500, allocatable: 2000; memory, requested: 2147483648, allocatable: 1073741824",
      'NodeCapacity',
    ),
  );
  await resize(pod(2, { cpu: '3' }, { nodeName: undefined }));
  await resize(pod(1, { cpu: '3' }));
  await resize(pod(2, { cpu: '3' }), '');
  await assert.rejects(resize(pod(2, small, { nodeName: 'gone' })), forbidden('node "gone" not found'));
  objects.put(nodeKind, { metadata: { name: 'n' }, status: { allocatable: { cpu: '2', memory: '1Gi' } } });
  await assert.rejects(
    resize(pod(2, small)),
    forbidden('pod resize is only supported on linux nodes, node "n" is ""', 'UnsupportedPlatform'),
  );
});

test('a pod is changed only in ways that its node has said it knows', async () => {
  const change = (objects: MemoryObjects, object: object, oldObject: object, subresource = 'resize') =>
    runPlugin(createNodeDeclaredFeatureValidator(objects), { kind: podKind, subresource, object, oldObject });
  const [before, after] = [1, 2].map((n) =>
    pod(
      n,
      {},
      { resources: { requests: { cpu: `${n}` } }, initContainers: [{ name: 'i', resources: { requests: { cpu: `${n}` } } }] },
    ),
  ) as [object, object];
  await assert.rejects(change(withNode({}), after, before), {
    message:
      'pods "p" is forbidden: pod update requires features InPlacePodLevelResourcesVerticalScaling, InPlacePodVerticalScalingInitContainers which are not available on node "n"',
  });
  const some = withNode({ declaredFeatures: ['InPlacePodLevelResourcesVerticalScaling', 'Other'] });
  await assert.rejects(change(some, after, before, ''), /requires features InPlacePodVerticalScalingInitContainers which/);
  await change(some, pod(2, {}, { resources: { limits: { cpu: '1' } } }), pod(1, {}));
  await change(some, after, before, 'status');
  const sidecar = (n: number) =>
    pod(n, {}, { initContainers: [{ name: 'i', restartPolicy: 'Always', resources: { requests: { cpu: `${n}` } } }] });
  await change(withNode({}), sidecar(2), sidecar(1));
  await assert.rejects(change(new MemoryObjects(), after, before), { message: 'pods "p" is forbidden: node "n" not found' });
});
