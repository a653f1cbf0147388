/** What is said in Warning headers of what is let through, other than pods. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statefulSetKind } from '../../apps/v1/stateful-set.ts';
import { runtimeClassKind } from '../../node/v1/runtime-class.ts';
import { csiStorageCapacityKind } from '../../storage/v1/csi-storage-capacity.ts';
import { storageClassKind } from '../../storage/v1/storage-class.ts';
import { specimensOf } from '../../test-specimens.ts';
import { nodeKind } from './node.ts';
import { persistentVolumeKind } from './persistent-volume.ts';
import { persistentVolumeClaimKind } from './persistent-volume-claim.ts';
import { podKind } from './pod.ts';
import { serviceKind } from './service.ts';

const fractional = (field: string) => `${field}: fractional byte value "1500m" is invalid, must be an integer`;
const half = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1.5' }, limits: { storage: '1.5' } } };

test('a Service is warned of odd addresses, and of what it asks for in vain or in an outlived way', () => {
  const { warnings } = specimensOf(serviceKind);
  const of = (spec: object, annotations = {}) => warnings({ spec: { ports: [{ port: 1 }], ...spec } }, { annotations });
  assert.deepEqual(of({}), []);
  const hints = 'service.kubernetes.io/topology-aware-hints';
  assert.deepEqual(of({}, { [hints]: 'auto' }), [
    `annotation ${hints} is deprecated, please use service.kubernetes.io/topology-mode instead`,
  ]);
  assert.deepEqual(
    of({
      clusterIP: 'FD00::1',
      clusterIPs: ['FD00::1'],
      externalIPs: ['1.2.3.04'],
      loadBalancerIP: '::ffff:1.2.3.4',
      loadBalancerSourceRanges: ['10.0.0.1/8'],
      externalName: 'a.example',
      trafficDistribution: 'PreferClose',
    }).map((text) => text.replace(/( is invalid)?: use .*| should be .*|: CIDR value .*/, '')),
    [
      'spec.clusterIPs[0]: IPv6 address "FD00::1"',
      'spec.externalIPs is deprecated',
      'spec.externalIPs[0]: non-standard IP address "1.2.3.04"',
      'spec.loadBalancerIP: non-standard IP address "::ffff:1.2.3.4"',
      'spec.loadBalancerSourceRanges[0]',
      'spec.externalName is ignored when spec.type is not "ExternalName"',
      'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ],
  );
  assert.deepEqual(of({ clusterIP: 'None', clusterIPs: ['None'], loadBalancerIP: '1.2.3.4', sessionAffinity: 'ClientIP' }), [
    'spec.loadBalancerIP is ignored for headless services',
    'spec.SessionAffinity is ignored for headless services',
  ]);
  assert.deepEqual(of({ type: 'ExternalName', externalName: 'a.example', externalIPs: ['1.2.3.4'] }), [
    'spec.externalIPs is deprecated',
    'spec.externalIPs is ignored when spec.type is "ExternalName"',
  ]);
});

test('whoever claims a part of a byte is told, wherever the claim is written', () => {
  assert.deepEqual(specimensOf(persistentVolumeClaimKind).warnings({ spec: half }), [
    fractional('spec.resources.requests[storage]'),
    fractional('spec.resources.limits[storage]'),
  ]);
  const volumes = [{ name: 'v', ephemeral: { volumeClaimTemplate: { spec: half } } }];
  const at = 'spec.volumes[0].ephemeral.volumeClaimTemplate.spec';
  assert.deepEqual(specimensOf(podKind).warnings({ spec: { containers: [{ name: 'c', image: 'i' }], volumes } }), [
    fractional(`${at}.resources.requests[storage]`),
    fractional(`${at}.resources.limits[storage]`),
  ]);
});

test('a StatefulSet is warned of its claims and its history with every write, each time at the path that upstream names', () => {
  const { created, warnings } = specimensOf(statefulSetKind);
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const spec = {
    selector: { matchLabels: { a: 'b' } },
    template,
    volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: { ...half, resources: { requests: { storage: '1.5' } } } }],
    revisionHistoryLimit: -1,
  };
  const history = 'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended';
  assert.deepEqual(warnings({ spec }), [fractional('spec.volumeClaimTemplates[0].resources.requests[storage]'), history]);
  const stored = created({ spec });
  assert.deepEqual(statefulSetKind.warnings?.(stored, stored), [
    fractional('spec.volumeClaimTemplates[0].Spec.resources.requests[storage]'),
    history,
  ]);
});

test('a node is warned of fields that nobody reads', () => {
  const node = specimensOf(nodeKind).make({ spec: { externalID: 'x', configSource: {} } });
  assert.deepEqual(nodeKind.warnings?.(node, undefined), [
    'spec.configSource: the feature is removed',
    'spec.externalID: this field is deprecated, and is unused by Kubernetes',
  ]);
});

const BETA_ZONE = 'failure-domain.beta.kubernetes.io/zone';
const OF_ZONE = 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead';

test('a volume is warned of where it may be, by labels of nodes that have other names, and of kinds of storage that are no more', () => {
  const { warnings } = specimensOf(persistentVolumeKind);
  const spec = { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } };
  const nodeSelectorTerms = [{ matchExpressions: [{ key: BETA_ZONE, operator: 'In', values: ['-'] }] }];
  const nodeAffinity = { required: { nodeSelectorTerms } };
  assert.deepEqual(warnings({ spec: { ...spec, nodeAffinity, hostPath: { path: '/p' } } }), [
    `spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: ${BETA_ZONE} is ${OF_ZONE}`,
  ]);
  const source = { storageos: { volumeName: 'v' }, rbd: { monitors: ['m'], image: 'i' } };
  assert.deepEqual(warnings({ spec: { ...spec, ...source } }), [
    'spec.storageOS: deprecated in v1.22, non-functional in v1.25+',
    'spec.rbd: deprecated in v1.28, non-functional in v1.31+',
  ]);
});

test('classes and capacities are warned of labels of nodes that have other names, too', () => {
  const { warnings: ofClass } = specimensOf(storageClassKind);
  const matchLabelExpressions = [
    { key: 'a', values: ['b'] },
    { key: BETA_ZONE, values: ['b'] },
  ];
  assert.deepEqual(ofClass({ provisioner: 'a', allowedTopologies: [{ matchLabelExpressions }] }), [
    `allowedTopologies[0].matchLabelExpressions[1].key: ${OF_ZONE}`,
  ]);
  const scheduling = { nodeSelector: { [BETA_ZONE]: 'b' } };
  assert.deepEqual(specimensOf(runtimeClassKind).warnings({ handler: 'h', scheduling }), [`scheduling.nodeSelector: ${OF_ZONE}`]);
  const nodeTopology = {
    matchLabels: { [BETA_ZONE]: 'b' },
    matchExpressions: [{ key: BETA_ZONE, operator: 'Exists' }],
  };
  assert.deepEqual(specimensOf(csiStorageCapacityKind).warnings({ storageClassName: 's', nodeTopology }), [
    `nodeTopology.matchExpressions[0].key: ${BETA_ZONE} is ${OF_ZONE}`,
    `nodeTopology.matchLabels.${BETA_ZONE}: ${OF_ZONE}`,
  ]);
});
