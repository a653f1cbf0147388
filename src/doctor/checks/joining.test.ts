/** Hosts whose kubelets do not come into the cluster, or not back: the first finding names the cause, and what mends it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Authority, createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import type { HostObservations, Observations, SeenJoining } from '../observations.ts';
import { diagnose } from './all-checks.ts';
import { host, unitOf } from './faults.test-support.ts';
import {
  at,
  BINDINGS,
  binding,
  certificate,
  csr,
  DAY_MS,
  NOW_MS,
  node,
  nodeObject,
  observations,
  ROLES,
  token,
} from './observations.test-support.ts';

const LIFE = { notBeforeMs: NOW_MS - 90 * DAY_MS, notAfterMs: NOW_MS + 900 * DAY_MS };
const [ours, others] = await Promise.all([
  createAuthority({ commonName: 'kubernetes', ...LIFE }),
  createAuthority({ commonName: 'kubernetes', ...LIFE }),
]);
const key = await generatePrivateKey();

async function clientOf(name: string, authority: Authority, life: Partial<typeof LIFE> = {}) {
  const content = { commonName: `system:node:${name}`, organizations: ['system:nodes'], usages: ['client auth'] };
  return authority.issue({ ...content, publicKeyDer: key.publicKeyDer, ...LIFE, ...life });
}

const BOOTSTRAP = '/etc/kubernetes/bootstrap.kubeconfig';
const CLIENT = '/var/lib/kubelet/pki/kubelet-client-current.pem';
const joining: SeenJoining = {
  ...{ path: BOOTSTRAP, server: 'https://10.0.0.10:6443', tokenId: 'abcdef' },
  authorityPem: ours.certificatePem,
};
const kubelet = unitOf('kubelet', { 'bootstrap-kubeconfig': BOOTSTRAP, kubeconfig: '/etc/kubernetes/kubelet.conf' });

/** A host beside those of a cluster that is well, whose kubelet is to join it. */
const newcomer = (changes: Partial<HostObservations> = {}, more: Partial<Observations> = {}) =>
  observations({
    ...{ authorityPem: ours.certificatePem, clientAuthorityPem: ours.certificatePem },
    ...host({ hostName: 'node-2', units: [kubelet], joining, ...changes }),
    ...more,
  });
const silent = nodeObject({ name: 'node-2', address: '10.0.0.2', ready: { status: 'Unknown', reason: 'NodeStatusUnknown' } });
const withSilent = { nodes: [node(), node({ node: silent, probe: undefined, configz: undefined, lease: undefined })] };
const controllerManager = (controllers: string) => unitOf('kube-controller-manager', { controllers });
const pending = csr({
  ...{ signer: 'kubernetes.io/kube-apiserver-client-kubelet', name: 'node-csr-1' },
});
const asked = {
  ...pending,
  spec: { ...pending.spec, username: 'system:bootstrap:abcdef', groups: ['system:bootstrappers', 'system:authenticated'] },
};
const issued = async (authority: Authority) => ({
  ...asked,
  status: {
    conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: at(-60_000) }],
    certificate: Buffer.from(await clientOf('node-2', authority)).toString('base64'),
  },
});

const CAUSES: readonly (readonly [cause: string, code: string, remedy: RegExp, seen: Observations])[] = [
  [
    'another authority',
    'DOC-822',
    /put the cluster's authority into/,
    newcomer({ joining: { ...joining, authorityPem: others.certificatePem } }),
  ],
  ['a token that is gone', 'DOC-823', /^muster token create/, newcomer({ joining: { ...joining, tokenId: 'zzzzzz' } })],
  [
    'a token that has expired',
    'DOC-823',
    /^muster token create/,
    newcomer({}, { tokens: [token({ expiresMs: NOW_MS - 60_000 })] }),
  ],
  [
    'a token of another use',
    'DOC-823',
    /^muster token create/,
    newcomer({}, { tokens: [token({ usages: ['signing'] }), token({ id: 'good00' })] }),
  ],
  [
    'another name of the API server',
    'DOC-824',
    /with m1\.example/,
    newcomer({ joining: { ...joining, server: 'https://m1.example:6443' } }),
  ],
  ['a clock of another day', 'DOC-508', /chronyc makestep/, newcomer({ clockOffsetMs: -DAY_MS })],
  [
    'no right to ask',
    'DOC-201',
    /^kubectl create clusterrolebinding kubelet-bootstrap /,
    newcomer({}, { rbac: { roles: ROLES, bindings: [BINDINGS.approve, BINDINGS.renew] } }),
  ],
  [
    'no right to ask for this token’s groups',
    'DOC-107',
    /--groups=system:bootstrappers:workers$/,
    newcomer(
      {},
      {
        tokens: [token({ groups: [] })],
        rbac: {
          roles: ROLES,
          bindings: [
            binding('b', 'system:node-bootstrapper', 'Group', 'system:bootstrappers:workers'),
            ...[BINDINGS.approve, BINDINGS.renew],
          ],
        },
      },
    ),
  ],
  [
    'an API server without tokens',
    'DOC-827',
    /--enable-bootstrap-token-auth=true/,
    newcomer({ units: [kubelet, unitOf('kube-apiserver', { 'enable-bootstrap-token-auth': 'false' })] }),
  ],
  [
    'nobody who approves',
    'DOC-828',
    /not have -csrapproving/,
    newcomer({ units: [kubelet, controllerManager('*,-csrapproving')] }, { requests: [asked] }),
  ],
  [
    'a list of controllers without the others',
    'DOC-828',
    /begin with "\*"/,
    newcomer({ units: [kubelet, controllerManager('tokencleaner')] }),
  ],
  [
    'nobody who may approve',
    'DOC-301',
    /^kubectl certificate approve node-csr-1; for all: kubectl create clusterrolebinding/,
    observations({ requests: [asked], rbac: { roles: ROLES, bindings: [BINDINGS.bootstrap, BINDINGS.renew] } }),
  ],
  ['a signer of another authority', 'DOC-307', /--cluster-signing-cert-file/, newcomer({}, { requests: [await issued(others)] })],
  [
    'an authority that was replaced',
    'DOC-825',
    /^muster rescue 'node-2'$|^muster rescue node-2$/,
    newcomer({ kubeletClient: { path: CLIENT, pem: await clientOf('node-2', others) } }, withSilent),
  ],
  [
    'another name',
    'DOC-826',
    /--hostname-override=.?node-2/,
    newcomer(
      {
        units: [{ ...kubelet, flags: new Map([...kubelet.flags, ['hostname-override', 'node-9']]) }],
        kubeletClient: { path: CLIENT, pem: await clientOf('node-2', ours) },
      },
      withSilent,
    ),
  ],
  [
    'a client certificate that has ended',
    'DOC-601',
    /muster rescue$/,
    newcomer(
      {
        kubeletClient: { path: CLIENT, pem: await clientOf('node-2', ours, { notAfterMs: NOW_MS - DAY_MS }) },
        certificates: [certificate({ where: CLIENT, notAfterMs: NOW_MS - DAY_MS })],
      },
      withSilent,
    ),
  ],
];

for (const [cause, code, remedy, seen] of CAUSES)
  test(`${code}: ${cause} comes first, with what mends it`, () => {
    const [first] = diagnose(seen);
    assert.equal(first?.code, code, JSON.stringify(diagnose(seen), undefined, 1));
    assert.match(first!.remedy, remedy);
  });

test('what lets nodes join is not called missing, however it is said', () => {
  const server = unitOf('kube-apiserver', { 'enable-bootstrap-token-auth': 'T' });
  const packaged = { ...unitOf('kube-apiserver', {}), path: '/usr/lib/systemd/system/kube-apiserver.service', flags: new Map() };
  const managers = [
    '*,bootstrapsigner,tokencleaner',
    'certificatesigningrequest-approving-controller,certificatesigningrequest-signing-controller',
  ];
  for (const controllers of managers)
    assert.deepEqual(diagnose(observations(host({ units: [server, packaged, controllerManager(controllers)] }))), []);
  const off = diagnose(observations(host({ units: [controllerManager('*,-certificatesigningrequest-approving-controller')] })));
  assert.match(off[0]!.remedy, /not have -certificatesigningrequest-approving-controller;/);
  const signing = [token({ usages: ['signing'] })];
  assert.deepEqual(
    diagnose(observations({ ...host({ units: [packaged] }), tokens: signing })).map(({ code }) => code),
    ['DOC-105'],
  );
  const everybody = binding('b', 'system:node-bootstrapper', 'Group', 'system:authenticated');
  const workers = binding('w', 'system:node-bootstrapper', 'Group', 'system:bootstrappers:workers');
  const rbac = { roles: ROLES, bindings: [everybody, workers, BINDINGS.approve, BINDINGS.renew] };
  assert.deepEqual(diagnose(observations({ rbac })), []);
});

test('a kubelet that nothing is known against is told of as one that is not there, and one that is Ready is not', async () => {
  assert.deepEqual(
    diagnose(newcomer()).map((finding) => [finding.code, finding.subject, finding.remedy]),
    [['DOC-411', 'host/node-2', 'muster explain node node-2; on the host: journalctl -u kubelet']],
  );
  const there = node({ node: nodeObject({ name: 'node-2', address: '10.0.0.2' }), probe: undefined, configz: undefined });
  const stale = { ...joining, tokenId: 'zzzzzz', authorityPem: others.certificatePem, server: 'https://elsewhere' };
  const kubeletClient = { path: CLIENT, pem: await clientOf('node-2', others) };
  const joined = { nodes: [node(), there] };
  assert.deepEqual(diagnose(newcomer({ joining: stale, kubeletClient }, joined)), []);
  const bare = newcomer({ joining: undefined });
  assert.deepEqual(
    diagnose(bare).map(({ code, severity }) => [code, severity]),
    [['DOC-411', 'info']],
    'nothing says that it is to join',
  );
  // A cloud's name for the node, which its certificate has.
  const cloud = { path: CLIENT, pem: await clientOf('node-2', ours) };
  assert.deepEqual(diagnose(newcomer({ hostName: 'ip-10-0-0-2', joining: stale, kubeletClient: cloud }, joined)), []);
});

test('with a certificate of use a kubelet needs no token; what cannot be read or seen is not held against it', async () => {
  const kubeletClient = { path: CLIENT, pem: await clientOf('node-2', ours) };
  const stale = { ...joining, tokenId: 'zzzzzz' };
  const codes = (seen: Observations) => diagnose(seen).map(({ code }) => code);
  assert.deepEqual(codes(newcomer({ joining: stale, kubeletClient })), ['DOC-411']);
  assert.deepEqual(codes(newcomer({ joining: { ...stale, tokenId: undefined, authorityPem: 'x' } }, { nodes: undefined })), []);
  assert.deepEqual(codes(newcomer({ joining: stale }, { tokens: undefined, nodes: undefined })), []);
  assert.deepEqual(
    codes(newcomer({ kubeletClient: { path: CLIENT, pem: 'x' } }, { clientAuthorityPem: 'y', nodes: undefined })),
    [],
  );
});
