import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin } from '../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { V1Node, V1Pod, V1PodSpec } from '../../api/gen/types.ts';
import { priorityClassKind } from '../../api/scheduling/v1/priority-class.ts';
import { VirtualClock } from '../../std/clock.ts';
import type { AdmissionPlugin } from '../contracts.ts';
import { createDefaultTolerationSeconds } from './default-toleration-seconds.ts';
import { createPriority } from './priority.ts';
import { createServiceAccountAdmission } from './service-account.ts';
import { createTaintNodesByCondition } from './taint-nodes-by-condition.ts';

const CONTAINERS = [{ name: 'c', image: 'i' }];
const MIRROR = { 'kubernetes.io/config.mirror': 'x' };
const pod = (spec: Partial<V1PodSpec> = {}, annotations?: Record<string, string>) => ({
  metadata: { name: 'p', namespace: 'ns', ...(annotations && { annotations }) },
  spec: { containers: CONTAINERS, ...spec },
});
const admit = async (plugin: AdmissionPlugin, object: object) =>
  ((await runPlugin(plugin, { kind: podKind, object })) as unknown as V1Pod).spec!;

function accounts(fields: object = {}, name = 'default') {
  const objects = new MemoryObjects();
  objects.put(serviceAccountKind, { metadata: { name, namespace: 'ns' }, ...fields });
  return createServiceAccountAdmission({ reader: objects, random: () => 0, clock: new VirtualClock(0) });
}

test('a pod gets the account "default", and its token, CA and namespace mounted', async () => {
  const spec = await admit(accounts(), pod({ initContainers: [{ name: 'i' }] }));
  assert.equal(spec.serviceAccountName, 'default');
  assert.equal(spec.serviceAccount, 'default');
  const mount = { name: 'kube-api-access-bbbbb', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
  assert.deepEqual(spec.containers[0]!.volumeMounts, [mount]);
  assert.deepEqual(spec.initContainers![0]!.volumeMounts, [mount]);
  const [volume] = spec.volumes!;
  assert.equal(volume!.name, 'kube-api-access-bbbbb');
  assert.deepEqual(
    volume!.projected!.sources!.map((source) => Object.keys(source)[0]),
    ['serviceAccountToken', 'configMap', 'downwardAPI'],
  );
  assert.equal(volume!.projected!.sources![0]!.serviceAccountToken!.expirationSeconds, 3607);
});

for (const [what, account, own] of [
  ['the pod', {}, { automountServiceAccountToken: false }],
  ['the account', { automountServiceAccountToken: false }, {}],
] as const) {
  test(`nothing is mounted when ${what} says so`, async () => {
    const spec = await admit(accounts(account), pod(own));
    assert.equal(spec.volumes, undefined);
    assert.equal(spec.containers[0]!.volumeMounts, undefined);
  });
}

test('the pod decides over its account', async () => {
  assert.equal(
    (await admit(accounts({ automountServiceAccountToken: false }), pod({ automountServiceAccountToken: true }))).volumes?.length,
    1,
  );
});

test('a container that mounts something of its own there is left alone', async () => {
  const volumeMounts = [{ name: 'own', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }];
  const spec = await admit(accounts(), pod({ containers: [{ name: 'c', volumeMounts }] }));
  assert.deepEqual(spec.containers[0]!.volumeMounts, volumeMounts);
  assert.equal(spec.volumes, undefined);
});

test('a token volume that is there already is used again', async () => {
  const volumes = [{ name: 'kube-api-access-zzzzz', projected: { sources: [] } }];
  const spec = await admit(accounts(), pod({ volumes }));
  assert.deepEqual(spec.volumes, volumes);
  assert.equal(spec.containers[0]!.volumeMounts![0]!.name, 'kube-api-access-zzzzz');
});

test('pull secrets come from the account unless the pod has its own', async () => {
  const plugin = accounts({ imagePullSecrets: [{ name: 'a' }] });
  assert.deepEqual((await admit(plugin, pod())).imagePullSecrets, [{ name: 'a' }]);
  assert.deepEqual((await admit(plugin, pod({ imagePullSecrets: [{ name: 'b' }] }))).imagePullSecrets, [{ name: 'b' }]);
});

test('an account that is not there is named', async () => {
  await assert.rejects(admit(accounts(), pod({ serviceAccountName: 'x' })), {
    code: 403,
    message: 'pods "p" is forbidden: error looking up service account ns/x: serviceaccount "x" not found',
  });
});

test('a pod that comes before its namespace has the default account waits a moment for it', async () => {
  const objects = new MemoryObjects();
  const clock = new VirtualClock(0);
  const plugin = createServiceAccountAdmission({ reader: objects, random: () => 0, clock });
  const made = admit(plugin, pod());
  await new Promise(setImmediate);
  objects.put(serviceAccountKind, { metadata: { name: 'default', namespace: 'ns' } });
  assert.equal((await made).serviceAccountName, 'default');
  assert.equal(clock.pending, 0);
  const refused = assert.rejects(
    runPlugin(plugin, { kind: podKind, object: { ...pod(), metadata: { name: 'p', namespace: 'other' } } }),
    /error looking up service account other\/default: serviceaccount "default" not found/,
  );
  await new Promise(setImmediate);
  await clock.advance(2_000);
  await refused;
});

test('where tokens are not given on request a pod gets the Secret that its account refers to, once that is there', async () => {
  const objects = new MemoryObjects();
  const clock = new VirtualClock(0);
  const plugin = createServiceAccountAdmission({ reader: objects, random: () => 0, clock, tokensInSecrets: true });
  const creationTimestamp = new Date(0).toISOString();
  objects.put(serviceAccountKind, { metadata: { name: 'default', namespace: 'ns', uid: 'u', creationTimestamp } });
  const made = admit(plugin, pod());
  await new Promise(setImmediate);
  const annotations = { 'kubernetes.io/service-account.name': 'default', 'kubernetes.io/service-account.uid': 'u' };
  const type = 'kubernetes.io/service-account-token';
  objects.put(secretKind, { metadata: { name: 'default-token-x', namespace: 'ns', annotations }, type });
  objects.put(secretKind, { metadata: { name: 'other', namespace: 'ns' }, type: 'Opaque' });
  const secrets = [{ name: 'other' }, { name: 'default-token-x' }];
  objects.put(serviceAccountKind, { metadata: { name: 'default', namespace: 'ns', uid: 'u' }, secrets });
  const { volumes, containers } = await made;
  assert.deepEqual(volumes, [{ name: 'default-token-x', secret: { secretName: 'default-token-x', defaultMode: 0o644 } }]);
  assert.deepEqual(containers?.[0]?.volumeMounts, [
    { name: 'default-token-x', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
  ]);
  // A volume that is there already is used, a name that is taken is not.
  const own = { name: 'mine', secret: { secretName: 'default-token-x' } };
  assert.deepEqual((await admit(plugin, pod({ volumes: [own] }))).volumes, [own]);
  const taken = { name: 'default-token-x', emptyDir: {} };
  const [, added] = (await admit(plugin, pod({ volumes: [taken] }))).volumes ?? [];
  assert.match(added?.name ?? '', /^default-token-x-[a-z0-9]{5}$/);
});

test('a pod whose account gets no token waits for one no longer than one takes to be made, and then asks for it', async () => {
  const objects = new MemoryObjects();
  const clock = new VirtualClock(0);
  const plugin = createServiceAccountAdmission({ reader: objects, random: () => 0, clock, tokensInSecrets: true });
  const metadata = { name: 'default', namespace: 'ns', uid: 'u', creationTimestamp: new Date(0).toISOString() };
  objects.put(serviceAccountKind, { metadata });
  const made = admit(plugin, pod());
  await new Promise(setImmediate);
  await clock.advance(2_000);
  assert.match((await made).volumes?.[0]?.name ?? '', /^kube-api-access-/);
  await clock.advance(10_000);
  assert.match((await admit(plugin, pod())).volumes?.[0]?.name ?? '', /^kube-api-access-/);
  assert.equal(clock.pending, 0);
});

const secretUses: [string, Partial<V1PodSpec>, string][] = [
  [
    'a volume',
    { volumes: [{ name: 'v', secret: { secretName: 's' } }] },
    'volume with secret.secretName="s" is not allowed because service account default does not reference that secret',
  ],
  [
    'a variable',
    { containers: [{ name: 'c', env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] }] },
    'container c with envVar E referencing secret.secretName="s" is not allowed because service account default does not reference that secret',
  ],
  [
    'a pull secret',
    { imagePullSecrets: [{ name: 's' }] },
    'imagePullSecrets[0].name="s" is not allowed because service account default does not reference that imagePullSecret',
  ],
];
for (const [what, spec, why] of secretUses) {
  test(`${what} of a Secret that the account does not name is refused where that is enforced`, async () => {
    const metadata = { name: 'default', namespace: 'ns', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } };
    await assert.rejects(admit(accounts({ metadata }), pod(spec)), { message: `pods "p" is forbidden: ${why}` });
    await admit(accounts(), pod(spec));
    await admit(accounts({ metadata, secrets: [{ name: 's' }], imagePullSecrets: [{ name: 's' }] }), pod(spec));
  });
}

test('a mirror pod is taken as it is', async () => {
  const spec = await admit(accounts(), pod({}, MIRROR));
  assert.deepEqual(spec, { containers: CONTAINERS });
});

for (const [spec, why] of [
  [{ serviceAccountName: 'default' }, 'a mirror pod may not reference service accounts'],
  [{ volumes: [{ name: 'v', secret: { secretName: 's' } }] }, 'a mirror pod may not reference secrets'],
  [
    { volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }] },
    'a mirror pod may not use ServiceAccountToken volume projections',
  ],
] as const) {
  test(why, async () => {
    await assert.rejects(admit(accounts(), pod(spec as Partial<V1PodSpec>, MIRROR)), {
      message: `pods "p" is forbidden: ${why}`,
    });
  });
}

const tolerations = createDefaultTolerationSeconds({ notReadySeconds: 10, unreachableSeconds: 20 });

test('pods tolerate nodes that are not ready or reachable for the times given', async () => {
  assert.deepEqual((await admit(tolerations, pod())).tolerations, [
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 10 },
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 20 },
  ]);
});

test('a toleration that is there is kept; one of everything is enough, one without effect on NoExecute is not', async () => {
  const own = { key: 'node.kubernetes.io/not-ready', operator: 'Exists', tolerationSeconds: 5 };
  assert.deepEqual((await admit(tolerations, pod({ tolerations: [own] }))).tolerations!.length, 2);
  assert.deepEqual((await admit(tolerations, pod({ tolerations: [{ operator: 'Exists' }] }))).tolerations, [
    { operator: 'Exists' },
  ]);
  assert.equal(
    (await admit(tolerations, pod({ tolerations: [{ operator: 'Exists', effect: 'NoSchedule' }] }))).tolerations!.length,
    3,
  );
});

function priorities(...classes: { name: string; value: number; globalDefault?: boolean }[]) {
  const objects = new MemoryObjects();
  for (const { name, ...rest } of classes) objects.put(priorityClassKind, { metadata: { name }, ...rest });
  return createPriority(objects);
}

test('a pod without a class has priority 0, or that of the default class', async () => {
  const plain = await admit(priorities(), pod());
  assert.deepEqual([plain.priority, plain.priorityClassName, plain.preemptionPolicy], [0, undefined, 'PreemptLowerPriority']);
  const spec = await admit(priorities({ name: 'std', value: 7, globalDefault: true }), pod());
  assert.deepEqual([spec.priority, spec.priorityClassName], [7, 'std']);
});

test('the system\u2019s classes are always there', async () => {
  assert.equal((await admit(priorities(), pod({ priorityClassName: 'system-node-critical' }))).priority, 2_000_001_000);
});

test('a class that is not there, and a number that is not the class\u2019s, are refused', async () => {
  await assert.rejects(admit(priorities(), pod({ priorityClassName: 'x' })), /no PriorityClass with name x was found/);
  await assert.rejects(admit(priorities(), pod({ priorityClassName: 'toString' })), /no PriorityClass with name toString/);
  await assert.rejects(
    admit(priorities({ name: 'high', value: 9 }), pod({ priorityClassName: 'high', priority: 1 })),
    /the integer value of priority \(1\) must not be provided in pod spec; priority admission controller computed 9/,
  );
});

test('who updates a pod need not repeat its priority', async () => {
  const oldObject = pod({ priority: 7, preemptionPolicy: 'Never' });
  const updated = (await runPlugin(priorities(), { kind: podKind, object: pod(), oldObject })) as unknown as V1Pod;
  assert.deepEqual([updated.spec!.priority, updated.spec!.preemptionPolicy], [7, 'Never']);
});

test('there is one default class', async () => {
  const plugin = priorities({ name: 'std', value: 7, globalDefault: true });
  const make = (name: string, oldObject?: object) =>
    runPlugin(plugin, {
      kind: priorityClassKind,
      object: { metadata: { name }, globalDefault: true },
      ...(oldObject && { oldObject }),
    });
  await assert.rejects(make('other'), {
    message:
      'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass std is already marked as default. Only one default can exist',
  });
  await make('std', { metadata: { name: 'std' } });
});

test('a new node gets the taint of one that is not ready, once', async () => {
  const plugin = createTaintNodesByCondition();
  const taints = async (spec?: object) => {
    const object = { metadata: { name: 'n' }, ...(spec && { spec }) };
    return ((await runPlugin(plugin, { kind: nodeKind, object })) as unknown as V1Node).spec?.taints;
  };
  const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
  assert.deepEqual(await taints(), [taint]);
  assert.deepEqual(await taints({ taints: [taint] }), [taint]);
  assert.equal((await taints({ taints: [{ ...taint, effect: 'NoExecute' }] }))!.length, 2);
});
