/** What the release has behind switches that are off is not kept, as little as a field that it does not know. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonSetKind } from '../../apps/v1/daemon-set.ts';
import { deploymentKind } from '../../apps/v1/deployment.ts';
import { replicaSetKind } from '../../apps/v1/replica-set.ts';
import { statefulSetKind } from '../../apps/v1/stateful-set.ts';
import { cronJobKind } from '../../batch/v1/cron-job.ts';
import { jobKind } from '../../batch/v1/job.ts';
import { leaseKind } from '../../coordination/v1/lease.ts';
import type { V1Pod, V1PodStatus } from '../../gen/types.ts';
import type { KindDefinition } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specimensOf, testContext } from '../../test-specimens.ts';
import { podKind } from './pod.ts';
import { podStatusPart } from './pod-parts.ts';
import { podTemplateKind } from './pod-template.ts';
import { replicationControllerKind } from './replication-controller.ts';

const spec = (container: object = {}) => ({
  os: { name: 'linux' },
  schedulingGroup: { podGroupName: 'g' },
  containers: [{ name: 'c', image: 'i', lifecycle: { stopSignal: 'SIGINT' }, ...container }],
  volumes: [
    {
      name: 'v',
      projected: {
        sources: [
          { clusterTrustBundle: { name: 'n', path: 'p' } },
          { podCertificate: { signerName: 'a/b', keyType: 'ED25519', keyPath: 'k' } },
          { configMap: { name: 'm' } },
        ],
      },
    },
  ],
});

const pods = specimensOf(podKind);

test('a new pod has nothing of them', () => {
  const made = pods.created({ spec: spec() }) as V1Pod;
  assert.equal(made.spec?.schedulingGroup, undefined);
  assert.equal(made.spec?.containers[0]?.lifecycle, undefined);
  assert.deepEqual(made.spec?.volumes?.[0]?.projected?.sources, [{}, {}, { configMap: { name: 'm' } }]);
  assert.deepEqual(pods.complaints({ spec: spec({ lifecycle: { stopSignal: 'none at all' } }) }), []);
});

test('what else there is at the end of a container stays', () => {
  const preStop = { exec: { command: ['x'] } };
  const made = pods.created({ spec: spec({ lifecycle: { stopSignal: 'SIGINT', preStop } }) }) as V1Pod;
  assert.deepEqual(made.spec?.containers[0]?.lifecycle, { preStop });
});

test('a stored pod keeps what it has', () => {
  const stored = pods.make({ spec: spec() });
  const updated: DynamicObject = structuredClone(stored);
  podKind.prepareForUpdate?.(updated, stored, testContext);
  assert.deepEqual(updated, stored);
  const without = pods.make({ spec: { containers: [{ name: 'c', image: 'i' }] } });
  podKind.prepareForUpdate?.(updated, without, testContext);
  assert.equal((updated as V1Pod).spec?.containers[0]?.lifecycle, undefined);
});

test('templates have nothing of them', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: spec() };
  const selector = { matchLabels: { a: 'b' } };
  const cases: readonly (readonly [KindDefinition, object])[] = [
    [podTemplateKind, { template }],
    [replicationControllerKind, { spec: { template } }],
    ...[deploymentKind, replicaSetKind, statefulSetKind, daemonSetKind].map(
      (kind) => [kind, { spec: { selector, template } }] as const,
    ),
    [jobKind, { spec: { template } }],
    [cronJobKind, { spec: { schedule: '* * * * *', jobTemplate: { spec: { template } } } }],
  ];
  for (const [kind, fields] of cases) {
    const specimens = specimensOf(kind);
    const has = (object: object) => /stopSignal|schedulingGroup|clusterTrustBundle|podCertificate/.test(JSON.stringify(object));
    const stored = specimens.make(fields);
    assert.ok(has(stored), kind.kind);
    assert.ok(!has(specimens.created(fields)), kind.kind);
    const kept: DynamicObject = structuredClone(stored);
    kind.prepareForUpdate?.(kept, stored, testContext);
    assert.ok(has(kept), kind.kind);
    kind.prepareForUpdate?.(kept, specimens.created(fields), testContext);
    assert.ok(!has(kept), kind.kind);
  }
});

test('a kubelet says nothing of them, unless it is known', () => {
  const container = { name: 'c', image: 'i', imageID: '', ready: true, restartCount: 0 };
  const status: V1PodStatus = {
    containerStatuses: [
      {
        ...container,
        stopSignal: 'SIGINT',
        volumeMounts: [{ name: 'v', mountPath: '/v', volumeStatus: { image: { imageRef: 'r' } } }],
      },
    ],
    nodeAllocatableResourceClaimStatuses: [{ resourceClaimName: 'r', containers: ['c'], resources: { cpu: '1' } }],
  };
  const written = (before: V1PodStatus): V1PodStatus => {
    const [stored, requested] = [pods.make({ spec: spec() }), pods.make({ spec: spec() })];
    stored['status'] = before;
    requested['status'] = structuredClone(status);
    return (podStatusPart.merge(stored, requested, testContext) as V1Pod).status!;
  };
  assert.deepEqual(written(status), status);
  assert.deepEqual(written({}), {
    containerStatuses: [{ ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
  });
});

test('a Lease is not held by the choice of the server', () => {
  const leases = specimensOf(leaseKind);
  const fields = { spec: { holderIdentity: 'a', strategy: 'OldestEmulationVersion', preferredHolder: 'b' } };
  assert.deepEqual(leases.created(fields)['spec'], { holderIdentity: 'a' });
  const stored = leases.make(fields);
  const updated = leases.make(fields);
  leaseKind.prepareForUpdate?.(updated, stored, testContext);
  assert.deepEqual(updated, stored);
});
