/** Parts of objects that Go always has: an object without them is one whose every field is left out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploymentKind } from './apps/v1/deployment.ts';
import { statefulSetKind } from './apps/v1/stateful-set.ts';
import { cronJobKind } from './batch/v1/cron-job.ts';
import { jobKind } from './batch/v1/job.ts';
import { leaseKind } from './coordination/v1/lease.ts';
import { defaultPullPolicy } from './core/v1/image-defaults.ts';
import { namespaceKind } from './core/v1/namespace.ts';
import { nodeKind } from './core/v1/node.ts';
import { persistentVolumeKind } from './core/v1/persistent-volume.ts';
import { podTemplateKind } from './core/v1/pod-template.ts';
import { serviceKind } from './core/v1/service.ts';
import { serviceAccountKind } from './core/v1/service-account.ts';
import { endpointSliceKind } from './discovery/v1/endpoint-slice.ts';
import { flowSchemaKind } from './flowcontrol/v1/flow-schema.ts';
import type { V1Namespace, V1Node, V1PersistentVolume } from './gen/types.ts';
import { decodeObject } from './machinery/decode.ts';
import type { KindDefinition } from './machinery/kind.ts';
import { networkPolicyKind } from './networking/v1/network-policy.ts';
import { podDisruptionBudgetKind } from './policy/v1/pod-disruption-budget.ts';
import { specimensOf } from './test-specimens.ts';

test('what is missing in an object without a spec is told field by field', () => {
  const cases: readonly (readonly [KindDefinition, object, ...string[]])[] = [
    [serviceKind, {}, 'spec.ports: Required value'],
    [flowSchemaKind, {}, 'spec.priorityLevelConfiguration.name: Required value: must reference a priority level'],
    [podTemplateKind, {}, 'template.spec.containers: Required value'],
    [
      jobKind,
      {},
      'spec.template.spec.containers: Required value',
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    [
      cronJobKind,
      {},
      'spec.schedule: Required value',
      'spec.jobTemplate.spec.template.spec.containers: Required value',
      'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    [
      deploymentKind,
      { spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } } } } },
      'spec.template.spec.containers: Required value',
    ],
  ];
  for (const [kind, fields, ...wanted] of cases) assert.deepEqual(specimensOf(kind).complaints(fields), wanted, kind.kind);
});

test('a NetworkPolicy without a spec is about all pods of its namespace', () => {
  const policies = specimensOf(networkPolicyKind);
  assert.deepEqual(policies.complaints({}), []);
  assert.deepEqual(policies.make({})['spec'], { podSelector: {}, policyTypes: ['Ingress'] });
});

test('a claim template without a spec is a claim of the usual mode', () => {
  const { spec } = specimensOf(statefulSetKind).make({ spec: { volumeClaimTemplates: [{ metadata: { name: 'v' } }] } }) as {
    spec?: { volumeClaimTemplates: { spec: object }[] };
  };
  assert.deepEqual(spec?.volumeClaimTemplates[0]?.spec, { volumeMode: 'Filesystem', resources: {} });
});

test('leases, budgets and endpoints have their parts, empty ones', () => {
  assert.deepEqual(specimensOf(leaseKind).make({})['spec'], {});
  assert.deepEqual(specimensOf(podDisruptionBudgetKind).make({})['spec'], {});
  const slice = specimensOf(endpointSliceKind).make({ addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }] });
  assert.deepEqual(slice['endpoints'], [{ addresses: ['10.0.0.1'], conditions: {} }]);
});

test('a port of endpoints without number and name is shown as such', () => {
  const slice = specimensOf(endpointSliceKind).make({ addressType: 'IPv4', ports: [{ port: 80 }, { name: 'a' }, {}] });
  const ports = endpointSliceKind.columns.find(({ name }) => name === 'Ports');
  assert.equal(ports?.cell(slice, 0), '80,a,');
});

test('a namespace is active until something else is said of it, and its finalizers are told by their place', () => {
  const namespaces = specimensOf(namespaceKind);
  assert.equal((namespaces.make({}) as V1Namespace).status?.phase, 'Active');
  const stored = namespaces.created({});
  const after = { ...stored, spec: { finalizers: ['kubernetes', 'mine'] } };
  assert.deepEqual(namespaces.refusals(stored, after, 'finalize'), [
    'spec.finalizers[1]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ]);
});

test("of a node's two fields for the addresses of its pods the old one is believed", () => {
  const { spec } = specimensOf(nodeKind).make({ spec: { podCIDR: '10.0.1.0/24', podCIDRs: ['10.0.0.0/24'] } }) as V1Node;
  assert.deepEqual(spec?.podCIDRs, ['10.0.1.0/24']);
});

test('of the Secrets that a service account refers to the names are kept', () => {
  const account = specimensOf(serviceAccountKind).created({ secrets: [{ name: 's', namespace: 'other', kind: 'Secret' }] });
  assert.deepEqual(account['secrets'], [{ name: 's' }]);
});

test('storage behind a PersistentVolume has the defaults that it has in a pod', () => {
  const { spec } = specimensOf(persistentVolumeKind).make({
    spec: { rbd: { image: 'i', monitors: ['m'] } },
  }) as V1PersistentVolume;
  assert.deepEqual(spec?.rbd, { image: 'i', monitors: ['m'], pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' });
});

test('an image is pulled every time when its tag is the latest one, or none', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  const cases: readonly (readonly [image: string, policy: string])[] = [
    ['web', 'Always'],
    ['web:latest', 'Always'],
    ['web:1.27', 'IfNotPresent'],
    ['registry.example:5000/team/web', 'Always'],
    ['registry.example:5000/team/web:2', 'IfNotPresent'],
    [`web@${digest}`, 'IfNotPresent'],
    [`web:latest@${digest}`, 'Always'],
    // No references to images.
    ['', 'IfNotPresent'],
    ['Web', 'IfNotPresent'],
    ['a b', 'IfNotPresent'],
    ['a'.repeat(256), 'IfNotPresent'],
    ['a'.repeat(100_000), 'IfNotPresent'],
  ];
  for (const [image, policy] of cases) assert.equal(defaultPullPolicy(image), policy, image.slice(0, 40));
});

test('zeros that Go cannot tell from nothing are left out, those behind pointers stay', () => {
  const { object } = decodeObject(deploymentKind, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'a', namespace: '', annotations: { empty: '' } },
    spec: {
      replicas: 0,
      paused: false,
      minReadySeconds: 0,
      selector: {},
      template: {
        spec: {
          hostNetwork: false,
          automountServiceAccountToken: false,
          containers: [{ name: '', tty: false, env: [{ name: 'A', value: '' }], securityContext: { privileged: false } }],
        },
      },
    },
  });
  assert.deepEqual(object.metadata, { name: 'a', annotations: { empty: '' } });
  assert.deepEqual(object['spec'], {
    replicas: 0,
    selector: {},
    template: {
      spec: {
        automountServiceAccountToken: false,
        containers: [{ name: '', env: [{ name: 'A' }], securityContext: { privileged: false } }],
      },
    },
  });
});
