import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin, type WriteCase } from '../../../test/harness/admission.ts';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { leaseKind } from '../../api/coordination/v1/lease.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import { resourceSliceKind } from '../../api/resource/v1/resource-slice.ts';
import { csiDriverKind } from '../../api/storage/v1/csi-driver.ts';
import { csiNodeKind } from '../../api/storage/v1/csi-node.ts';
import { createCertificateRequest } from '../../pki/certificate-request.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { createNodeRestriction } from './node-restriction.ts';

const objects = new MemoryObjects();
objects.put(nodeKind, { metadata: { name: 'n1' } });
const TOKEN_VOLUME = { name: 't', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } };
objects.put(podKind, { metadata: { name: 'mine', namespace: 'ns' }, spec: { nodeName: 'n1', volumes: [TOKEN_VOLUME] } });
objects.put(podKind, { metadata: { name: 'theirs', namespace: 'ns' }, spec: { nodeName: 'n2', volumes: [TOKEN_VOLUME] } });
const authorizer = {
  authorize: async ({ resource }: { resource: string }) => ({
    decision: resource === 'registry' ? ('allow' as const) : ('no-opinion' as const),
    reason: '',
  }),
};
const plugin = createNodeRestriction({ reader: objects, authorizer });
const USER = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
const run = (write: WriteCase) => runPlugin(plugin, { user: USER, ...write });

const node = (name: string, fields: { labels?: Record<string, string>; spec?: object } = {}) => ({
  metadata: { name, ...(fields.labels && { labels: fields.labels }) },
  ...(fields.spec && { spec: fields.spec }),
});
const OWNER = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'uid-n1', controller: true };
const mirror = (spec: object = {}, metadata: object = {}) => ({
  metadata: {
    name: 'static-n1',
    namespace: 'ns',
    annotations: { 'kubernetes.io/config.mirror': 'x' },
    ownerReferences: [OWNER],
    ...metadata,
  },
  spec: { nodeName: 'n1', containers: [{ name: 'c' }], ...spec },
});
const bound = (name: string, nodeName: string, over: object = {}) => ({
  metadata: { name, namespace: 'ns' },
  spec: { nodeName },
  ...over,
});
const token = (ref: object | undefined, audiences: string[] = []) => ({
  kind: serviceAccountKind,
  subresource: 'token',
  namespace: 'ns',
  name: 'sa',
  object: { metadata: {}, spec: { audiences, ...(ref && { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...ref } }) } },
});
const quoted = (text: string) => JSON.stringify(text);
const MINE = { name: 'mine', uid: 'uid-mine' };
const lease = (name: string, namespace = 'kube-node-lease') => ({ metadata: { name, namespace } });
const csr = async (commonName: string, signerName: string) => {
  const pem = await createCertificateRequest({ key: await generatePrivateKey(), commonName, organizations: ['system:nodes'] });
  return { metadata: { name: 'csr' }, spec: { signerName, request: Buffer.from(pem).toString('base64') } };
};
const CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
const claim = (status: object, labels: Record<string, string> = {}) => ({
  metadata: { name: 'c', namespace: 'ns', labels },
  status,
});

const allowed: Record<string, WriteCase> = {
  'create its own Node with the kubelet\u2019s labels': {
    kind: nodeKind,
    object: node('n1', {
      labels: { 'kubernetes.io/hostname': 'n1', 'node.kubernetes.io/x': '1', 'x.kubelet.kubernetes.io/y': '1', team: 'a' },
      spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] },
    }),
  },
  'change labels of its own kind': { kind: nodeKind, object: node('n1', { labels: { a: '1' } }), oldObject: node('n1') },
  'report its status': { kind: nodeKind, subresource: 'status', object: node('n1'), oldObject: node('n1') },
  'create a mirror pod': { kind: podKind, object: mirror() },
  'delete a pod bound to it': { kind: podKind, oldObject: bound('mine', 'n1') },
  'report the status of a pod bound to it': {
    kind: podKind,
    subresource: 'status',
    object: bound('mine', 'n1'),
    oldObject: bound('mine', 'n1'),
  },
  'evict a pod bound to it': { kind: podKind, subresource: 'eviction', object: bound('mine', ''), name: 'mine' },
  'evict a pod bound to it that only the eviction names': { kind: podKind, subresource: 'eviction', object: bound('mine', '') },
  'write a slice of its own devices': { kind: resourceSliceKind, object: node('s', { spec: { nodeName: 'n1' } }) },
  'take its slice away': { kind: resourceSliceKind, oldObject: node('s', { spec: { nodeName: 'n1' } }) },
  'ask for a token for a pod bound to it': token(MINE),
  'ask for a token for an audience that it was given': token(MINE, ['registry']),
  'write its own lease': { kind: leaseKind, object: lease('n1') },
  'write its own CSINode': { kind: csiNodeKind, object: node('n1'), oldObject: node('n1') },
  'ask for its own client certificate': { kind: certificateSigningRequestKind, object: await csr('system:node:n1', CLIENT) },
  'ask anything of another signer': { kind: certificateSigningRequestKind, object: await csr('x', 'example.com/s') },
  'report the size of a claim': {
    kind: persistentVolumeClaimKind,
    subresource: 'status',
    object: claim({ capacity: { storage: '2Gi' } }),
    oldObject: claim({ capacity: { storage: '1Gi' } }),
  },
};
for (const [what, write] of Object.entries(allowed)) test(`a node may ${what}`, async () => void (await run(write)));

const refused: [WriteCase, string][] = [
  [{ kind: nodeKind, object: node('n2') }, 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"'],
  [{ kind: nodeKind, oldObject: node('n2') }, 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"'],
  [
    {
      kind: nodeKind,
      object: node('n1', { labels: { 'node-role.kubernetes.io/master': '', 'a.node-restriction.kubernetes.io/x': '1', b: '2' } }),
    },
    'nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: a.node-restriction.kubernetes.io/x, node-role.kubernetes.io/master',
  ],
  [
    { kind: nodeKind, object: node('n1'), oldObject: node('n1', { labels: { 'node-restriction.kubernetes.io/pci': 'y' } }) },
    'nodes "n1" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/pci',
  ],
  [
    { kind: nodeKind, object: node('n1'), oldObject: node('n1', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }) },
    'nodes "n1" is forbidden: node "n1" is not allowed to modify taints',
  ],
  [
    { kind: nodeKind, object: { metadata: { name: 'n1', ownerReferences: [{ ...OWNER, uid: 'gone' }] } }, oldObject: node('n1') },
    'nodes "n1" is forbidden: node "n1" is not allowed to modify ownerReferences',
  ],
  [
    { kind: podKind, object: mirror({ resourceClaims: [{ name: 'c', resourceClaimName: 'theirs' }] }) },
    'pods "static-n1" is forbidden: node "n1" can not create pods that reference resourceclaims',
  ],
  [
    { kind: podKind, object: mirror({}, { annotations: {} }) },
    'pods "static-n1" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
  ],
  [
    { kind: podKind, object: mirror({ nodeName: 'n2' }) },
    'pods "static-n1" is forbidden: node "n1" can only create pods with spec.nodeName set to itself',
  ],
  ...(
    [
      [[], 'an owner reference set to itself'],
      [[OWNER, OWNER], 'a single owner reference set to itself'],
      [[{ ...OWNER, name: 'n2' }], 'an owner reference set to itself'],
      [[{ ...OWNER, apiVersion: 'v2' }], 'an owner reference set to itself'],
      [[{ ...OWNER, kind: 'Pod' }], 'an owner reference set to itself'],
      [[{ ...OWNER, controller: false }], 'a controller owner reference set to itself'],
      [[{ ...OWNER, controller: undefined }], 'a controller owner reference set to itself'],
    ] as const
  ).map(([ownerReferences, what]): [WriteCase, string] => [
    { kind: podKind, object: mirror({}, { ownerReferences }) },
    `pods "static-n1" is forbidden: node "n1" can only create pods with ${what}`,
  ]),
  [
    { kind: podKind, object: mirror({}, { ownerReferences: [{ ...OWNER, blockOwnerDeletion: true }] }) },
    'pods "static-n1" is forbidden: node "n1" must not set blockOwnerDeletion on an owner reference',
  ],
  [
    { kind: podKind, object: mirror({}, { ownerReferences: [{ ...OWNER, uid: 'old' }] }) },
    'pods "static-n1" is forbidden: node n1 UID mismatch: expected old got uid-n1',
  ],
  ...(
    [
      [{ serviceAccountName: 'sa' }, 'serviceaccounts'],
      [{ imagePullSecrets: [{ name: 's' }] }, 'secrets'],
      [{ volumes: [{ name: 'v', configMap: { name: 'm' } }] }, 'configmaps'],
      [{ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }, 'persistentvolumeclaims'],
      [{ volumes: [{ name: 'v', projected: { sources: [{ clusterTrustBundle: { path: 'p' } }] } }] }, 'clustertrustbundles'],
      [{ volumes: [{ name: 'v', projected: { sources: [{ podCertificate: {} }] } }] }, 'podcertificates'],
      [
        { volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 'p' } }] } }] },
        'serviceaccounts (via projected volumes)',
      ],
      [{ volumes: [{ name: 'v', csi: { driver: 'd' } }] }, 'csidrivers (via CSI volumes)'],
      [{ volumes: [{ name: 'v', ephemeral: {} }] }, 'persistentvolumeclaims (via ephemeral volumes)'],
      [{ volumes: [{ name: 'v', glusterfs: { endpoints: 'e', path: 'p' } }] }, 'endpoints (via glusterFS volumes)'],
    ] as const
  ).map(([spec, what]): [WriteCase, string] => [
    { kind: podKind, object: mirror(spec) },
    `pods "static-n1" is forbidden: node "n1" can not create pods that reference ${what}`,
  ]),
  [
    { kind: podKind, oldObject: bound('theirs', 'n2') },
    'pods "theirs" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
  ],
  [
    { kind: podKind, object: bound('mine', 'n1'), oldObject: bound('mine', 'n1') },
    'pods "mine" is forbidden: unexpected operation "UPDATE", node "n1" can only create and delete mirror pods',
  ],
  [
    { kind: podKind, subresource: 'status', object: bound('theirs', 'n2'), oldObject: bound('theirs', 'n2') },
    'pods "theirs" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself',
  ],
  [
    {
      kind: podKind,
      subresource: 'status',
      object: bound('mine', 'n1', { metadata: { name: 'mine', namespace: 'ns', labels: { app: 'x' } } }),
      oldObject: bound('mine', 'n1'),
    },
    'pods "mine" is forbidden: node "n1" cannot update labels through pod status',
  ],
  [
    {
      kind: podKind,
      subresource: 'status',
      object: bound('mine', 'n1', {
        status: { extendedResourceClaimStatus: { resourceClaimName: 'theirs', requestMappings: [] } },
      }),
      oldObject: bound('mine', 'n1'),
    },
    'pods "mine" is forbidden: node "n1" cannot update extended resource claim status',
  ],
  [
    { kind: podKind, subresource: 'eviction', object: bound('theirs', ''), name: 'theirs' },
    'pods "theirs" is forbidden: node n1 can only evict pods with spec.nodeName set to itself',
  ],
  ...(['status', 'eviction'] as const).flatMap((subresource): [WriteCase, string][] => {
    const word = subresource === 'status' ? quoted : String;
    const mine = { kind: podKind, subresource, name: 'mine' };
    const other = subresource === 'status' ? { object: bound('mine', 'n1') } : { object: mirror(), oldObject: mirror() };
    return [
      [
        { ...mine, ...other },
        `pods "mine" is forbidden: unexpected operation ${word('oldObject' in other ? 'UPDATE' : 'CREATE')}`,
      ],
      [{ ...mine, oldObject: bound('mine', 'n1') }, `pods "mine" is forbidden: unexpected operation ${word('DELETE')}`],
    ];
  }),
  [{ kind: podKind, subresource: 'eviction', object: bound('gone', ''), name: 'gone' }, 'pods "gone" not found'],
  ...[{ nodeName: 'n2' }, {}].flatMap((spec): [WriteCase, string][] => {
    const slice = { metadata: { name: 's' }, spec };
    const only = 'with the same NodeName as the requesting node';
    return [
      [
        { kind: resourceSliceKind, object: slice },
        `resourceslices.resource.k8s.io "s" is forbidden: can only create ResourceSlice ${only}`,
      ],
      [
        { kind: resourceSliceKind, oldObject: slice },
        `resourceslices.resource.k8s.io "s" is forbidden: can only delete ResourceSlice ${only}`,
      ],
    ];
  }),
  [
    { kind: podKind, subresource: 'binding', object: bound('mine', ''), name: 'mine' },
    'pods "mine" is forbidden: unexpected pod subresource "binding", only \'status\' and \'eviction\' are allowed',
  ],
  [token(undefined), 'serviceaccounts "sa" is forbidden: node requested token not bound to a pod'],
  [token({ ...MINE, kind: 'Secret' }), 'serviceaccounts "sa" is forbidden: node requested token not bound to a pod'],
  [token({ name: 'mine' }), 'serviceaccounts "sa" is forbidden: node requested token with a pod binding without a uid'],
  [
    token({ name: 'theirs', uid: 'uid-theirs' }),
    'serviceaccounts "sa" is forbidden: node requested token bound to a pod scheduled on a different node',
  ],
  [
    token({ name: 'mine', uid: 'other' }),
    'serviceaccounts "sa" is forbidden: the UID in the bound object reference (other) does not match the UID in record. The object might have been deleted and then recreated',
  ],
  [token({ name: 'gone', uid: 'u' }), 'pods "gone" not found'],
  [
    token(MINE, ['vault']),
    'serviceaccounts "sa" is forbidden: audience "vault" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience',
  ],
  [token(MINE, ['a', 'b']), 'serviceaccounts "sa" is forbidden: node may only request 0 or 1 audiences'],
  [
    { kind: leaseKind, object: lease('n2') },
    'leases.coordination.k8s.io "n2" is forbidden: can only access node lease with the same name as the requesting node',
  ],
  [
    { kind: leaseKind, object: lease('n1', 'default') },
    'leases.coordination.k8s.io "n1" is forbidden: can only access leases in the "kube-node-lease" system namespace',
  ],
  [
    { kind: csiNodeKind, object: node('n2') },
    'csinodes.storage.k8s.io "n2" is forbidden: can only access CSINode with the same name as the requesting node',
  ],
  [
    { kind: certificateSigningRequestKind, object: await csr('system:node:n2', CLIENT) },
    'certificatesigningrequests.certificates.k8s.io "csr" is forbidden: can only create a node CSR with CN=system:node:n1',
  ],
  [{ kind: persistentVolumeClaimKind, object: claim({}) }, 'persistentvolumeclaims "c" is forbidden: may only update PVC status'],
  [
    { kind: persistentVolumeClaimKind, subresource: 'status', object: claim({}, { a: 'b' }), oldObject: claim({}) },
    'persistentvolumeclaims "c" is forbidden: node "n1" is not allowed to update fields other than status.quantity and status.conditions',
  ],
  [
    { kind: nodeKind, object: node('n1'), user: { name: 'system:node:', groups: ['system:nodes'] } },
    'nodes "n1" is forbidden: could not determine node from user "system:node:"',
  ],
];
for (const [write, message] of refused) test(message, async () => assert.rejects(run(write), { message }));

test('a CSR that cannot be read is refused', async () => {
  const object = { metadata: { name: 'csr' }, spec: { signerName: CLIENT, request: 'AAAA' } };
  await assert.rejects(run({ kind: certificateSigningRequestKind, object }), /unable to parse csr/);
});

test('whoever is no node is not restricted', async () => {
  await run({ kind: nodeKind, object: node('n2'), user: { name: 'system:node:n1', groups: [] } });
});

test('which audiences a node asks for is looked at before the API server’s own are filled in for none', async () => {
  const { admit, validate } = plugin;
  await runPlugin({ ...plugin, admit: admit! }, { user: USER, ...token(MINE) });
  const filledIn = { user: USER, ...token(MINE, ['https://kubernetes.default.svc']) };
  await runPlugin({ name: plugin.name, handles: plugin.handles, validate: validate! }, filledIn);
  await assert.rejects(
    runPlugin({ name: plugin.name, handles: plugin.handles, admit: admit! }, filledIn),
    /not found in pod spec/,
  );
});

test('audiences are found wherever a pod’s volumes lead, also by way of what drivers have taken over', async () => {
  for (const name of ['csi.test', 'file.csi.azure.com'])
    objects.put(csiDriverKind, { metadata: { name }, spec: { tokenRequests: [{ audience: 'foo' }] } });
  objects.put(persistentVolumeKind, { metadata: { name: 'pv' }, spec: { csi: { driver: 'csi.test', volumeHandle: 'h' } } });
  objects.put(persistentVolumeKind, { metadata: { name: 'azure' }, spec: { azureFile: { shareName: 's', secretName: 's' } } });
  const claims = { claim: 'pv', azure: 'azure', 'mounts-own': 'pv', unbound: '', lost: 'nowhere' };
  for (const [name, volumeName] of Object.entries(claims))
    objects.put(persistentVolumeClaimKind, { metadata: { name, namespace: 'ns' }, spec: { volumeName } });
  const ofClaim = (claimName: string) => ({ name: 'v', persistentVolumeClaim: { claimName } });
  const ask = (audience: string, ...volumes: object[]) => {
    objects.put(podKind, { metadata: { name: 'mounts', namespace: 'ns' }, spec: { nodeName: 'n1', volumes } });
    return run(token({ name: 'mounts', uid: 'uid-mounts' }, [audience])).then(
      () => 'given',
      ({ message }: Error) => message.replace('serviceaccounts "sa" is forbidden: ', ''),
    );
  };
  const inline = { name: 'v', csi: { driver: 'csi.test' } };
  const ephemeral = { name: 'own', ephemeral: { volumeClaimTemplate: { spec: {} } } };
  const azure = { name: 'v', azureFile: { shareName: 's', secretName: 's' } };
  for (const volume of [inline, ephemeral, azure, ofClaim('claim'), ofClaim('azure')]) {
    assert.equal(await ask('foo', volume), 'given');
    assert.match(await ask('bar', volume), /^audience "bar" not found in pod spec volume, system:node:n1 is not authorized/);
  }
  const failed = 'error validating audience "foo":';
  const unknown = { name: 'w', csi: { driver: 'no.test' } };
  assert.equal(await ask('foo', unknown), `${failed} csidriver.storage.k8s.io "no.test" not found`);
  assert.equal(await ask('foo', ofClaim('none')), `${failed} persistentvolumeclaim "none" not found`);
  assert.equal(await ask('foo', ofClaim('lost')), `${failed} persistentvolume "nowhere" not found`);
  assert.equal(
    await ask('foo', unknown, ofClaim('none')),
    `${failed} [csidriver.storage.k8s.io "no.test" not found, persistentvolumeclaim "none" not found]`,
  );
  assert.equal(await ask('foo', unknown, ofClaim('none'), inline), 'given');
  assert.match(await ask('foo', ofClaim('unbound')), /^audience "foo" not found/);
});
