import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { extendedRequests, unmadeClaim } from './extended-requests.ts';

const GPU = 'example.com/gpu';
const NIC = 'deviceclass.resource.kubernetes.io/nics';
const CLASSES = new Map([
  [GPU, 'gpus'],
  [NIC, 'nics'],
]);
const container = (name: string, requests: Record<string, string>, restartPolicy?: string): V1Container => ({
  ...{ name, resources: { requests } },
  ...(restartPolicy && { restartPolicy }),
});
const pod = (containers: V1Container[], initContainers?: V1Container[]): V1Pod => ({
  metadata: { name: 'web', namespace: 'a', uid: 'web-uid' },
  spec: { containers, ...(initContainers && { initContainers }) },
});
/** `request: class x count`, and `container resource request`. */
function shown(asking: V1Pod, classes: ReadonlyMap<string, string> = CLASSES) {
  const { requests, mappings } = extendedRequests(asking, classes);
  return {
    requests: requests.map(({ name, exactly }) => `${name}: ${exactly?.deviceClassName} x ${exactly?.count}`),
    mappings: mappings.map(({ containerName, resourceName, requestName }) => `${containerName} ${resourceName} ${requestName}`),
  };
}

test('containers that run together have requests of their own, named by their places', () => {
  const containers = [container('a', { cpu: '1', [GPU]: '2', [NIC]: '1' }), container('b', { [GPU]: '1', memory: '1Gi' })];
  assert.deepEqual(shown(pod(containers)), {
    requests: ['container-0-request-1: nics x 1', 'container-0-request-2: gpus x 2', 'container-1-request-0: gpus x 1'],
    mappings: [`a ${NIC} container-0-request-1`, `a ${GPU} container-0-request-2`, `b ${GPU} container-1-request-0`],
  });
});

test('what has no class here, or of which nothing is wanted, is left out', () => {
  const containers = [container('a', { [GPU]: '0', [NIC]: '1' }), container('b', { [GPU]: '1' })];
  assert.deepEqual(shown(pod(containers), new Map([[GPU, 'gpus']])), {
    requests: ['container-1-request-0: gpus x 1'],
    mappings: [`b ${GPU} container-1-request-0`],
  });
});

test('init containers that end use what comes after them, and share what they need beyond that', () => {
  const init = [
    container('small', { [GPU]: '1' }),
    container('large', { [GPU]: '5' }),
    container('sidecar', { [GPU]: '1' }, 'Always'),
    container('larger', { [GPU]: '3' }),
  ];
  assert.deepEqual(shown(pod([container('main', { [GPU]: '1' })], init)), {
    requests: ['container-1-request-0: gpus x 3', 'container-2-request-0: gpus x 1', 'container-4-request-0: gpus x 1'],
    mappings: [
      `sidecar ${GPU} container-2-request-0`,
      `main ${GPU} container-4-request-0`,
      `small ${GPU} container-2-request-0`,
      `large ${GPU} container-2-request-0`,
      `large ${GPU} container-4-request-0`,
      `large ${GPU} container-1-request-0`,
      // A sidecar that started before it keeps its own.
      `larger ${GPU} container-4-request-0`,
      `larger ${GPU} container-1-request-0`,
    ],
  });
});

test("the claim is the pod's own, told from others by an annotation, and each time another until it is made", () => {
  const { requests } = extendedRequests(pod([container('a', { [GPU]: '1' })]), CLASSES);
  const { metadata, spec } = unmadeClaim(pod([]), requests);
  assert.equal(metadata?.generateName, 'web-extended-resources-');
  assert.deepEqual(metadata?.annotations, { 'resource.kubernetes.io/extended-resource-claim': 'true' });
  assert.deepEqual(metadata?.ownerReferences, [{ apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'web-uid', controller: true }]);
  assert.deepEqual(spec.devices?.requests, [
    { name: 'container-0-request-0', exactly: { deviceClassName: 'gpus', allocationMode: 'ExactCount', count: 1 } },
  ]);
  assert.notEqual(unmadeClaim(pod([]), requests).metadata?.uid, metadata?.uid);
});
