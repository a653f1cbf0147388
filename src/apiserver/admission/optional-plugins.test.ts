import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin } from '../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { eventKind } from '../../api/core/v1/event.ts';
import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { denyServiceExternalIps } from './deny-service-external-ips.ts';
import { createEventRateLimit } from './event-rate-limit.ts';
import { extendedResourceToleration } from './extended-resource-toleration.ts';
import { alwaysPullImages } from './fixed-answers.ts';
import { limitPodHardAntiAffinityTopology } from './limit-pod-hard-anti-affinity-topology.ts';
import { createNamespaceAutoProvision, createNamespaceExists } from './namespace-exists.ts';
import { createPodNodeSelector } from './pod-node-selector.ts';

const metadata = { name: 'p', namespace: 'ns' };
const pod = (spec: object = {}) => ({ metadata, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } });

test('NamespaceExists refuses what would be in a namespace that is not there', async () => {
  const objects = new MemoryObjects();
  const write = () => runPlugin(createNamespaceExists(objects), { kind: configMapKind, object: { metadata } });
  await assert.rejects(write(), { code: 404, message: 'namespaces "ns" not found' });
  objects.put(namespaceKind, { metadata: { name: 'ns' } });
  await write();
});

test('NamespaceAutoProvision makes it, and not for a dry run', async () => {
  const objects = new MemoryObjects();
  const write = (dryRun: boolean) =>
    runPlugin(createNamespaceAutoProvision(objects, objects), { kind: configMapKind, object: { metadata }, dryRun });
  await write(true);
  assert.deepEqual(objects.writes, []);
  await write(false);
  await write(false);
  assert.deepEqual(objects.writes, ['create namespaces/ns']);
});

test('AlwaysPullImages holds for every image, and for updates with a new one', async () => {
  const policies = async (write: object) => {
    const { spec } = (await runPlugin(alwaysPullImages, { kind: podKind, ...write })) as unknown as V1Pod;
    return [spec!.containers[0]!.imagePullPolicy, spec!.volumes?.[0]?.image?.pullPolicy];
  };
  const volumes = [{ name: 'v', image: { reference: 'r' } }];
  assert.deepEqual(await policies({ object: pod({ volumes }) }), ['Always', 'Always']);
  assert.deepEqual(await policies({ object: pod({ volumes }), oldObject: pod({ volumes }) }), [undefined, undefined]);
  assert.deepEqual(await policies({ object: pod({ containers: [{ name: 'c', image: 'new' }] }), oldObject: pod() }), [
    'Always',
    undefined,
  ]);
});

test('PodNodeSelector keeps pods to their namespace\u2019s nodes', async () => {
  const objects = new MemoryObjects();
  objects.put(namespaceKind, {
    metadata: { name: 'ns', annotations: { 'scheduler.alpha.kubernetes.io/node-selector': 'env=prod' } },
  });
  objects.put(namespaceKind, { metadata: { name: 'plain' } });
  const plugin = createPodNodeSelector(objects, { clusterDefaultNodeSelector: 'env=test', plain: 'env=test,disk=ssd' });
  const selector = async (namespace: string, nodeSelector?: object) => {
    const object = { metadata: { name: 'p', namespace }, spec: { containers: [], ...(nodeSelector && { nodeSelector }) } };
    return ((await runPlugin(plugin, { kind: podKind, object })) as unknown as V1Pod).spec!.nodeSelector;
  };
  assert.deepEqual(await selector('ns', { disk: 'hdd' }), { env: 'prod', disk: 'hdd' });
  assert.deepEqual(await selector('plain'), { env: 'test' });
  await assert.rejects(selector('ns', { env: 'x' }), /pod node label selector conflicts with its namespace node label selector/);
  await assert.rejects(
    selector('plain', { disk: 'hdd' }),
    /pod node label selector labels conflict with its namespace whitelist/,
  );
  await assert.rejects(selector('gone'), { code: 404 });
});

test('ExtendedResourceToleration lets pods onto nodes kept for what they ask for', async () => {
  const containers = [{ name: 'c', resources: { requests: { 'example.com/gpu': '1', cpu: '1' } } }];
  const made = (await runPlugin(extendedResourceToleration, { kind: podKind, object: pod({ containers }) })) as unknown as V1Pod;
  assert.deepEqual(made.spec!.tolerations, [{ key: 'example.com/gpu', operator: 'Exists' }]);
});

test('LimitPodHardAntiAffinityTopology lets pods keep others off their node only', async () => {
  const write = (topologyKey: string) =>
    runPlugin(limitPodHardAntiAffinityTopology, {
      kind: podKind,
      object: pod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey }] } } }),
    });
  await write('kubernetes.io/hostname');
  await assert.rejects(write('zone'), /has TopologyKey zone but only key kubernetes\.io\/hostname is allowed/);
});

test('DenyServiceExternalIPs lets services keep and lose addresses', async () => {
  const service = (...externalIPs: string[]) => ({ metadata, spec: { externalIPs } });
  const write = (object: object, oldObject?: object) =>
    runPlugin(denyServiceExternalIps, { kind: serviceKind, object, ...(oldObject && { oldObject }) });
  await write(service());
  await write(service('1.1.1.1'), service('1.1.1.1', '2.2.2.2'));
  await assert.rejects(write(service('3.3.3.3'), service('1.1.1.1')), /Use of external IPs is denied by admission control\./);
});

test('EventRateLimit lets bursts in and then a few a second', async () => {
  const clock = new VirtualClock(0);
  const plugin = createEventRateLimit([{ type: 'Namespace', qps: 1, burst: 2, cacheSize: 2 }], clock);
  const write = (namespace: string) => runPlugin(plugin, { kind: eventKind, object: { metadata: { name: 'e', namespace } } });
  await write('ns');
  await write('ns');
  await assert.rejects(write('ns'), { code: 429, message: 'Too many requests: limit reached on type Namespace for key ns' });
  await write('other');
  await clock.advance(1000);
  await write('ns');
  await assert.rejects(write('ns'), { code: 429 });
  await write('other');
  await write('third');
  await write('ns'); // forgotten meanwhile
});
