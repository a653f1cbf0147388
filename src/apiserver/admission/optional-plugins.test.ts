import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin, writeOf } from '../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { deploymentKind } from '../../api/apps/v1/deployment.ts';
import { cronJobKind } from '../../api/batch/v1/cron-job.ts';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { eventKind } from '../../api/core/v1/event.ts';
import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { OwnerReference } from '../../api/machinery/object.ts';
import { VirtualClock } from '../../std/clock.ts';
import type { AuthorizationAttributes } from '../contracts.ts';
import { ChangingKinds } from '../kinds/kind-registry.ts';
import { denyServiceExternalIps } from './deny-service-external-ips.ts';
import { createEventRateLimit } from './event-rate-limit.ts';
import { extendedResourceToleration } from './extended-resource-toleration.ts';
import { alwaysDeny, alwaysPullImages } from './fixed-answers.ts';
import { limitPodHardAntiAffinityTopology } from './limit-pod-hard-anti-affinity-topology.ts';
import { createNamespaceAutoProvision, createNamespaceExists } from './namespace-exists.ts';
import { createOwnerReferencesPermissionEnforcement } from './owner-references-permission.ts';
import { createPodNodeSelector } from './pod-node-selector.ts';
import { createPodTolerationRestriction } from './pod-toleration-restriction.ts';
import { denyPrivilegedContainers } from './privileged-containers.ts';

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
  objects.create = () => Promise.reject(new Error('no such name'));
  const object = { metadata: { name: 'p', namespace: 'N_' } };
  await assert.rejects(runPlugin(createNamespaceAutoProvision(objects, objects), { kind: configMapKind, object }), {
    code: 403,
    message: 'configmaps "p" is forbidden: no such name',
  });
});

test('AlwaysDeny refuses at once, by the name that there is', async () => {
  for (const [metadata, name] of [
    [{ name: 'p', generateName: 'q-' }, 'p'],
    [{ generateName: 'q-' }, 'q-'],
    [{}, 'Unknown'],
  ] as const)
    await assert.rejects(alwaysDeny.admit!(writeOf({ kind: podKind, object: { metadata } })), {
      code: 403,
      message: `pods "${name}" is forbidden: admission control is denying all modifications`,
    });
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
  await assert.rejects(selector('gone'), { code: 500, message: 'Internal error occurred: namespace gone does not exist' });
});

test('PodNodeSelector reads pairs only, and says what is none as upstream', async () => {
  const selectorOf = async (text: string, metadata: object = { name: 'p' }, allowed = '') => {
    const objects = new MemoryObjects();
    const annotations = { 'scheduler.alpha.kubernetes.io/node-selector': text };
    objects.put(namespaceKind, { metadata: { name: 'ns', annotations } });
    const object = { metadata: { ...metadata, namespace: 'ns' }, spec: { containers: [] } };
    const plugin = createPodNodeSelector(objects, { ns: allowed });
    const attributes = writeOf({ kind: podKind, object });
    await plugin.admit!(attributes);
    return (attributes.object as unknown as V1Pod).spec!.nodeSelector;
  };
  assert.equal(await selectorOf(''), undefined);
  assert.deepEqual(await selectorOf(' a = b , c='), { a: 'b', c: '' });
  assert.deepEqual(await selectorOf('a=b,a=c'), { a: 'c' });
  for (const [text, why] of [
    ['a==b', 'invalid selector: [a  b]'],
    ['a', 'invalid selector: [a]'],
    ['a=b,', 'invalid selector: []'],
    ['a in (b)', 'invalid selector: [a in (b)]'],
  ] as const)
    await assert.rejects(selectorOf(text), { code: 500, message: why }, text);
  await assert.rejects(selectorOf('a!=b'), { code: 500, message: /^<nil>: Invalid value: "a!": name part must consist of/ });
  await assert.rejects(selectorOf('a=-'), { code: 500, message: /^\[a\]: Invalid value: "-": a valid label must be/ });
  // Upstream knows no name yet, and holds the pod to the whitelist at once.
  await assert.rejects(selectorOf('a=b', { generateName: 'p-' }, 'a=c'), {
    code: 403,
    message: 'pods is forbidden: pod node label selector labels conflict with its namespace whitelist',
  });
});

test('PodTolerationRestriction gives pods what their namespace tolerates and keeps them to its whitelist', async () => {
  const objects = new MemoryObjects();
  const dedicated = { key: 'dedicated', operator: 'Equal', value: 'a', effect: 'NoSchedule' };
  const spot = { key: 'spot', operator: 'Exists' };
  const annotate = (name: string, annotations: Record<string, string>) =>
    objects.put(namespaceKind, { metadata: { name, annotations } });
  const [defaults, whitelist] = ['defaultTolerations', 'tolerationsWhitelist'].map(
    (key) => `scheduler.alpha.kubernetes.io/${key}`,
  );
  annotate('ns', { [defaults!]: JSON.stringify([dedicated]), [whitelist!]: JSON.stringify([dedicated]) });
  annotate('open', { [defaults!]: '', [whitelist!]: '[]' });
  annotate('wide', { [defaults!]: JSON.stringify([dedicated]), [whitelist!]: '[]' });
  annotate('plain', {});
  const plugin = createPodTolerationRestriction(objects, { default: [spot], whitelist: [spot] });
  const tolerations = async (namespace: string, spec: object = {}, oldObject?: object) => {
    const object = { metadata: { name: 'p', namespace }, spec: { containers: [{ name: 'c' }], ...spec } };
    const write = { kind: podKind, object, ...(oldObject && { oldObject }) };
    return ((await runPlugin(plugin, write)) as unknown as V1Pod).spec!.tolerations;
  };
  assert.deepEqual(await tolerations('ns'), [dedicated]);
  assert.deepEqual(await tolerations('open', { tolerations: [spot, dedicated] }), [spot, dedicated]);
  assert.deepEqual(await tolerations('plain'), [spot]);
  assert.deepEqual(await tolerations('plain', { tolerations: [{ ...spot, effect: 'NoSchedule' }] }), [spot]);
  const batch = { key: 'dedicated', operator: 'Equal', value: 'batch', effect: 'NoExecute' };
  assert.deepEqual(await tolerations('wide', { tolerations: [batch] }), [batch, dedicated], 'its own come first');
  assert.equal(await tolerations('plain', {}, pod()), undefined);
  const requests = { containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }] };
  assert.deepEqual(await tolerations('open', requests), [
    { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  ]);
  const conflict = 'pod tolerations (possibly merged with namespace default tolerations) conflict with its';
  await assert.rejects(tolerations('ns', { tolerations: [spot] }), { code: 500, message: `${conflict} namespace whitelist` });
  await assert.rejects(tolerations('plain', { tolerations: [dedicated] }), {
    code: 500,
    message: `${conflict} cluster whitelist`,
  });
  await assert.rejects(tolerations('gone'), { code: 404 });
});

test('OwnerReferencesPermissionEnforcement wants that who names an owner may delete the object and hold the owner back', async () => {
  const asked: string[] = [];
  let allowed: readonly string[] = [];
  const authorize = async ({ verb, resource, subresource, namespace, name }: AuthorizationAttributes) => {
    const what = `${verb} ${[resource, subresource].filter(Boolean).join('/')} ${namespace}/${name}`;
    asked.push(what);
    return { decision: allowed.includes(what) ? 'allow' : 'no-opinion', reason: '' } as const;
  };
  const kinds = new ChangingKinds([configMapKind, podKind, namespaceKind]);
  const plugin = createOwnerReferencesPermissionEnforcement({ authorizer: { authorize }, kinds });
  const owned = (...ownerReferences: Partial<OwnerReference>[]) => ({
    metadata: {
      ...metadata,
      ownerReferences: ownerReferences.map((owner) => ({ apiVersion: 'v1', kind: 'ConfigMap', ...owner })),
    },
  });
  const write = async (object: object, oldObject?: object, subresource = '') => {
    asked.length = 0;
    await runPlugin(plugin, { kind: podKind, object, subresource, ...(oldObject && { oldObject }) });
    return [...asked];
  };
  const [plain, blocking] = [
    { name: 'o', uid: 'u' },
    { name: 'o', uid: 'u', blockOwnerDeletion: true },
  ];
  assert.deepEqual(await write(owned(plain)), [], 'a new object may have any owner');
  assert.deepEqual(await write(owned(blocking), owned(blocking)), []);
  assert.deepEqual(await write(owned(plain), owned(), 'status'), []);
  await assert.rejects(write(owned(plain), owned()), {
    code: 403,
    message: `pods "p" is forbidden: cannot set an ownerRef on a resource you can't delete: , <nil>`,
  });
  const unblockable =
    /cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>$/;
  await assert.rejects(write(owned(blocking)), unblockable);
  allowed = ['delete pods ns/p'];
  assert.deepEqual(await write(owned(), owned(plain)), allowed);
  await assert.rejects(write(owned(blocking), owned(plain)), unblockable);
  allowed = ['delete pods ns/p', 'update configmaps/finalizers ns/o', 'update namespaces/finalizers /o'];
  assert.deepEqual(await write(owned(blocking), owned(plain)), allowed.slice(0, 2));
  assert.deepEqual(await write(owned({ ...blocking, kind: 'Namespace' })), allowed.slice(2));
  await assert.rejects(
    write(owned({ ...blocking, apiVersion: 'a.b/v1', kind: 'X' })),
    /no matches for kind "X" in version "a.b\/v1"$/,
  );
});

test('ExtendedResourceToleration lets pods onto nodes kept for what they ask for, whatever else they tolerate', async () => {
  const containers = [{ name: 'c', resources: { requests: { 'example.com/gpu': '1', 'a.b/x': '1', cpu: '1' } } }];
  const tolerations = async (...own: object[]) => {
    const object = pod({ containers, tolerations: own });
    return ((await runPlugin(extendedResourceToleration, { kind: podKind, object })) as unknown as V1Pod).spec!.tolerations;
  };
  const [x, gpu] = ['a.b/x', 'example.com/gpu'].map((key) => ({ key, operator: 'Exists', effect: 'NoSchedule' }));
  assert.deepEqual(await tolerations(), [x, gpu]);
  assert.deepEqual(await tolerations(gpu!), [gpu, x]);
  assert.deepEqual(await tolerations({ operator: 'Exists' }), [{ operator: 'Exists' }, x, gpu]);
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

test('EventRateLimit tells every limit that is reached', async () => {
  const limit = { qps: 1, burst: 1, cacheSize: 2 };
  const plugin = createEventRateLimit(
    [
      { type: 'Server', ...limit },
      { type: 'Namespace', ...limit },
    ],
    new VirtualClock(0),
  );
  const write = () => runPlugin(plugin, { kind: eventKind, object: { metadata: { name: 'e', namespace: 'ns' } } });
  await write();
  const message = 'Too many requests: [limit reached on type Server for key , limit reached on type Namespace for key ns]';
  await assert.rejects(write(), { code: 429, message });
});

test('without --allow-privileged no container is privileged, of a pod or of what makes pods', async () => {
  const spec = { containers: [{ name: 'c' }], initContainers: [{ name: 'i', securityContext: { privileged: true } }] };
  const refused = (kind: KindDefinition, object: object, path: string) =>
    assert.rejects(runPlugin(denyPrivilegedContainers, { kind, object: { metadata: { name: 'x' }, ...object } }), {
      message: `${kind.kind}${kind.group && `.${kind.group}`} "x" is invalid: ${path}: Forbidden: disallowed by cluster policy`,
    });
  await refused(podKind, { spec }, 'spec.initContainers[0].securityContext.privileged');
  const path = 'template.spec.initContainers[0].securityContext.privileged';
  await refused(deploymentKind, { spec: { template: { spec } } }, `spec.${path}`);
  await refused(cronJobKind, { spec: { jobTemplate: { spec: { template: { spec } } } } }, `spec.jobTemplate.spec.${path}`);
  await runPlugin(denyPrivilegedContainers, { kind: podKind, object: { metadata: {}, spec: { containers: [{ name: 'c' }] } } });
  await runPlugin(denyPrivilegedContainers, { kind: cronJobKind, object: { metadata: {} } });
});
