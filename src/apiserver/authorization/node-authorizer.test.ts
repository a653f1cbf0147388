import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { resourceSliceKind } from '../../api/resource/v1/resource-slice.ts';
import { volumeAttachmentKind } from '../../api/storage/v1/volume-attachment.ts';
import type { AuthorizationAttributes } from '../contracts.ts';
import { createNodeAuthorizer } from './node-authorizer.ts';
import { NodeGraph } from './node-graph.ts';

const NODE = { name: 'system:node:n1', groups: ['system:nodes'] };
const SPEC = {
  nodeName: 'n1',
  serviceAccountName: 'sa',
  imagePullSecrets: [{ name: 'pull' }],
  containers: [
    {
      name: 'c',
      env: [
        { name: 'A', valueFrom: { secretKeyRef: { name: 'env-secret', key: 'k' } } },
        { name: 'B', valueFrom: { configMapKeyRef: { name: 'env-map', key: 'k' } } },
      ],
      envFrom: [{ secretRef: { name: 'from-secret' } }, { configMapRef: { name: 'from-map' } }],
    },
  ],
  initContainers: [{ name: 'i', envFrom: [{ secretRef: { name: 'init-secret' } }] }],
  volumes: [
    { name: 's', secret: { secretName: 'vol-secret' } },
    { name: 'm', configMap: { name: 'vol-map' } },
    { name: 'p', projected: { sources: [{ secret: { name: 'proj-secret' } }, { configMap: { name: 'proj-map' } }] } },
    { name: 'c', persistentVolumeClaim: { claimName: 'claim' } },
    { name: 'e', ephemeral: {} },
  ],
};
const at = (name: string, namespace = 'ns') => ({ metadata: { name, namespace } });

function setUp() {
  const objects = new MemoryObjects();
  objects.put(podKind, { ...at('web'), spec: SPEC });
  objects.put(podKind, {
    ...at('elsewhere'),
    spec: { ...SPEC, nodeName: 'n2', volumes: [{ name: 's', secret: { secretName: 'other' } }] },
  });
  objects.put(persistentVolumeKind, {
    metadata: { name: 'pv' },
    spec: {
      claimRef: { namespace: 'ns', name: 'claim' },
      csi: { driver: 'd', nodePublishSecretRef: { name: 'pv-secret', namespace: 'storage' } },
    },
  });
  objects.put(persistentVolumeKind, { metadata: { name: 'pv2' }, spec: { claimRef: { namespace: 'ns', name: 'foreign' } } });
  objects.put(volumeAttachmentKind, { metadata: { name: 'va' }, spec: { nodeName: 'n1' } });
  objects.put(volumeAttachmentKind, { metadata: { name: 'va2' }, spec: { nodeName: 'n2' } });
  const authorizer = createNodeAuthorizer(new NodeGraph(objects));
  return { objects, decide: (over: Partial<AuthorizationAttributes>) => authorizer.authorize({ ...BASE, ...over }) };
}

const BASE: AuthorizationAttributes = {
  user: NODE,
  verb: 'get',
  isResourceRequest: true,
  path: '',
  group: '',
  version: 'v1',
  namespace: '',
  resource: '',
  subresource: '',
  name: '',
};
const secret = (name: string, verb = 'get', namespace = 'ns') => ({ verb, resource: 'secrets', namespace, name });
const map = (name: string) => ({ resource: 'configmaps', namespace: 'ns', name });
const lease = (over: object) => ({ group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-node-lease', ...over });
const csiNode = (over: object) => ({ group: 'storage.k8s.io', resource: 'csinodes', ...over });
const storage = { group: 'storage.k8s.io' };
const NO_RELATION = "no relationship found between node 'n1' and this object";

const allowed: Partial<AuthorizationAttributes>[] = [
  ...['pull', 'env-secret', 'from-secret', 'init-secret', 'vol-secret', 'proj-secret'].map((name) => secret(name)),
  secret('vol-secret', 'watch'),
  { ...secret('', 'list'), fieldSelector: 'metadata.name=vol-secret' },
  secret('pv-secret', 'get', 'storage'),
  ...['env-map', 'from-map', 'vol-map', 'proj-map'].map(map),
  { resource: 'persistentvolumeclaims', namespace: 'ns', name: 'claim' },
  { resource: 'persistentvolumeclaims', namespace: 'ns', name: 'web-e' },
  { resource: 'persistentvolumeclaims', subresource: 'status', verb: 'patch', namespace: 'ns', name: 'claim' },
  { resource: 'persistentvolumes', name: 'pv' },
  { ...storage, resource: 'volumeattachments', name: 'va' },
  { resource: 'serviceaccounts', subresource: 'token', verb: 'create', namespace: 'ns', name: 'sa' },
  { resource: 'serviceaccounts', namespace: 'ns', name: 'sa' },
  lease({ name: 'n1' }),
  lease({ name: 'n1', verb: 'update' }),
  lease({ verb: 'create' }),
  csiNode({ name: 'n1' }),
  csiNode({ verb: 'create' }),
  { resource: 'nodes', name: 'n1' },
  { resource: 'nodes', verb: 'watch', fieldSelector: 'metadata.name=n1' },
  { resource: 'nodes', verb: 'create' },
  { resource: 'nodes', verb: 'patch', subresource: 'status', name: 'n1' },
  { resource: 'pods', verb: 'list', fieldSelector: 'spec.nodeName=n1' },
  { resource: 'pods', verb: 'watch', fieldSelector: 'spec.nodeName==n1' },
  { resource: 'pods', namespace: 'ns', name: 'web' },
  { resource: 'pods', verb: 'patch', subresource: 'status', namespace: 'ns', name: 'web' },
  { resource: 'pods', verb: 'create', subresource: 'eviction', namespace: 'ns', name: 'web' },
  { resource: 'services', verb: 'list' },
  { resource: 'endpoints', namespace: 'ns', name: 'x' },
  { resource: 'events', verb: 'create', namespace: 'ns' },
  { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', verb: 'create' },
  { group: 'authorization.k8s.io', resource: 'subjectaccessreviews', verb: 'create' },
];
for (const request of allowed) {
  test(`a node may ${JSON.stringify(request)}`, async () => {
    assert.deepEqual(await setUp().decide(request), { decision: 'allow', reason: '' });
  });
}

const refused: [Partial<AuthorizationAttributes>, string][] = [
  [secret('other'), NO_RELATION],
  [secret('vol-secret', 'get', 'default'), NO_RELATION],
  [secret('', 'list'), 'No Object name found'],
  [secret('', 'list', ''), 'can only read namespaced object of this type'],
  [secret('vol-secret', 'update'), 'can only read resources of this type'],
  [map('unknown'), NO_RELATION],
  [{ resource: 'persistentvolumes', name: 'pv2' }, NO_RELATION],
  [{ resource: 'persistentvolumes', verb: 'list' }, 'can only get individual resources of this type'],
  [{ ...storage, resource: 'volumeattachments', name: 'va2' }, NO_RELATION],
  [{ resource: 'serviceaccounts', subresource: 'token', verb: 'create', namespace: 'ns', name: 'other' }, NO_RELATION],
  [{ resource: 'serviceaccounts', verb: 'list', namespace: 'ns' }, 'can only create tokens for individual service accounts'],
  [lease({ name: 'n2', verb: 'update' }), 'can only access node lease with the same name as the requesting node'],
  [lease({ verb: 'list' }), 'can only get, create, update, patch, or delete a node lease'],
  [lease({ namespace: 'default', name: 'n1' }), 'can only access leases in the "kube-node-lease" system namespace'],
  [csiNode({ name: 'n2' }), 'can only access CSINode with the same name as the requesting node'],
  [{ resource: 'nodes', name: 'n2' }, "node 'n1' cannot read 'n2', only its own Node object"],
  [{ resource: 'nodes', verb: 'list' }, "node 'n1' cannot read all nodes, only its own Node object"],
  [{ resource: 'nodes', verb: 'delete', name: 'n1' }, ''],
  [{ resource: 'pods', verb: 'list' }, 'can only list/watch pods with spec.nodeName field selector'],
  [
    { resource: 'pods', verb: 'list', fieldSelector: 'spec.nodeName=n2' },
    'can only list/watch pods with spec.nodeName field selector',
  ],
  [
    { resource: 'pods', verb: 'list', fieldSelector: 'spec.nodeName!=n1' },
    'can only list/watch pods with spec.nodeName field selector',
  ],
  [{ resource: 'pods', namespace: 'ns', name: 'elsewhere' }, NO_RELATION],
  [{ resource: 'pods', verb: 'create', subresource: 'exec', namespace: 'ns', name: 'web' }, ''],
  [{ resource: 'deployments', group: 'apps', verb: 'list' }, ''],
  [{ user: { name: 'system:node:n1', groups: [] }, resource: 'services', verb: 'list' }, ''],
  [{ user: { name: 'system:node:', groups: ['system:nodes'] }, resource: 'services' }, 'unknown node for user "system:node:"'],
];
for (const [request, reason] of refused) {
  test(`a node may not ${JSON.stringify(request)}`, async () => {
    assert.deepEqual(await setUp().decide(request), { decision: 'no-opinion', reason });
  });
}

test('a right comes with the pod and goes with the last pod that gave it', async () => {
  const { objects, decide } = setUp();
  objects.put(podKind, { ...at('second'), spec: { ...SPEC, nodeName: undefined } });
  objects.remove(podKind, 'web', 'ns');
  assert.equal((await decide(secret('vol-secret'))).decision, 'no-opinion');
  objects.put(podKind, { ...at('second'), spec: SPEC });
  objects.put(podKind, { ...at('third'), spec: SPEC });
  assert.equal((await decide(secret('vol-secret'))).decision, 'allow');
  objects.remove(podKind, 'second', 'ns');
  assert.equal((await decide(secret('vol-secret'))).decision, 'allow');
  objects.remove(podKind, 'third', 'ns');
  assert.equal((await decide(secret('vol-secret'))).decision, 'no-opinion');
});

test('device claims open with their names: those of the pod, those made for it, and that of extended resources', async () => {
  const { objects, decide } = setUp();
  const claim = { group: 'resource.k8s.io', resource: 'resourceclaims', namespace: 'ns' };
  const spec = { nodeName: 'n1', containers: [], resourceClaims: [{ name: 'a', resourceClaimName: 'own' }, { name: 'b' }] };
  objects.put(podKind, { ...at('devices'), spec });
  assert.equal((await decide({ ...claim, name: 'own' })).decision, 'allow');
  assert.equal((await decide({ ...claim, name: 'made' })).decision, 'no-opinion');
  const status = {
    resourceClaimStatuses: [{ name: 'b', resourceClaimName: 'made' }],
    extendedResourceClaimStatus: { resourceClaimName: 'extended', requestMappings: [] },
  };
  objects.put(podKind, { ...at('devices'), spec, status });
  for (const name of ['own', 'made', 'extended']) assert.equal((await decide({ ...claim, name })).decision, 'allow', name);
  assert.equal((await decide({ ...claim, name: 'other' })).decision, 'no-opinion');
});

test('a mirror pod, which the node made itself, gives no right but to the pod', async () => {
  const objects = new MemoryObjects();
  const authorizer = createNodeAuthorizer(new NodeGraph(objects));
  objects.put(podKind, {
    metadata: { name: 'static', namespace: 'ns', annotations: { 'kubernetes.io/config.mirror': 'x' } },
    spec: SPEC,
  });
  assert.equal((await authorizer.authorize({ ...BASE, ...secret('vol-secret') })).decision, 'no-opinion');
  assert.equal((await authorizer.authorize({ ...BASE, resource: 'pods', namespace: 'ns', name: 'static' })).decision, 'allow');
});

test('a secret of a volume is no longer open once the volume is bound to another claim', async () => {
  const { objects, decide } = setUp();
  assert.equal((await decide(secret('pv-secret', 'get', 'storage'))).decision, 'allow');
  const volume = objects.get(persistentVolumeKind, '', 'pv')!;
  objects.put(persistentVolumeKind, {
    ...volume,
    spec: { ...(volume['spec'] as object), claimRef: { namespace: 'x', name: 'y' } },
  });
  assert.equal((await decide(secret('pv-secret', 'get', 'storage'))).decision, 'no-opinion');
});

test('a node reads and writes the resource slices of its own name, and no others', async () => {
  const { objects, decide } = setUp();
  objects.put(resourceSliceKind, { metadata: { name: 'mine' }, spec: { nodeName: 'n1' } });
  objects.put(resourceSliceKind, { metadata: { name: 'theirs' }, spec: { nodeName: 'n2' } });
  objects.put(resourceSliceKind, { metadata: { name: 'shared' }, spec: { allNodes: true } });
  const slice = { group: 'resource.k8s.io', resource: 'resourceslices', namespace: '' };
  for (const verb of ['get', 'update', 'patch', 'delete'])
    for (const [name, decision] of [
      ['mine', 'allow'],
      ['theirs', 'no-opinion'],
      ['shared', 'no-opinion'],
      ['none', 'no-opinion'],
    ])
      assert.equal((await decide({ ...slice, verb, name: name! })).decision, decision, `${verb} ${name}`);
});
