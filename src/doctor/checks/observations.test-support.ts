import type { V1CertificateSigningRequest, V1ClusterRole, V1ClusterRoleBinding, V1Node } from '../../api/gen/types.ts';
import type { KubeletProbe, Observations, SeenCertificate, SeenNode, SeenToken } from '../observations.ts';

export const NOW_MS = Date.parse('2026-06-01T12:00:00Z');
export const DAY_MS = 86_400_000;
export const at = (ms: number) => new Date(NOW_MS + ms).toISOString();

export function certificate(changes: Partial<SeenCertificate> = {}): SeenCertificate {
  return {
    where: 'API server',
    subject: 'CN=kube-apiserver',
    issuer: 'CN=kubernetes',
    notBeforeMs: NOW_MS - 30 * DAY_MS,
    notAfterMs: NOW_MS + 335 * DAY_MS,
    names: ['10.0.0.10'],
    isCa: false,
    selfSigned: false,
    ...changes,
  };
}

export const token = (changes: Partial<SeenToken> = {}): SeenToken => ({
  secretName: 'bootstrap-token-abcdef',
  id: 'abcdef',
  problem: undefined,
  expiresMs: NOW_MS + DAY_MS,
  usages: ['authentication', 'signing'],
  groups: ['system:bootstrappers:kubeadm:default-node-token'],
  ...changes,
});

export const SETTINGS = {
  rotateCertificates: true,
  serverTLSBootstrap: true,
  authentication: { anonymous: { enabled: false } },
  authorization: { mode: 'Webhook' },
  cgroupDriver: 'systemd',
  clusterDNS: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
};

export const probe = (changes: Partial<KubeletProbe> = {}): KubeletProbe => ({
  address: '10.0.0.1',
  port: 10250,
  certificate: certificate({ where: 'node/node-1 :10250', names: ['node-1', '10.0.0.1'] }),
  trusted: true,
  clockOffsetMs: 200,
  anonymousStatus: 401,
  ...changes,
});

export function nodeObject(
  changes: { name?: string; address?: string; ready?: object; hostName?: string; version?: string } = {},
): V1Node {
  const { name = 'node-1', address = '10.0.0.1', hostName = name, version = 'v1.36.0', ready } = changes;
  return {
    metadata: { name },
    status: {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: hostName },
      ],
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '', ...ready }],
      nodeInfo: { kubeletVersion: version },
    },
  } as V1Node;
}

export const node = (changes: Partial<SeenNode> = {}): SeenNode => ({
  node: nodeObject(),
  lease: { metadata: { name: 'node-1' }, spec: { renewTime: at(-5000) } },
  probe: probe(),
  configz: SETTINGS,
  clientTtlSeconds: 200 * 86_400,
  ...changes,
});

const CSR = 'certificatesigningrequests';
const role = (name: string, resource: string, changes: object = {}): V1ClusterRole => ({
  metadata: { name },
  rules: [{ apiGroups: ['certificates.k8s.io'], resources: [resource], verbs: ['create'], ...changes }],
});
export const binding = (name: string, roleName: string, kind: string, subject: string): V1ClusterRoleBinding => ({
  metadata: { name },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
  subjects: [{ kind, name: subject, apiGroup: 'rbac.authorization.k8s.io' }],
});
const NODE_CLIENT = `system:certificates.k8s.io:${CSR}:nodeclient`;
const SELF_CLIENT = `system:certificates.k8s.io:${CSR}:selfnodeclient`;
export const ROLES = [
  role('system:node-bootstrapper', CSR),
  role(NODE_CLIENT, `${CSR}/nodeclient`),
  role(SELF_CLIENT, `${CSR}/selfnodeclient`),
  { metadata: { name: 'cluster-admin' }, rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] },
  { metadata: { name: 'system:public-info-viewer' }, rules: [] },
  { metadata: { name: 'system:node' }, rules: [] },
] as V1ClusterRole[];
export const BINDINGS = {
  bootstrap: binding('kubelet-bootstrap', 'system:node-bootstrapper', 'Group', 'system:bootstrappers'),
  approve: binding('auto-approve', NODE_CLIENT, 'Group', 'system:bootstrappers'),
  renew: binding('renew', SELF_CLIENT, 'Group', 'system:nodes'),
  admin: binding('cluster-admin', 'cluster-admin', 'Group', 'system:masters'),
  public: binding('public', 'system:public-info-viewer', 'Group', 'system:unauthenticated'),
} as const;
export const selfServerRole = (changes: object = {}) => role('approve-node-server-renewal-csr', `${CSR}/selfnodeserver`, changes);

export const csr = (
  changes: { name?: string; ageMs?: number; signer?: string; status?: object } = {},
): V1CertificateSigningRequest => ({
  metadata: { name: changes.name ?? 'csr-abcde', creationTimestamp: at(-(changes.ageMs ?? 10 * 60_000)) },
  spec: {
    request: '',
    signerName: changes.signer ?? 'kubernetes.io/kubelet-serving',
    username: 'system:node:node-1',
    usages: ['server auth'],
  },
  status: changes.status,
});

/** A cluster that has nothing wrong, changed. */
export function observations(changes: Partial<Observations> = {}): Observations {
  const lease = (name: string) =>
    [name, { metadata: { name }, spec: { holderIdentity: 'm1', renewTime: at(-2000), leaseDurationSeconds: 15 } }] as const;
  return {
    nowMs: NOW_MS,
    server: 'https://10.0.0.10:6443',
    serverVersion: 'v1.36.0',
    ...{ authorityPem: undefined, clientAuthorityPem: undefined },
    certificates: [
      certificate(),
      certificate({ where: 'kubeconfig authority', isCa: true, selfSigned: true, notAfterMs: NOW_MS + 3600 * DAY_MS }),
    ],
    serverNameProblem: undefined,
    clusterInfoAgrees: true,
    tokens: [token()],
    rbac: { roles: ROLES, bindings: Object.values(BINDINGS) },
    requests: [],
    nodes: [node()],
    leaders: new Map([lease('kube-controller-manager'), lease('kube-scheduler')]),
    apiServices: [],
    ...{ apiServers: ['10.0.0.10'], proxyClusterCidr: undefined },
    accountKeys: { verifying: ['key-1'], signed: new Map([['key-1', ['kube-system/default-token-abcde']]]) },
    dns: { serviceAddresses: ['10.96.0.10'], endpoints: 2 },
    hosts: [],
    notSeen: [],
    ...changes,
  };
}
