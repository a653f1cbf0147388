import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin } from '../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Ingress, V1PersistentVolumeClaim, V1Pod, V1PodSpec } from '../../api/gen/types.ts';
import { ingressKind } from '../../api/networking/v1/ingress.ts';
import { ingressClassKind } from '../../api/networking/v1/ingress-class.ts';
import { runtimeClassKind } from '../../api/node/v1/runtime-class.ts';
import { storageClassKind } from '../../api/storage/v1/storage-class.ts';
import { createDefaultIngressClass } from './default-ingress-class.ts';
import { createDefaultStorageClass } from './default-storage-class.ts';
import { createPersistentVolumeClaimResize } from './persistent-volume-claim-resize.ts';
import { createPodTopologyLabels } from './pod-topology-labels.ts';
import { createRuntimeClass } from './runtime-class.ts';
import { createStorageObjectInUseProtection } from './storage-object-in-use-protection.ts';

const claim = (spec: object = {}, metadata: object = {}) => ({ metadata: { name: 'c', namespace: 'ns', ...metadata }, spec });

function storageClasses(...classes: { name: string; isDefault?: string; created?: string; allowVolumeExpansion?: boolean }[]) {
  const objects = new MemoryObjects();
  for (const { name, isDefault, created, allowVolumeExpansion } of classes)
    objects.put(storageClassKind, {
      metadata: {
        name,
        ...(created && { creationTimestamp: created }),
        ...(isDefault && { annotations: { [isDefault]: 'true' } }),
      },
      allowVolumeExpansion,
    });
  return objects;
}

const DEFAULT = 'storageclass.kubernetes.io/is-default-class';
const classGiven = async (objects: MemoryObjects, object: object) => {
  const admitted = await runPlugin(createDefaultStorageClass(objects), { kind: persistentVolumeClaimKind, object });
  return (admitted as unknown as V1PersistentVolumeClaim).spec!.storageClassName;
};

test('a claim that names no class gets the default one; of several, the newest', async () => {
  assert.equal(await classGiven(storageClasses({ name: 'a' }), claim()), undefined);
  assert.equal(await classGiven(storageClasses({ name: 'a' }, { name: 'b', isDefault: DEFAULT }), claim()), 'b');
  const several = storageClasses(
    { name: 'old', isDefault: DEFAULT, created: '2026-01-01T00:00:00Z' },
    { name: 'z', isDefault: 'storageclass.beta.kubernetes.io/is-default-class', created: '2026-01-02T00:00:00Z' },
    { name: 'y', isDefault: DEFAULT, created: '2026-01-02T00:00:00Z' },
  );
  assert.equal(await classGiven(several, claim()), 'y');
});

test('a claim that says which class, or that it wants none, is left alone', async () => {
  const objects = storageClasses({ name: 'b', isDefault: DEFAULT });
  assert.equal(await classGiven(objects, claim({ storageClassName: '' })), '');
  assert.equal(await classGiven(objects, claim({ storageClassName: 'x' })), 'x');
  assert.equal(
    await classGiven(objects, claim({}, { annotations: { 'volume.beta.kubernetes.io/storage-class': '' } })),
    undefined,
  );
});

test('volumes and claims get the finalizers that keep them while they are used', async () => {
  const plugin = createStorageObjectInUseProtection();
  const finalizers = async (kind: typeof persistentVolumeKind, metadata: object = {}) =>
    (await runPlugin(plugin, { kind, object: claim({}, metadata) }))!.metadata.finalizers;
  assert.deepEqual(await finalizers(persistentVolumeKind), ['kubernetes.io/pv-protection']);
  assert.deepEqual(await finalizers(persistentVolumeClaimKind, { finalizers: ['a'] }), ['a', 'kubernetes.io/pvc-protection']);
  const present = { finalizers: ['kubernetes.io/pvc-protection'] };
  assert.deepEqual(await finalizers(persistentVolumeClaimKind, present), present.finalizers);
});

for (const [what, before, after, why] of [
  ['is not bound', { phase: 'Pending' }, {}, 'Only bound persistent volume claims can be expanded'],
  [
    'has a class that cannot grow',
    {},
    { class: 'fixed' },
    /only dynamically provisioned pvc can be resized and the storageclass/,
  ],
  ['has no class', {}, { class: '' }, /only dynamically provisioned pvc can be resized/],
  ['has a class that can grow', {}, {}, undefined],
  ['does not grow', { phase: 'Pending' }, { size: '1Gi' }, undefined],
] as const) {
  test(`a claim that ${what} ${why ? 'cannot be made larger' : 'is let in'}`, async () => {
    const plugin = createPersistentVolumeClaimResize(
      storageClasses({ name: 'grows', allowVolumeExpansion: true }, { name: 'fixed' }),
    );
    const storageClassName = 'class' in after ? after.class : 'grows';
    const of = (storage: string, phase: string) => ({
      ...claim({ storageClassName, resources: { requests: { storage } } }),
      status: { phase },
    });
    const write = runPlugin(plugin, {
      kind: persistentVolumeClaimKind,
      oldObject: of('1Gi', 'phase' in before ? before.phase : 'Bound'),
      object: of('size' in after ? after.size : '2Gi', 'Bound'),
    });
    if (!why) await write;
    else
      await assert.rejects(write, typeof why === 'string' ? { message: `persistentvolumeclaims "c" is forbidden: ${why}` } : why);
  });
}

test('an Ingress that names no class, in neither way, gets the default one', async () => {
  const objects = new MemoryObjects();
  objects.put(ingressClassKind, {
    metadata: { name: 'nginx', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
  });
  const given = async (object: object) =>
    ((await runPlugin(createDefaultIngressClass(objects), { kind: ingressKind, object })) as unknown as V1Ingress).spec
      ?.ingressClassName;
  assert.equal(await given(claim()), 'nginx');
  assert.equal(await given(claim({ ingressClassName: 'own' })), 'own');
  assert.equal(await given(claim({}, { annotations: { 'kubernetes.io/ingress.class': 'old' } })), undefined);
});

function runtimeClasses(fields: object) {
  const objects = new MemoryObjects();
  objects.put(runtimeClassKind, { metadata: { name: 'sandbox' }, handler: 'h', ...fields });
  return async (spec: Partial<V1PodSpec>) => {
    const object = { metadata: { name: 'p', namespace: 'ns' }, spec: { containers: [], runtimeClassName: 'sandbox', ...spec } };
    return ((await runPlugin(createRuntimeClass(objects), { kind: podKind, object })) as unknown as V1Pod).spec!;
  };
}

test('a pod gets the overhead of its runtime class, and none of its own', async () => {
  const make = runtimeClasses({ overhead: { podFixed: { cpu: '100m' } } });
  assert.deepEqual((await make({})).overhead, { cpu: '100m' });
  assert.deepEqual((await make({ overhead: { cpu: '0.1' } })).overhead, { cpu: '100m' });
  await assert.rejects(make({ overhead: { cpu: '1' } }), {
    message: "pods \"p\" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
  });
  await assert.rejects(
    runtimeClasses({})({ overhead: { cpu: '1' } }),
    /pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead/,
  );
});

test('a pod is brought to the nodes that have its runtime class', async () => {
  const make = runtimeClasses({
    scheduling: {
      nodeSelector: { runtime: 'sandbox' },
      tolerations: [{ key: 'sandbox', operator: 'Exists', effect: 'NoSchedule' }],
    },
  });
  const spec = await make({
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'sandbox', operator: 'Equal', value: 'x', effect: 'NoSchedule' }],
  });
  assert.deepEqual(spec.nodeSelector, { disk: 'ssd', runtime: 'sandbox' });
  assert.deepEqual(spec.tolerations, [{ key: 'sandbox', operator: 'Exists', effect: 'NoSchedule' }]);
  await assert.rejects(
    make({ nodeSelector: { runtime: 'other' } }),
    /conflict: runtimeClass\.scheduling\.nodeSelector\[runtime\] = sandbox; pod\.spec\.nodeSelector\[runtime\] = other/,
  );
});

test('a runtime class that is not there is named', () =>
  assert.rejects(runtimeClasses({})({ runtimeClassName: 'x' }), {
    code: 403,
    message: 'pods "p" is forbidden: pod rejected: RuntimeClass "x" not found',
  }));

test('a pod that is put on a node carries the labels of its place, whatever it says itself', async () => {
  const objects = new MemoryObjects();
  const zone = 'topology.kubernetes.io/zone';
  objects.put(nodeKind, { metadata: { name: 'n', labels: { [zone]: 'z', other: 'x' } } });
  const plugin = createPodTopologyLabels(objects);
  const labels = async (object: object, subresource = '') =>
    (await runPlugin(plugin, { kind: podKind, subresource, object }))!.metadata.labels;
  assert.deepEqual(await labels({ metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } }, 'binding'), { [zone]: 'z' });
  const own = { name: 'p', labels: { [zone]: 'own', a: 'b' } };
  assert.deepEqual(await labels({ metadata: own, spec: { nodeName: 'n' } }), { [zone]: 'z', a: 'b' });
  assert.deepEqual(await labels({ metadata: own, target: { kind: 'Node', name: 'n' } }, 'binding'), { [zone]: 'z', a: 'b' });
  assert.deepEqual(await labels({ metadata: own, spec: { nodeName: 'gone' } }), { [zone]: 'own', a: 'b' });
  assert.equal(await labels({ metadata: { name: 'p' }, spec: {} }), undefined);
  assert.equal(await labels({ metadata: { name: 'p' }, target: { kind: 'Node', name: 'gone' } }, 'binding'), undefined);
});
