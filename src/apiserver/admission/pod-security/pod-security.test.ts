import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADMIN, type WriteCase, writeOf } from '../../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../../test/harness/memory-objects.ts';
import { deploymentKind } from '../../../api/apps/v1/deployment.ts';
import { cronJobKind } from '../../../api/batch/v1/cron-job.ts';
import { namespaceKind } from '../../../api/core/v1/namespace.ts';
import { podKind } from '../../../api/core/v1/pod.ts';
import { createPodSecurity, DEFAULT_CONFIGURATION, type PodSecurityConfiguration } from './pod-security.ts';

type Labels = Readonly<Record<string, string>>;
const labels = (some: Labels): Labels =>
  Object.fromEntries(Object.entries(some).map(([k, v]) => [`pod-security.kubernetes.io/${k}`, v]));
const plain = { containers: [{ name: 'c', image: 'i' }] };
const pod = (spec: object = plain, name = 'p') => ({ metadata: { name, namespace: 'ns' }, spec });

function security(some: Labels, configuration: PodSecurityConfiguration = DEFAULT_CONFIGURATION) {
  const objects = new MemoryObjects();
  objects.put(namespaceKind, { metadata: { name: 'ns', labels: labels(some) } });
  const plugin = createPodSecurity(objects, configuration);
  const write = async (write: WriteCase) => {
    const notes = new Map<string, string>();
    const audit = { addAuditAnnotation: (key: string, value: string) => void notes.set(key, value) };
    const attributes = { ...writeOf(write), audit };
    if (plugin.handles(attributes)) await plugin.validate!(attributes);
    return { warnings: attributes.warnings, notes: Object.fromEntries(notes) };
  };
  return { objects, write, createPod: (spec?: object) => write({ kind: podKind, object: pod(spec) }) };
}

const RESTRICTED =
  'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';

test('a pod that the namespace\u2019s level does not allow is refused in upstream\u2019s words', () =>
  assert.rejects(security({ enforce: 'restricted' }).createPod(), {
    code: 403,
    message: `pods "p" is forbidden: violates PodSecurity "restricted:latest": ${RESTRICTED}`,
  }));

test('what is only warned of and audited is let in', async () => {
  const { warnings, notes } = await security({ warn: 'restricted', audit: 'baseline', 'audit-version': 'v1.24' }).createPod({
    ...plain,
    hostPID: true,
  });
  assert.deepEqual(warnings, [`would violate PodSecurity "restricted:latest": host namespaces (hostPID=true), ${RESTRICTED}`]);
  assert.deepEqual(notes, {
    'pod-security.kubernetes.io/enforce-policy': 'privileged:latest',
    'pod-security.kubernetes.io/audit-violations': 'would violate PodSecurity "baseline:v1.24": host namespaces (hostPID=true)',
  });
});

test('a namespace that says nothing lets everything in', async () => {
  const { warnings, notes } = await security({}).createPod({ ...plain, hostPID: true });
  assert.deepEqual([warnings, notes], [[], { 'pod-security.kubernetes.io/enforce-policy': 'privileged:latest' }]);
});

test('a level that cannot be read is taken for the strictest', () =>
  assert.rejects(security({ enforce: 'strict' }).createPod(), /violates PodSecurity "restricted:latest"/));

test('what makes pods is warned of and never refused', async () => {
  const { write } = security({ enforce: 'restricted', warn: 'restricted' });
  const template = { metadata: {}, spec: plain };
  for (const [kind, spec] of [
    [deploymentKind, { template }],
    [cronJobKind, { jobTemplate: { spec: { template } } }],
  ] as const) {
    const { warnings } = await write({ kind, object: { metadata: { name: 'd', namespace: 'ns' }, spec } });
    assert.deepEqual(warnings, [`would violate PodSecurity "restricted:latest": ${RESTRICTED}`]);
  }
});

test('an update is looked at when it changes an image or adds a container', async () => {
  const { write } = security({ enforce: 'restricted' });
  const update = (spec: object, subresource = '') => write({ kind: podKind, subresource, oldObject: pod(), object: pod(spec) });
  await update(plain);
  await update({ containers: [{ name: 'c', image: 'new' }] }, 'status');
  await assert.rejects(update({ containers: [{ name: 'c', image: 'new' }] }), /violates PodSecurity/);
  await assert.rejects(
    update({ ...plain, ephemeralContainers: [{ name: 'e' }] }, 'ephemeralcontainers'),
    /containers "c", "e" must set/,
  );
});

test('namespaces, users and runtime classes can be exempt', async () => {
  const exempt = (exemptions: Partial<PodSecurityConfiguration['exemptions']>) =>
    security(
      { enforce: 'restricted' },
      { ...DEFAULT_CONFIGURATION, exemptions: { ...DEFAULT_CONFIGURATION.exemptions, ...exemptions } },
    );
  const key = 'pod-security.kubernetes.io/exempt';
  assert.equal((await exempt({ namespaces: ['ns'] }).createPod()).notes[key], 'namespace');
  assert.equal((await exempt({ usernames: [ADMIN.name] }).createPod()).notes[key], 'user');
  assert.equal(
    (await exempt({ runtimeClasses: ['vm'] }).createPod({ ...plain, runtimeClassName: 'vm' })).notes[key],
    'runtimeClass',
  );
  await assert.rejects(exempt({ runtimeClasses: ['vm'] }).createPod());
});

test('defaults hold where a namespace has no labels', () => {
  const enforce = { level: 'baseline', version: 24 } as const;
  return assert.rejects(
    security({}, { ...DEFAULT_CONFIGURATION, defaults: { ...DEFAULT_CONFIGURATION.defaults, enforce } }).createPod({
      ...plain,
      hostIPC: true,
    }),
    /violates PodSecurity "baseline:v1\.24": host namespaces \(hostIPC=true\)/,
  );
});

const namespace = (some: Labels) => ({ metadata: { name: 'ns', labels: labels(some) } });

test('labels that mean nothing are refused, unless they were there before', async () => {
  const { write } = security({});
  const bad = namespace({ enforce: 'strict', 'warn-version': '1.20' });
  await assert.rejects(write({ kind: namespaceKind, object: bad }), {
    code: 422,
    message:
      'Namespace "ns" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.20": must be "latest" or "v1.x"]',
  });
  await write({ kind: namespaceKind, object: bad, oldObject: bad });
});

test('a stricter level warns of the pods that are there', async () => {
  const { objects, write } = security({});
  const owned = (name: string) => ({
    metadata: {
      name,
      namespace: 'ns',
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true }],
    },
    spec: { ...plain, hostPID: true },
  });
  for (const name of ['b', 'a', 'c']) objects.put(podKind, owned(name));
  objects.put(podKind, pod({ ...plain, hostNetwork: true, containers: [{ name: 'c', ports: [{ hostPort: 80 }] }] }, 'net'));
  objects.put(podKind, pod(plain, 'fine'));
  const relabel = (from: Labels, to: Labels) => write({ kind: namespaceKind, oldObject: namespace(from), object: namespace(to) });
  assert.deepEqual((await relabel({}, { enforce: 'baseline' })).warnings, [
    'existing pods in namespace "ns" violate the new PodSecurity enforce level "baseline:latest"',
    'a (and 2 other pods): host namespaces',
    'net: host namespaces, hostPort',
  ]);
  assert.deepEqual((await relabel({ enforce: 'restricted' }, { enforce: 'baseline' })).warnings, []);
  assert.deepEqual((await relabel({ enforce: 'baseline' }, { enforce: 'privileged' })).warnings, []);
});

test('labels of an exempt namespace are said to be ignored', async () => {
  const configuration = { ...DEFAULT_CONFIGURATION, exemptions: { ...DEFAULT_CONFIGURATION.exemptions, namespaces: ['ns'] } };
  const { warnings } = await security({}, configuration).write({
    kind: namespaceKind,
    object: namespace({ enforce: 'baseline', 'warn-version': 'v1.30', warn: 'restricted' }),
  });
  assert.deepEqual(warnings, [
    'namespace "ns" is exempt from Pod Security, and the policy (enforce=baseline:latest, warn=restricted:v1.30) will be ignored',
  ]);
});
