import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSelfSigned } from '../../pki/self-signed.ts';
import type { Observations } from '../observations.ts';
import { diagnose } from './all-checks.ts';
import {
  approved,
  type Fault,
  host,
  keyOf,
  rbac,
  served,
  testFaults,
  unitOf,
  withBinding,
  withProbe,
  withSettings,
} from './faults.test-support.ts';
import { covers } from './name-cover.ts';
import * as seen from './observations.test-support.ts';

const { DAY_MS, NOW_MS, at, BINDINGS, binding, certificate, csr, node, nodeObject, observations, probe, SETTINGS, token } = seen;

const signerOf = (...keyIds: string[]) => ({
  ...{ component: 'kube-controller-manager', flag: 'service-account-private-key-file', path: '/etc/kubernetes/pki/sa.key' },
  keyIds,
});

const UNREACHED = { probe: { address: '10.0.0.1', port: 10250, unreachable: 'ECONNREFUSED' } } as const;
/** Nothing of it comes through the API server. */
const SILENT = { configz: undefined, clientTtlSeconds: undefined };

const outside = (made: ReturnType<typeof nodeObject>) => ({
  ...made,
  status: {
    ...made.status,
    addresses: [...made.status!.addresses!, ...['ExternalIP', 'ExternalDNS'].map((type) => ({ type, address: '203.0.113.1' }))],
  },
});
const byNameAlone = (name: string) => {
  const made = nodeObject({ name });
  return { ...made, status: { ...made.status, addresses: [{ type: 'Hostname', address: name }] } };
};

const withCondition = (type: string) => {
  const made = nodeObject();
  const condition = { type, status: 'True', reason: 'Seen', message: 'it is so' };
  return node({ node: { ...made, status: { ...made.status, conditions: [...made.status!.conditions!, condition] } } });
};

/** Each fault, and the one finding that is to come of it. */
const FAULTS: readonly Fault[] = [
  ['a token Secret of a wrong form', 'DOC-101', { tokens: [token({ problem: 'token-id is wrong' })] }],
  ['a token that nobody cleaned up', 'DOC-103', { tokens: [token({ expiresMs: NOW_MS - DAY_MS })] }],
  ['a token about to end', 'DOC-104', { tokens: [token({ expiresMs: NOW_MS + 60_000 })] }],
  ['a token that may not authenticate', 'DOC-105', { tokens: [token({ usages: ['signing'] })] }],
  ['a token without groups', 'DOC-106', { tokens: [token({ groups: [] })] }],
  ['no automatic approval', 'DOC-202', rbac(BINDINGS.bootstrap, BINDINGS.renew)],
  ['no renewal', 'DOC-203', rbac(BINDINGS.bootstrap, BINDINGS.approve)],
  ['nodes are administrators', 'DOC-205', withBinding(binding('oops', 'cluster-admin', 'Group', 'system:nodes'))],
  ['anybody reads nodes', 'DOC-206', withBinding(binding('oops', 'system:node', 'User', 'system:anonymous'))],
  ['all nodes in one role', 'DOC-207', withBinding(binding('oops', 'system:node', 'Group', 'system:nodes'))],
  ['a serving request that waits', 'DOC-301', { requests: [csr()] }],
  ['approved and not issued', 'DOC-302', { requests: [csr({ status: approved })] }],
  ['denied', 'DOC-303', { requests: [csr({ status: { conditions: [{ type: 'Denied', status: 'True', reason: 'No' }] } })] }],
  ['a silent kubelet', 'DOC-403', { nodes: [node({ lease: { spec: { renewTime: at(-35_000) } } })] }],
  ['capital letters', 'DOC-404', { nodes: [node({ node: nodeObject({ hostName: 'Node-1' }) })] }],
  ['another host name', 'DOC-405', { nodes: [node({ node: nodeObject({ hostName: 'pc17' }) })] }],
  ['a full disk', 'DOC-406', { nodes: [withCondition('DiskPressure')] }],
  ['no route to the pods', 'DOC-406', { nodes: [withCondition('NetworkUnavailable')] }],
  ['QA-04: one address twice', 'DOC-407', { nodes: [node(), node({ node: nodeObject({ name: 'node-2' }) })] }],
  ['a kubelet that is too new', 'DOC-408', { nodes: [node({ node: nodeObject({ version: 'v1.37.0' }) })] }],
  ['a kubelet that is too old', 'DOC-409', { nodes: [node({ node: nodeObject({ version: 'v1.20.2' }) })] }],
  [':10250 closed', 'DOC-501', { nodes: [node({ ...UNREACHED, ...SILENT })] }],
  [':10250 closed to all', 'DOC-501', { nodes: [node({ ...UNREACHED, ...SILENT, outOfReach: 'dial tcp: i/o timeout' })] }],
  [
    'a kubelet without a certificate, as the API server sees it alone',
    'DOC-519',
    { nodes: [node({ ...UNREACHED, ...SILENT, outOfReach: 'remote error: tls: internal error' })] },
  ],
  ['a kubelet without clientCAFile', 'DOC-520', { nodes: [node({ refusal: 'Unauthorized', configz: undefined })] }],
  ['an expired serving certificate', 'DOC-502', served({ notAfterMs: NOW_MS - 1 })],
  ['a certificate of the future', 'DOC-503', served({ notBeforeMs: NOW_MS + DAY_MS })],
  ['a renewal that did not come', 'DOC-504', served({ notAfterMs: NOW_MS + DAY_MS })],
  ['self-signed', 'DOC-505', withProbe({ certificate: certificate({ selfSigned: true }), trusted: false })],
  ['a certificate for another address', 'DOC-506', served({ names: ['10.0.0.2'] })],
  ['open to anybody', 'DOC-507', withProbe({ anonymousStatus: 200 })],
  ['a clock 7 minutes wrong', 'DOC-508', withProbe({ clockOffsetMs: 7 * 60_000 })],
  ['an expired client certificate', 'DOC-509', { nodes: [node({ clientTtlSeconds: -10 })] }],
  ['AlwaysAllow', 'DOC-511', withSettings({ authorization: { mode: 'AlwaysAllow' } })],
  ['anonymous', 'DOC-512', withSettings({ authentication: { anonymous: { enabled: true } } })],
  ['an expired webhook authority', 'DOC-601', { certificates: [certificate({ isCa: true, notAfterMs: NOW_MS - DAY_MS })] }],
  ['a client certificate of tomorrow', 'DOC-602', { certificates: [certificate({ notBeforeMs: NOW_MS + DAY_MS })] }],
  ['an authority near its end', 'DOC-604', { certificates: [certificate({ isCa: true, notAfterMs: NOW_MS + 90 * DAY_MS })] }],
  ['cluster-info of another authority', 'DOC-606', { clusterInfoAgrees: false }],
  ['no DNS', 'DOC-701', { dns: { serviceAddresses: [], endpoints: 0 } }],
  ['DNS without endpoints', 'DOC-702', { dns: { serviceAddresses: ['10.96.0.10'], endpoints: 0 } }],
  ['QA-01: no --kubeconfig', 'DOC-805', host({ units: [unitOf('kubelet', { 'bootstrap-kubeconfig': '/etc/b' })] })],
  ['swap', 'DOC-801', host({ swapAreas: ['/dev/sda2'] })],
  ['a key for all to read', 'DOC-802', host({ keys: [keyOf('-rw-r--r--')] })],
  ['a key for a group to read', 'DOC-802', host({ keys: [keyOf('-rw-r-----.')] })],
  ['a link that leads nowhere', 'DOC-803', host({ brokenLinks: ['/var/lib/kubelet/pki/kubelet-client-current.pem'] })],
  ['two pause images', 'DOC-804', host({ pauseImages: { runtime: 'pause:3.6', kubelet: 'pause:3.1' } })],
  [
    'not Ready',
    'DOC-401',
    { nodes: [node({ node: nodeObject({ ready: { status: 'Unknown', reason: 'NodeStatusUnknown' } }) })] },
  ],
  [
    'no leader',
    'DOC-410',
    { leaders: new Map([['kube-scheduler', { spec: { renewTime: at(-DAY_MS), leaseDurationSeconds: 15 } }]]) },
  ],
  [
    'a kubelet without a certificate',
    'DOC-519',
    withProbe({ certificate: undefined, unreachable: 'remote error: tls: internal error', endsHandshakes: true }),
  ],
  [
    "an API server's certificate near its end",
    'DOC-603',
    { certificates: [certificate({ notBeforeMs: NOW_MS - 345 * DAY_MS, notAfterMs: NOW_MS + 20 * DAY_MS })] },
  ],
  [
    'a node’s pods are outside of what kubeadm told kube-proxy',
    'DOC-813',
    {
      proxyClusterCidr: '10.244.0.0/16,fd00::/48',
      nodes: [
        node({ node: { ...nodeObject({}), spec: { podCIDR: '10.245.1.0/24', podCIDRs: ['10.245.1.0/24', 'fd00:0:0:1::/64'] } } }),
      ],
    },
  ],
  [
    'the controller-manager signs with a key that is gone from the API server',
    'DOC-608',
    {
      accountKeys: {
        verifying: ['key-2'],
        signed: new Map([
          ['key-1', ['kube-system/a', 'kube-system/b']],
          ['key-2', ['kube-system/c']],
        ]),
      },
    },
  ],
  [
    'a master with keys of its own for service accounts',
    'DOC-609',
    {
      hosts: ['m1', 'm2'].flatMap(
        (hostName) =>
          host({
            hostName,
            accountKeys: [
              {
                ...{ component: 'kube-apiserver', flag: 'service-account-key-file', path: '/etc/kubernetes/pki/sa.pub' },
                keyIds: hostName === 'm1' ? ['key-1'] : ['key-1', 'key-2'],
              },
              ...(hostName === 'm2' ? [signerOf('key-2')] : []),
            ],
          }).hosts,
      ),
    },
  ],
];

testFaults(FAULTS);

test('healthy clusters of several shapes give no alarm', () => {
  const shapes: Partial<Observations>[] = [
    {},
    // No tokens and no bindings for them: a cluster that nobody joins any more.
    { tokens: [], ...rbac(BINDINGS.renew) },
    // Nothing but the version may be read.
    {
      tokens: undefined,
      rbac: undefined,
      requests: undefined,
      nodes: undefined,
      leaders: undefined,
      dns: undefined,
      clusterInfoAgrees: undefined,
      certificates: [],
    },
    // Certificates that live for an hour, half of it gone.
    {
      nodes: [
        node({
          clientTtlSeconds: 1800,
          probe: probe({
            certificate: certificate({ names: ['10.0.0.1'], notBeforeMs: NOW_MS - 1_800_000, notAfterMs: NOW_MS + 1_800_000 }),
          }),
        }),
      ],
    },
    // A request that has just been made.
    { requests: [csr({ ageMs: 30_000 }), csr({ name: 'b', status: { ...approved, certificate: 'x' } })] },
    { nodes: [node({ configz: undefined, clientTtlSeconds: undefined, lease: undefined })] },
    // The doctor runs where no node can be reached: the API server reaches them.
    {
      nodes: [node(UNREACHED), node({ ...UNREACHED, node: nodeObject({ name: 'b', address: '10.0.0.2' }), configz: undefined })],
    },
    // Two nodes behind one router, as an external cloud provider or --node-external-ip tells; others by nothing but their names.
    {
      nodes: ['a', 'b'].map((name, i) =>
        node({ node: outside(nodeObject({ name, address: `10.0.0.${i + 1}` })), probe: undefined }),
      ),
    },
    { nodes: ['a', 'b'].map((name) => node({ node: byNameAlone(name), probe: undefined })) },
    host({}),
    // Keys are being replaced: verified with both, signed with one; of a file that cannot be read nothing is said.
    { accountKeys: { verifying: ['key-1', 'key-2'], signed: new Map([['key-2', ['kube-system/a']]]) } },
    { accountKeys: undefined },
    host({
      accountKeys: [
        { component: 'kube-apiserver', flag: 'service-account-key-file', path: '/sa.pub', keyIds: ['key-1', 'key-2'] },
        signerOf('key-2'),
        signerOf(),
      ],
    }),
    // Ports as the kernel has them by itself, or left out by hand; a program's own user; a network of two families; a balancer before three.
    host({
      units: [
        { ...unitOf('kubelet', { kubeconfig: '/etc/k', config: '$CONFIG', v: '2' }), user: 'kubelet' },
        unitOf('kube-proxy', { 'cluster-cidr': '10.244.0.0/16' }),
      ],
      localPorts: { from: 32_768, to: 60_999, reserved: '' },
      workDirectory: { mode: 'drwx------', owner: 'kubelet', path: '/var/lib/kubelet' },
    }),
    host({ units: [unitOf('kubelet', {})], localPorts: { from: 1024, to: 65_535, reserved: '6443,10250,30000-32767' } }),
    {
      ...{ proxyClusterCidr: '10.244.0.0/16', apiServers: ['10.0.0.11', '10.0.0.12'] },
      nodes: [node({ node: { ...nodeObject({}), spec: { podCIDRs: ['10.244.1.0/24', 'fd00:0:0:1::/64'] } } })],
    },
    // Keys with an access list, as the documents give the user kube one; a kubelet that has not joined yet; settings told otherwise.
    host({
      keys: [keyOf('-rw-r-----+')],
      units: [
        { ...unitOf('kube-apiserver', { 'tls-private-key-file': '/etc/kubernetes/pki/ca.key' }), user: 'kube' },
        unitOf('kubelet', { kubeconfig: '/etc/k', 'bootstrap-kubeconfig': '/etc/b' }),
      ],
      missing: [{ unit: unitOf('kubelet', {}).path, flag: 'kubeconfig', path: '/etc/k' }],
    }),
    {
      nodes: [node({ configz: { ...SETTINGS, syncFrequency: '1m0s', port: 10250 } })],
      ...host({
        hostName: 'node-1',
        kubeletFile: {
          path: '/c',
          settings: { kind: 'KubeletConfiguration', syncFrequency: '60s', port: '10250', podCIDR: '', healthzPort: 0 },
        },
      }),
    },
  ];
  for (const shape of shapes) assert.deepEqual(diagnose(observations(shape)), []);
});

test('a pile of requests of one node is told besides', () => {
  const requests = Array.from({ length: 7 }, (_, i) => csr({ name: `csr-${i}`, ageMs: (i + 1) * 10 * 60_000 }));
  const findings = diagnose(observations({ requests }));
  assert.deepEqual(
    findings.map(({ code, subject }) => [code, subject]),
    [
      ['DOC-301', 'csr/csr-0'],
      ['DOC-304', 'system:node:node-1'],
    ],
  );
});

/** As a signer answers: what was issued, and when it was asked for. */
async function issuedFor(life: { fromMs: number; untilMs: number }, madeMs: number, name = 'csr-a') {
  const { certificatePem } = await createSelfSigned({
    ...{ commonName: 'system:node:node-1', dnsNames: [], ipAddresses: [], notBeforeMs: life.fromMs, notAfterMs: life.untilMs },
  });
  return csr({
    name,
    ageMs: NOW_MS - madeMs,
    status: { ...approved, certificate: Buffer.from(certificatePem).toString('base64') },
  });
}

test('a signer whose certificates have ended before they were asked for is told of', async () => {
  const madeMs = NOW_MS - 20_000;
  const ended = await issuedFor({ fromMs: madeMs - 300_000, untilMs: madeMs - 60_000 }, madeMs);
  const codes = (requests: ReturnType<typeof csr>[]) => diagnose(observations({ requests })).map(({ code }) => code);
  assert.deepEqual(codes([ended]), ['DOC-305']);
  // One that has ended since was good once, and so is one after the signer was mended.
  assert.deepEqual(codes([await issuedFor({ fromMs: madeMs - 300_000, untilMs: madeMs + 10_000 }, madeMs)]), []);
  const mended = await issuedFor({ fromMs: madeMs - 290_000, untilMs: madeMs + 600_000 }, madeMs + 10_000, 'csr-b');
  assert.deepEqual(codes([ended, mended]), []);
  const unreadable = { ...ended, status: { ...ended.status, certificate: 'bm90aGluZw==' } };
  assert.deepEqual(codes([unreadable]), []);
});

test('a kubelet that asks again and again is told of, unless its certificates live for minutes', async () => {
  const many = async (lifeMs: number) => {
    const one = await issuedFor({ fromMs: NOW_MS - 300_000, untilMs: NOW_MS - 300_000 + lifeMs }, NOW_MS - 60_000);
    const requests = Array.from({ length: 30 }, (_, i) => ({ ...one, metadata: { ...one.metadata, name: `csr-${i}` } }));
    return diagnose(observations({ requests })).map(({ code, subject }) => [code, subject]);
  };
  assert.deepEqual(await many(DAY_MS), [['DOC-306', 'system:node:node-1']]);
  assert.deepEqual(await many(5 * 60_000), []);
});

test('of many requests of one node that were denied the newest is told', () => {
  const denied = { conditions: [{ type: 'Denied', status: 'True', reason: 'NotItsOwn', message: 'APV-306' }] };
  const requests = [3, 1, 2].map((hours) => csr({ name: `csr-${hours}`, ageMs: hours * 3_600_000, status: denied }));
  const [finding, ...more] = diagnose(observations({ requests }));
  assert.deepEqual([finding?.subject, more], ['csr/csr-1', []]);
  assert.match(finding!.evidence, /NotItsOwn: APV-306 \(the newest of 3 of system:node:node-1\)/);
});

test('codes are told with one severity order, the worst first', () => {
  const order = diagnose(
    observations({ ...served({ notAfterMs: NOW_MS - 1 }), tokens: [token({ expiresMs: undefined }), token({ groups: [] })] }),
  ).map(({ severity }) => severity);
  assert.deepEqual(order, ['error', 'warning', 'info']);
});

test('a name is covered as TLS clients judge it', () => {
  const names = ['Node-1.example.com', '*.pool.example.com', '10.0.0.1', '2001:db8::1'];
  for (const name of ['node-1.example.com', 'a.pool.example.com', '10.0.0.1', '2001:DB8:0::1'])
    assert.equal(covers(names, name), true, name);
  for (const name of ['pool.example.com', 'a.b.pool.example.com', '10.0.0.10', 'node-1', ''])
    assert.equal(covers(names, name), false, name);
  fc.assert(fc.property(fc.array(fc.string()), fc.string(), (list, name) => typeof covers(list, name) === 'boolean'));
});
