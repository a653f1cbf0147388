/** What rules younger than a stored pod or template say of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonSetKind } from '../../apps/v1/daemon-set.ts';
import { deploymentKind } from '../../apps/v1/deployment.ts';
import { cronJobKind } from '../../batch/v1/cron-job.ts';
import { jobKind } from '../../batch/v1/job.ts';
import type { V1PodSpec } from '../../gen/types.ts';
import type { KindDefinition } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specimensOf } from '../../test-specimens.ts';
import { podKind } from './pod.ts';
import { podTemplateKind } from './pod-template.ts';
import { replicationControllerKind } from './replication-controller.ts';

const c = { name: 'c', image: 'i' };
const named = (values: string[]) => [{ key: 'k', operator: 'In', values }];
const near = (values: string[]) => ({
  podAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'k', labelSelector: { matchExpressions: named(values) } }],
  },
});
const on = (values: string[]) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: named(values) }] },
  },
});
const spread = (more: object) => ({ maxSkew: 1, topologyKey: 'k', whenUnsatisfiable: 'DoNotSchedule', ...more });

const FAULTS: readonly (readonly [what: string, spec: Partial<V1PodSpec>, metadata?: object])[] = [
  ['a value that no label can have, of a node', { affinity: on(['-']) }],
  ['a value that no label can have, of a pod', { affinity: near(['-']) }],
  ['a selector of pods to spread', { topologySpreadConstraints: [spread({ labelSelector: { matchLabels: { a: '-' } } })] }],
  [
    'a key of the selector of pods to spread',
    {
      topologySpreadConstraints: [
        spread({
          matchLabelKeys: ['a'],
          labelSelector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
        }),
      ],
    },
  ],
  [
    'the path of a token',
    {
      serviceAccountName: 'a',
      volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: '../t' } }] } }],
      containers: [{ ...c, volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
    },
  ],
  ["a parameter of the node's network", { hostNetwork: true, securityContext: { sysctls: [{ name: 'net.a', value: 'b' }] } }],
  [
    'a device of a pod with users of its own',
    {
      hostUsers: false,
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'p' } }],
      containers: [{ ...c, volumeDevices: [{ name: 'v', devicePath: '/dev/v' }] }],
    },
  ],
  [
    'a container that runs first and would be begun anew',
    { initContainers: [{ ...c, name: 'd', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }] },
  ],
  ['labels of files that are set on mounting', { securityContext: { seLinuxChangePolicy: 'MountOption' } }],
  ['a toleration that compares', { tolerations: [{ key: 'k', operator: 'Lt', value: '1' }] }],
  ['a cost of deletion', {}, { annotations: { 'controller.kubernetes.io/pod-deletion-cost': 'low' } }],
  [
    'a part of a page',
    { containers: [{ ...c, resources: { limits: { cpu: '1', 'hugepages-2Mi': '1Mi' }, requests: { 'hugepages-2Mi': '1Mi' } } }] },
  ],
];

const pods = specimensOf(podKind);
const podOf = (spec: object, metadata?: object) => pods.created({ spec: { containers: [c], ...spec } }, metadata);

test('a stored pod with a fault by a younger rule can be given a label, and a new one cannot have the fault', () => {
  for (const [what, spec, metadata] of FAULTS) {
    const before = podOf(spec, metadata);
    assert.notDeepEqual(pods.complaints({ spec: { containers: [c], ...spec } }, metadata), [], what);
    const after = structuredClone(before);
    after.metadata.labels = { ...after.metadata.labels, new: 'label' };
    assert.deepEqual(pods.refusals(before, after), [], what);
  }
});

test('a fault does not come with an update, nor does one excuse another', () => {
  const gated = { schedulingGates: [{ name: 'a' }] };
  const message = (values: string) =>
    `spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values[${values}]`;
  const sound = podOf({ ...gated, affinity: on(['x']) });
  const withFault = podOf({ ...gated, affinity: on(['x', '-']) });
  assert.match(pods.refusals(sound, withFault)[0] ?? '', new RegExp(`^${RegExp.escape(message('1'))}`));
  const other = podOf({ tolerations: [{ key: 'k', operator: 'Lt', value: '1' }], ...gated, affinity: on(['x']) });
  const both = podOf({ tolerations: [{ key: 'k', operator: 'Lt', value: '1' }], ...gated, affinity: on(['x', '-']) });
  assert.match(pods.refusals(other, both)[0] ?? '', new RegExp(`^${RegExp.escape(message('1'))}`));
});

const labels = { a: 'b' };
const WORKLOADS: readonly (readonly [KindDefinition, (template: object) => object])[] = [
  [podTemplateKind, (template) => ({ template })],
  [replicationControllerKind, (template) => ({ spec: { template } })],
  [deploymentKind, (template) => ({ spec: { selector: { matchLabels: labels }, template } })],
  [daemonSetKind, (template) => ({ spec: { selector: { matchLabels: labels }, template } })],
  [jobKind, (template) => ({ spec: { template } })],
  [cronJobKind, (template) => ({ spec: { schedule: '* * * * *', jobTemplate: { spec: { template } } } })],
];

test('a stored template with a fault by a younger rule does not keep its workload from being changed', () => {
  for (const [kind, fieldsOf] of WORKLOADS) {
    const restartPolicy = kind === jobKind || kind === cronJobKind ? 'Never' : 'Always';
    const template = { metadata: { labels }, spec: { containers: [c], affinity: on(['-']), restartPolicy } };
    const specimens = specimensOf(kind);
    assert.equal(specimens.complaints(fieldsOf(template)).length, 1, kind.kind);
    const before = specimens.created(fieldsOf(template));
    const after: DynamicObject = structuredClone(before);
    after.metadata.labels = { new: 'label' };
    assert.deepEqual(specimens.refusals(before, after), [], kind.kind);
  }
});

test('what says already how its files are labelled may say so in any way, and nothing that is no way', () => {
  const template = (policy?: string) => ({
    metadata: { labels: { a: 'b' } },
    spec: {
      containers: [c],
      restartPolicy: 'Always',
      ...(policy && { securityContext: { seLinuxChangePolicy: policy } }),
    },
  });
  const templates = specimensOf(podTemplateKind);
  const changed = (from: string | undefined, to: string) =>
    templates.changes({ template: template(from) }, { template: template(to) });
  const at = 'template.spec.securityContext.seLinuxChangePolicy: Unsupported value';
  assert.deepEqual(changed('Recursive', 'MountOption'), []);
  assert.deepEqual(changed('MountOption', 'Recursive'), []);
  assert.deepEqual(changed(undefined, 'MountOption'), [`${at}: "MountOption": supported values: "Recursive"`]);
  assert.deepEqual(changed('Recursive', 'Half'), [`${at}: "Half": supported values: "MountOption", "Recursive"`]);
});
