/** What guides get wrong, by the rows of section 27 of the acceptance list. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Fault,
  host,
  keyOf,
  rbac,
  testFaults,
  unitOf,
  withBinding,
  withProbe,
  withSettings,
} from './faults.test-support.ts';
import * as seen from './observations.test-support.ts';

const { BINDINGS, ROLES, SETTINGS, binding, certificate, node, nodeObject, token } = seen;

const MISTAKES: readonly Fault[] = [
  ['C-18: a token for ever', 'DOC-102', { tokens: [token({ expiresMs: undefined })] }],
  ['C-17: no right to create requests', 'DOC-201', rbac(BINDINGS.approve, BINDINGS.renew)],
  [
    'M-02: a binding to a role that is not there',
    'DOC-204',
    withBinding(
      binding('server', 'system:certificates.k8s.io:certificatesigningrequests:selfnodeserver', 'Group', 'system:nodes'),
    ),
  ],
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
  [
    'C-23, QA-03: no CNI',
    'DOC-402',
    { nodes: [node({ node: nodeObject({ ready: { status: 'False', message: 'cni plugin not initialized' } }) })] },
  ],
  [
    'M-03: an API server whose user may not',
    'DOC-520',
    { nodes: [node({ refusal: 'Forbidden (user=apiserver, verb=get, resource=nodes, subresource=proxy)', configz: undefined })] },
  ],
  ['C-02: another authority', 'DOC-505', withProbe({ trusted: false })],
  [
    'C-04: rotation by a gate alone',
    'DOC-510',
    withSettings({ rotateCertificates: false, featureGates: { RotateKubeletClientCertificate: true } }),
  ],
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
  ['C-14: a certificate without the virtual address', 'DOC-605', { serverNameProblem: 'it is for 10.0.0.11' }],
  [
    'C-29: metrics-server is down',
    'DOC-703',
    { apiServices: [{ name: 'v1beta1.metrics.k8s.io', service: 'a/b', available: false, reason: 'FailedDiscoveryCheck: …' }] },
  ],
  ['C-22: health for everybody', 'DOC-518', withSettings({ healthzBindAddress: '0.0.0.0', healthzPort: 10248 })],
  [
    'C-20: two units',
    'DOC-806',
    host({ units: [unitOf('kubelet', {}), { ...unitOf('kubelet', {}), path: '/usr/lib/systemd/system/kubelet.service' }] }),
  ],
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
    {
      nodes: undefined,
      ...host({
        units: [unitOf('kubelet', { 'hostname-override': 'k8s-node-1' }), unitOf('kube-proxy', { config: '/etc/p' })],
        proxyFile: { path: '/etc/p', settings: { hostnameOverride: '172.16.90.204' } },
      }),
    },
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
    'M-04: a unit with a fixed name on every host',
    'DOC-814',
    {
      nodes: undefined,
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

testFaults(MISTAKES);

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
  const told = new Set(MISTAKES.flatMap(([fault]) => fault.match(/[CM]-\d\d/g) ?? []));
  for (const row of rows)
    assert.equal(told.has(row), NOTHING_TO_FIND[row] === undefined, `${row} is found, or has a reason, and not both`);
  assert.equal(told.size + Object.keys(NOTHING_TO_FIND).length, rows.length);
});
