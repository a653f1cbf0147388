import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HostObservations, HostUnit, Observations } from '../observations.ts';
import { diagnose } from './all-checks.ts';
import { covers } from './name-cover.ts';
import * as seen from './observations.test-support.ts';

const { DAY_MS, NOW_MS, at, BINDINGS, ROLES, binding, certificate, csr, node, nodeObject, observations, probe, SETTINGS, token } =
  seen;
const rbac = (...bindings: (typeof BINDINGS)[keyof typeof BINDINGS][]) => ({ rbac: { roles: ROLES, bindings } });
const withBinding = (...more: ReturnType<typeof binding>[]) => ({
  rbac: { roles: ROLES, bindings: [...Object.values(BINDINGS), ...more] },
});
const withSettings = (changes: object) => ({ nodes: [node({ configz: { ...SETTINGS, ...changes } })] });
const withProbe = (changes: Parameters<typeof probe>[0]) => ({ nodes: [node({ probe: probe(changes) })] });
const served = (changes: Parameters<typeof certificate>[0]) =>
  withProbe({ certificate: certificate({ names: ['10.0.0.1'], ...changes }) });
const host = (changes: Partial<HostObservations>) => ({
  hosts: [
    {
      ...{ hostName: 'm1', prefix: '', swapAreas: [], certificates: [], keys: [], brokenLinks: [], units: [], missing: [] },
      pauseImages: { runtime: undefined, kubelet: undefined },
      ...{ kubeletFile: undefined, proxyFile: undefined, unreadable: [], workDirectory: undefined, localPorts: undefined },
      ...changes,
    },
  ],
});
const unitOf = (component: string, flags: Record<string, string>): HostUnit => ({
  ...{ component, path: `/etc/systemd/system/${component}.service`, flags: new Map(Object.entries(flags)) },
  ...{ user: undefined, whole: true, lost: [], requires: [] },
});
const keyOf = (mode: string) => ({ mode, owner: 'root', path: '/etc/kubernetes/pki/ca.key' });
const approved = { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: at(-10 * 60_000) }] };

/** Each fault, and the one finding that is to come of it. */
const FAULTS: readonly [fault: string, code: string, changes: Partial<Observations>][] = [
  ['a token Secret of a wrong form', 'DOC-101', { tokens: [token({ problem: 'token-id is wrong' })] }],
  ['C-18: a token for ever', 'DOC-102', { tokens: [token({ expiresMs: undefined })] }],
  ['a token that nobody cleaned up', 'DOC-103', { tokens: [token({ expiresMs: NOW_MS - DAY_MS })] }],
  ['a token about to end', 'DOC-104', { tokens: [token({ expiresMs: NOW_MS + 60_000 })] }],
  ['a token that may not authenticate', 'DOC-105', { tokens: [token({ usages: ['signing'] })] }],
  ['a token without groups', 'DOC-106', { tokens: [token({ groups: [] })] }],
  ['C-17: no right to create requests', 'DOC-201', rbac(BINDINGS.approve, BINDINGS.renew)],
  ['no automatic approval', 'DOC-202', rbac(BINDINGS.bootstrap, BINDINGS.renew)],
  ['no renewal', 'DOC-203', rbac(BINDINGS.bootstrap, BINDINGS.approve)],
  [
    'M-02: a binding to a role that is not there',
    'DOC-204',
    withBinding(
      binding('server', 'system:certificates.k8s.io:certificatesigningrequests:selfnodeserver', 'Group', 'system:nodes'),
    ),
  ],
  ['nodes are administrators', 'DOC-205', withBinding(binding('oops', 'cluster-admin', 'Group', 'system:nodes'))],
  ['anybody reads nodes', 'DOC-206', withBinding(binding('oops', 'system:node', 'User', 'system:anonymous'))],
  ['all nodes in one role', 'DOC-207', withBinding(binding('oops', 'system:node', 'Group', 'system:nodes'))],
  [
    'C-01: renewal of serving certificates that nobody acts on',
    'DOC-208',
    {
      rbac: {
        roles: [...ROLES, seen.selfServerRole()],
        bindings: [...Object.values(BINDINGS), binding('s', 'approve-node-server-renewal-csr', 'Group', 'system:nodes')],
      },
    },
  ],
  [
    'M-02: a role with the group as a name',
    'DOC-209',
    {
      rbac: {
        roles: [...ROLES, seen.selfServerRole({ resourceNames: ['certificates.k8s.io'] })],
        bindings: Object.values(BINDINGS),
      },
    },
  ],
  ['a serving request that waits', 'DOC-301', { requests: [csr()] }],
  ['approved and not issued', 'DOC-302', { requests: [csr({ status: approved })] }],
  ['denied', 'DOC-303', { requests: [csr({ status: { conditions: [{ type: 'Denied', status: 'True', reason: 'No' }] } })] }],
  [
    'not Ready',
    'DOC-401',
    { nodes: [node({ node: nodeObject({ ready: { status: 'Unknown', reason: 'NodeStatusUnknown' } }) })] },
  ],
  [
    'C-23, QA-03: no CNI',
    'DOC-402',
    { nodes: [node({ node: nodeObject({ ready: { status: 'False', message: 'cni plugin not initialized' } }) })] },
  ],
  ['a silent kubelet', 'DOC-403', { nodes: [node({ lease: { spec: { renewTime: at(-35_000) } } })] }],
  ['capital letters', 'DOC-404', { nodes: [node({ node: nodeObject({ hostName: 'Node-1' }) })] }],
  ['another host name', 'DOC-405', { nodes: [node({ node: nodeObject({ hostName: 'pc17' }) })] }],
  ['QA-04: one address twice', 'DOC-407', { nodes: [node(), node({ node: nodeObject({ name: 'node-2' }) })] }],
  ['a kubelet that is too new', 'DOC-408', { nodes: [node({ node: nodeObject({ version: 'v1.37.0' }) })] }],
  ['a kubelet that is too old', 'DOC-409', { nodes: [node({ node: nodeObject({ version: 'v1.20.2' }) })] }],
  [
    'no leader',
    'DOC-410',
    { leaders: new Map([['kube-scheduler', { spec: { renewTime: at(-DAY_MS), leaseDurationSeconds: 15 } }]]) },
  ],
  [':10250 closed', 'DOC-501', { nodes: [node({ probe: { address: '10.0.0.1', port: 10250, unreachable: 'ECONNREFUSED' } })] }],
  [
    'a kubelet without a certificate',
    'DOC-519',
    withProbe({ certificate: undefined, unreachable: 'remote error: tls: internal error', endsHandshakes: true }),
  ],
  ['a kubelet without clientCAFile', 'DOC-520', { nodes: [node({ refusal: 'Unauthorized', configz: undefined })] }],
  [
    'M-03: an API server whose user may not',
    'DOC-520',
    { nodes: [node({ refusal: 'Forbidden (user=apiserver, verb=get, resource=nodes, subresource=proxy)', configz: undefined })] },
  ],
  ['an expired serving certificate', 'DOC-502', served({ notAfterMs: NOW_MS - 1 })],
  ['a certificate of the future', 'DOC-503', served({ notBeforeMs: NOW_MS + DAY_MS })],
  ['a renewal that did not come', 'DOC-504', served({ notAfterMs: NOW_MS + DAY_MS })],
  ['self-signed', 'DOC-505', withProbe({ certificate: certificate({ selfSigned: true }), trusted: false })],
  ['C-02: another authority', 'DOC-505', withProbe({ trusted: false })],
  ['a certificate for another address', 'DOC-506', served({ names: ['10.0.0.2'] })],
  ['open to anybody', 'DOC-507', withProbe({ anonymousStatus: 200 })],
  ['a clock 7 minutes wrong', 'DOC-508', withProbe({ clockOffsetMs: 7 * 60_000 })],
  ['an expired client certificate', 'DOC-509', { nodes: [node({ clientTtlSeconds: -10 })] }],
  [
    'C-04: rotation by a gate alone',
    'DOC-510',
    withSettings({ rotateCertificates: false, featureGates: { RotateKubeletClientCertificate: true } }),
  ],
  ['AlwaysAllow', 'DOC-511', withSettings({ authorization: { mode: 'AlwaysAllow' } })],
  ['anonymous', 'DOC-512', withSettings({ authentication: { anonymous: { enabled: true } } })],
  ['M-11: a read-only port', 'DOC-513', withSettings({ readOnlyPort: 10255 })],
  ['C-07: swap allowed', 'DOC-514', withSettings({ failSwapOn: false })],
  ['C-09: a dot at the end', 'DOC-515', withSettings({ clusterDomain: 'cluster.local.' })],
  ['C-10: another DNS address', 'DOC-516', withSettings({ clusterDNS: ['10.254.0.2'] })],
  [
    'C-08: two drivers',
    'DOC-517',
    {
      nodes: [
        node(),
        node({
          node: nodeObject({ name: 'node-2', address: '10.0.0.2' }),
          probe: undefined,
          configz: { ...SETTINGS, cgroupDriver: 'cgroupfs' },
        }),
      ],
    },
  ],
  ['an expired webhook authority', 'DOC-601', { certificates: [certificate({ isCa: true, notAfterMs: NOW_MS - DAY_MS })] }],
  ['a client certificate of tomorrow', 'DOC-602', { certificates: [certificate({ notBeforeMs: NOW_MS + DAY_MS })] }],
  [
    "an API server's certificate near its end",
    'DOC-603',
    { certificates: [certificate({ notBeforeMs: NOW_MS - 345 * DAY_MS, notAfterMs: NOW_MS + 20 * DAY_MS })] },
  ],
  ['an authority near its end', 'DOC-604', { certificates: [certificate({ isCa: true, notAfterMs: NOW_MS + 90 * DAY_MS })] }],
  ['C-14: a certificate without the virtual address', 'DOC-605', { serverNameProblem: 'it is for 10.0.0.11' }],
  ['cluster-info of another authority', 'DOC-606', { clusterInfoAgrees: false }],
  ['no DNS', 'DOC-701', { dns: { serviceAddresses: [], endpoints: 0 } }],
  ['DNS without endpoints', 'DOC-702', { dns: { serviceAddresses: ['10.96.0.10'], endpoints: 0 } }],
  [
    'C-29: metrics-server is down',
    'DOC-703',
    { apiServices: [{ name: 'v1beta1.metrics.k8s.io', service: 'a/b', available: false, reason: 'FailedDiscoveryCheck: …' }] },
  ],
  ['C-22: health for everybody', 'DOC-518', withSettings({ healthzBindAddress: '0.0.0.0', healthzPort: 10248 })],
  ['QA-01: no --kubeconfig', 'DOC-805', host({ units: [unitOf('kubelet', { 'bootstrap-kubeconfig': '/etc/b' })] })],
  [
    'C-20: two units',
    'DOC-806',
    host({ units: [unitOf('kubelet', {}), { ...unitOf('kubelet', {}), path: '/usr/lib/systemd/system/kubelet.service' }] }),
  ],
  ['swap', 'DOC-801', host({ swapAreas: ['/dev/sda2'] })],
  ['a key for all to read', 'DOC-802', host({ keys: [keyOf('-rw-r--r--')] })],
  ['a key for a group to read', 'DOC-802', host({ keys: [keyOf('-rw-r-----.')] })],
  ['a link that leads nowhere', 'DOC-803', host({ brokenLinks: ['/var/lib/kubelet/pki/kubelet-client-current.pem'] })],
  ['two pause images', 'DOC-804', host({ pauseImages: { runtime: 'pause:3.6', kubelet: 'pause:3.1' } })],
  ['M-05: a backslash is missing', 'DOC-807', host({ units: [{ ...unitOf('kubelet', {}), lost: ['--v'] }] })],
  [
    'M-01: signing with a server’s certificate',
    'DOC-808',
    host({
      units: [unitOf('kube-controller-manager', { 'cluster-signing-cert-file': '/etc/kubernetes/ssl/apiserver.pem' })],
      certificates: [certificate({ where: '/etc/kubernetes/ssl/apiserver.pem' })],
    }),
  ],
  [
    'C-13, M-16, M-17: a file that is not there',
    'DOC-809',
    host({
      units: [unitOf('kube-scheduler', {})],
      missing: [
        { unit: unitOf('kube-scheduler', {}).path, flag: 'kubeconfig', path: '/etc/kubernetes/kube-scheduler.kubeconfig' },
      ],
    }),
  ],
  [
    'M-20: a key for root alone',
    'DOC-810',
    host({
      units: [{ ...unitOf('kube-apiserver', { 'tls-private-key-file': '/etc/kubernetes/ssl/ca.key' }), user: 'kube' }],
      keys: [{ ...keyOf('-rw-------'), path: '/etc/kubernetes/ssl/ca.key' }],
    }),
  ],
  ['M-19: no --audit-log-path', 'DOC-811', host({ units: [unitOf('kube-apiserver', { 'audit-log-maxage': '30' })] })],
  [
    'C-11: two names of one node',
    'DOC-812',
    host({
      units: [unitOf('kubelet', { 'hostname-override': 'k8s-node-1' }), unitOf('kube-proxy', { config: '/etc/p' })],
      proxyFile: { path: '/etc/p', settings: { hostnameOverride: '172.16.90.204' } },
    }),
  ],
  [
    'C-12: kube-proxy’s clusterCIDR is a part of the pods’ network',
    'DOC-813',
    host({
      units: [unitOf('kube-proxy', { config: '/etc/p' }), unitOf('kube-controller-manager', { 'cluster-cidr': '10.64.0.0/10' })],
      proxyFile: { path: '/etc/p', settings: { clusterCIDR: '10.80.0.0/12' } },
    }),
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
    'M-04: a unit with a fixed name on every host',
    'DOC-814',
    {
      hosts: ['m1', 'm2'].flatMap(
        (hostName) => host({ hostName, units: [unitOf('kubelet', { 'hostname-override': 'k8sm01' })] }).hosts,
      ),
    },
  ],
  ['M-08: --kubeletconfig', 'DOC-815', host({ units: [unitOf('kubelet', { kubeletconfig: '/etc/k' })] })],
  [
    'C-25: --admission-control',
    'DOC-815',
    host({ units: [unitOf('kube-apiserver', { 'admission-control': 'ServiceAccount' })] }),
  ],
  ['C-27: --cadvisor-port', 'DOC-815', host({ units: [unitOf('kubelet', { 'cadvisor-port': '4194' })] })],
  [
    'C-28: an eviction timeout without effect',
    'DOC-815',
    host({ units: [unitOf('kube-controller-manager', { 'pod-eviction-timeout': '30s' })] }),
  ],
  [
    'M-18: a stray # after a quote',
    'DOC-816',
    host({ unreadable: [{ path: '/etc/kubernetes/kube-proxy.yaml', why: 'line 4' }] }),
  ],
  [
    'M-12, M-13: the administrator’s certificate under the kubelet’s name',
    'DOC-817',
    host({ certificates: [certificate({ where: '/etc/kubernetes/ssl/kubelet.pem', subject: 'CN=admin, O=system:masters' })] }),
  ],
  ['M-37: a relative path', 'DOC-818', host({ units: [unitOf('kube-apiserver', { 'token-auth-file': 'bootstrap-token.csv' })] })],
  [
    'M-23: a unit of the old network scripts',
    'DOC-819',
    host({ units: [{ ...unitOf('kube-proxy', {}), requires: ['network.service'] }] }),
  ],
  [
    'M-24: ports for outgoing connections from 1024 on',
    'DOC-820',
    host({ units: [unitOf('kubelet', {})], localPorts: { from: 1024, to: 65_535, reserved: '' } }),
  ],
  [
    'M-21: the kubelet’s directory is another user’s',
    'DOC-821',
    host({ units: [unitOf('kubelet', {})], workDirectory: { mode: 'drwx------', owner: 'kube', path: '/data/kubelet' } }),
  ],
  [
    'M-06, M-22: a unit runs a program that is not there',
    'DOC-809',
    host({ units: [unitOf('kubelet', {})], missing: [{ unit: unitOf('kubelet', {}).path, flag: 'program', path: '/kubelet' }] }),
  ],
  ['C-14: one of three masters in the kubeconfig', 'DOC-607', { apiServers: ['10.0.0.10', '10.0.0.11', '10.0.0.12'] }],
  [
    'C-05, C-06, M-09, M-32: a file that was changed, or that flags win over, or with a field that is none',
    'DOC-521',
    {
      nodes: [node({ configz: { ...SETTINGS, maxPods: 110, runtimeRequestTimeout: '2m0s' } })],
      ...host({
        hostName: 'node-1',
        kubeletFile: {
          path: '/var/lib/kubelet/config.yaml',
          settings: { maxPods: 220, runtimeRequestTimeout: '120s', authroization: { mode: 'Webhook' } },
        },
      }),
    },
  ],
];

/** Of the list of contradictions and mistakes, those that no cluster and no host can show, and why. */
const NOTHING_TO_FIND: Readonly<Record<string, string>> = {
  'C-03': 'who makes keys and certificates is told differently; it is done in one way',
  'C-15': 'tokens of a file and tokens in Secrets both work',
  'C-16': 'a token of a file has any form',
  'C-19': 'names of bindings are free',
  'C-21': 'a kubelet without its bootstrap kubeconfig ends and says so; one that has joined needs none',
  'C-24': 'a setting of Calico, either of which works',
  'C-26': 'a name that kubelets used before they linked to files with dates',
  'C-30': 'names of files are free',
  'C-31': 'samples of several runs',
  'C-32': 'no difference in the result',
  'M-07': 'an address that is another host’s: the component ends and says so; a name is C-11 and M-04',
  'M-10': 'a slip of the text',
  'M-14': 'a slip of the text',
  'M-15': 'a kubeconfig with paths: its reader ends and names the file that is not there',
  'M-25': 'a setting of Calico that its own manifest explains',
  'M-26': 'Calico names the file that it does not find',
  'M-27': 'kubectl refuses the Secret',
  'M-28': 'slips of the text',
  'M-29': 'a command; kube-proxy puts its rules back',
  'M-30': 'where a manifest came from cannot be seen in it',
  'M-31': 'a registered node takes no notice of the field',
  'M-33': 'newer releases make no such Secrets, and say so',
  'M-34': 'information that looks like an error',
  'M-35': 'wording of older releases',
  'M-36': 'a matter of curl',
  'M-38': 'a slip of the text',
  'M-39': 'an order of steps, told wrongly',
  'M-40': 'slips of the text',
  'M-41': 'slips of the text',
};

test('each contradiction and each mistake of the guides is a finding, or nothing that could be found', () => {
  const rows = [
    ...Array.from({ length: 32 }, (_, i) => `C-${String(i + 1).padStart(2, '0')}`),
    ...Array.from({ length: 41 }, (_, i) => `M-${String(i + 1).padStart(2, '0')}`),
  ];
  const told = new Set(FAULTS.flatMap(([fault]) => fault.match(/[CM]-\d\d/g) ?? []));
  for (const row of rows)
    assert.equal(told.has(row), NOTHING_TO_FIND[row] === undefined, `${row} is found, or has a reason, and not both`);
  assert.equal(told.size + Object.keys(NOTHING_TO_FIND).length, rows.length);
});

for (const [fault, code, changes] of FAULTS)
  test(`${code}: ${fault}, and nothing else`, () => {
    const findings = diagnose(observations(changes));
    assert.deepEqual(
      findings.map((finding) => finding.code),
      [code],
    );
    for (const { message, evidence, remedy } of findings)
      for (const text of [message, evidence, remedy]) assert.notEqual(text, '');
  });

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
    host({}),
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
