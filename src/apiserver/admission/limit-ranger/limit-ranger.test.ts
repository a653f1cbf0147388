import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin } from '../../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../../test/harness/memory-objects.ts';
import { limitRangeKind } from '../../../api/core/v1/limit-range.ts';
import { persistentVolumeClaimKind } from '../../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../../api/core/v1/pod.ts';
import type { V1LimitRangeItem, V1Pod } from '../../../api/gen/types.ts';
import { createLimitRanger } from './limit-ranger.ts';

function ranger(...limits: V1LimitRangeItem[]) {
  const objects = new MemoryObjects();
  objects.put(limitRangeKind, { metadata: { name: 'l', namespace: 'ns' }, spec: { limits } });
  objects.put(limitRangeKind, {
    metadata: { name: 'l', namespace: 'elsewhere' },
    spec: { limits: [{ type: 'Pod', max: { cpu: '0' } }] },
  });
  return createLimitRanger(objects);
}

type Resources = { requests?: Record<string, string>; limits?: Record<string, string> };
const pod = (...resources: Resources[]) => ({
  metadata: { name: 'p', namespace: 'ns' },
  spec: { containers: resources.map((each, i) => ({ name: `c${i}`, resources: each })) },
});
const admit = async (plugin: ReturnType<typeof ranger>, object: object) =>
  (await runPlugin(plugin, { kind: podKind, object })) as unknown as V1Pod;
const refused = (plugin: ReturnType<typeof ranger>, object: object, why: string) =>
  assert.rejects(admit(plugin, object), { code: 403, message: `pods "p" is forbidden: ${why}` });

test('containers are given what they lack, and an annotation says so', async () => {
  const item = { type: 'Container', default: { cpu: '500m', memory: '1Gi' }, defaultRequest: { cpu: '100m', memory: '1Gi' } };
  const object = { ...pod({}, { requests: { cpu: '1' }, limits: { cpu: '2', memory: '2Gi' } }) };
  const made = await admit(ranger(item), {
    ...object,
    spec: { ...object.spec, initContainers: [{ name: 'i', resources: { requests: { cpu: '1m', memory: '1Mi' } } }] },
  });
  assert.deepEqual(
    made.spec!.containers.map(({ resources }) => resources),
    [
      { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '500m', memory: '1Gi' } },
      { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '2', memory: '2Gi' } },
    ],
  );
  assert.equal(
    made.metadata!.annotations!['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu, memory request for container c0; cpu, memory limit for container c0; memory request for container c1; cpu, memory limit for init container i',
  );
});

test('a pod that lacks nothing is left as it is', async () => {
  const object = pod({ limits: { cpu: '1' } });
  assert.deepEqual(await admit(ranger({ type: 'Container', default: { cpu: '2' } }), object), object);
});

for (const [what, item, resources, why] of [
  [
    'too little',
    { type: 'Container', min: { cpu: '100m' } },
    { requests: { cpu: '50m' } },
    'minimum cpu usage per Container is 100m, but request is 50m',
  ],
  [
    'a limit too small',
    { type: 'Container', min: { cpu: '100m' } },
    { requests: { cpu: '100m' }, limits: { cpu: '10m' } },
    'minimum cpu usage per Container is 100m, but limit is 10m',
  ],
  [
    'no request',
    { type: 'Container', min: { cpu: '100m' } },
    {},
    'minimum cpu usage per Container is 100m.  No request is specified',
  ],
  [
    'too much',
    { type: 'Container', max: { memory: '1Gi' } },
    { limits: { memory: '2Gi' } },
    'maximum memory usage per Container is 1Gi, but limit is 2Gi',
  ],
  [
    'no limit',
    { type: 'Container', max: { memory: '1Gi' } },
    {},
    'maximum memory usage per Container is 1Gi.  No limit is specified',
  ],
  [
    'a request too large',
    { type: 'Pod', max: { cpu: '1' } },
    { requests: { cpu: '3' }, limits: { cpu: '1' } },
    'maximum cpu usage per Pod is 1, but request is 3',
  ],
  [
    'too large a ratio',
    { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
    { requests: { cpu: '3' }, limits: { cpu: '10' } },
    'cpu max limit to request ratio per Container is 2, but provided ratio is 3.333333',
  ],
  [
    'no request for a ratio',
    { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
    { limits: { cpu: '1' } },
    'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
  ],
  [
    'no limit for a ratio',
    { type: 'Pod', maxLimitRequestRatio: { cpu: '2' } },
    { requests: { cpu: '1' } },
    'cpu max limit to request ratio per Pod is 2, but no limit is specified or limit is 0',
  ],
] as const) {
  test(`a container with ${what} is refused in upstream\u2019s words`, () => refused(ranger(item), pod(resources), why));
}

test('everything that is wrong is told, once', async () => {
  const item = { type: 'Container', min: { cpu: '100m' }, max: { cpu: '1' } };
  await refused(
    ranger(item),
    pod({}, {}),
    '[minimum cpu usage per Container is 100m.  No request is specified, maximum cpu usage per Container is 1.  No limit is specified]',
  );
});

test('a whole pod is measured by its containers together', () =>
  refused(
    ranger({ type: 'Pod', max: { cpu: '1' } }),
    pod({ limits: { cpu: '600m' } }, { limits: { cpu: '600m' } }),
    'maximum cpu usage per Pod is 1, but limit is 1200m',
  ));

test('a resize is held to what it changes only', async () => {
  const plugin = ranger({ type: 'Container', min: { memory: '1Gi' }, max: { cpu: '1' } });
  const before = pod({ requests: { memory: '1Mi' }, limits: { cpu: '1' } });
  const write = (resources: Resources) =>
    runPlugin(plugin, { kind: podKind, subresource: 'resize', oldObject: before, object: pod(resources) });
  await write({ requests: { memory: '1Mi' }, limits: { cpu: '500m' } });
  await assert.rejects(
    write({ requests: { memory: '1Mi' }, limits: { cpu: '2' } }),
    /maximum cpu usage per Container is 1, but limit is 2/,
  );
});

const claim = (storage?: string) => ({
  metadata: { name: 'c', namespace: 'ns' },
  spec: { resources: { requests: storage === undefined ? {} : { storage } } },
});

test('claims ask for neither too little nor too much storage', async () => {
  const plugin = ranger({ type: 'PersistentVolumeClaim', min: { storage: '2Gi' }, max: { storage: '10Gi' } });
  const make = (storage?: string, was?: string) =>
    runPlugin(plugin, { kind: persistentVolumeClaimKind, object: claim(storage), ...(was && { oldObject: claim(was) }) });
  await make('2Gi');
  await assert.rejects(make('1Gi'), {
    message:
      'persistentvolumeclaims "c" is forbidden: minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi',
  });
  await assert.rejects(make('11Gi'), /maximum storage usage per PersistentVolumeClaim is 10Gi, but request is 11Gi/);
  await assert.rejects(make(), /No request is specified/);
  await make('1Gi', '1Gi');
  await assert.rejects(make('20Gi', '1Gi'), /but request is 20Gi/);
});

test('what is being deleted is not held up', async () => {
  const plugin = ranger({ type: 'PersistentVolumeClaim', max: { storage: '1Gi' } });
  const oldObject = { ...claim('1Gi'), metadata: { name: 'c', namespace: 'ns', deletionTimestamp: '2026-01-01T00:00:00Z' } };
  await runPlugin(plugin, { kind: persistentVolumeClaimKind, object: claim('5Gi'), oldObject });
});
