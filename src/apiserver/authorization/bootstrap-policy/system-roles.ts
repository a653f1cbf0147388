import type { PolicyRule } from '../policy-rule.ts';
import { nodeRules } from './node-rules.ts';
import { allow, allowPaths, READ, READ_WRITE, recordEvents } from './rule-notation.ts';

const READ_UPDATE = 'get list watch update patch';
const CSR = 'certificates.k8s.io';
const approver = (signer: string) => [allow('approve', CSR, 'signers', `kubernetes.io/${signer}`)];
const reviewAccess = [
  allow('create', 'authentication.k8s.io', 'tokenreviews'),
  allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
];
const leadAs = (name: string, verbs: string) => [
  allow('create', 'coordination.k8s.io', 'leases'),
  allow(verbs, 'coordination.k8s.io', 'leases', name),
];

/** ClusterRoles of people, nodes and components, besides those of controllers and the aggregated ones. */
export const systemRoles: Readonly<Record<string, readonly PolicyRule[]>> = {
  'cluster-admin': [allow('*', '*', '*'), allowPaths('*', '*')],
  'system:discovery': [
    allowPaths('get', '/livez /readyz /healthz /version /version/ /openapi /openapi/* /api /api/* /apis /apis/*'),
  ],
  'system:monitoring': [
    allowPaths('get', '/metrics /metrics/slis /livez /readyz /healthz /livez/* /readyz/* /healthz/*'),
    allowPaths('get', '/flagz'),
    allowPaths('get', '/statusz'),
    allow('get', 'core', 'nodes/metrics'),
  ],
  'system:basic-user': [
    allow('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
    allow('create', 'authentication.k8s.io', 'selfsubjectreviews'),
  ],
  'system:public-info-viewer': [allowPaths('get', '/livez /readyz /healthz /version /version/')],
  'system:heapster': [allow(READ, 'core', 'events namespaces nodes pods'), allow(READ, 'extensions', 'deployments')],
  'system:node': nodeRules,
  'system:node-problem-detector': [allow('get', 'core', 'nodes'), allow('patch', 'core', 'nodes/status'), recordEvents],
  'system:node-bootstrapper': [allow('create get list watch', CSR, 'certificatesigningrequests')],
  'system:auth-delegator': reviewAccess,
  'system:kube-aggregator': [allow(READ, 'core', 'endpoints services')],
  'system:kube-controller-manager': [
    recordEvents,
    ...leadAs('kube-controller-manager', 'get update'),
    allow('create', 'core', 'secrets serviceaccounts'),
    allow('delete', 'core', 'secrets'),
    allow('get', 'core', 'configmaps namespaces secrets serviceaccounts'),
    allow('update', 'core', 'secrets serviceaccounts'),
    ...reviewAccess,
    allow('list watch', '*', '*'),
    allow('create', 'core', 'serviceaccounts/token'),
  ],
  'system:kube-dns': [allow('list watch', 'core', 'endpoints services')],
  'system:persistent-volume-provisioner': [
    allow('get list watch create delete', 'core', 'persistentvolumes'),
    allow('get list watch update', 'core', 'persistentvolumeclaims'),
    allow(READ, 'storage.k8s.io', 'storageclasses'),
    allow('watch', 'core', 'events'),
    recordEvents,
  ],
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': [
    allow('create', CSR, 'certificatesigningrequests/nodeclient'),
  ],
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': [
    allow('create', CSR, 'certificatesigningrequests/selfnodeclient'),
  ],
  'system:certificates.k8s.io:legacy-unknown-approver': approver('legacy-unknown'),
  'system:certificates.k8s.io:kubelet-serving-approver': approver('kubelet-serving'),
  'system:certificates.k8s.io:kube-apiserver-client-approver': approver('kube-apiserver-client'),
  'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': approver('kube-apiserver-client-kubelet'),
  'system:volume-scheduler': [
    allow(READ_UPDATE, 'core', 'persistentvolumes'),
    allow(READ, 'storage.k8s.io', 'storageclasses'),
    allow(READ_UPDATE, 'core', 'persistentvolumeclaims'),
  ],
  'system:service-account-issuer-discovery': [
    allowPaths('get', `/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/`),
  ],
  'system:kubelet-api-admin': [
    allow(READ, 'core', 'nodes'),
    allow('proxy', 'core', 'nodes'),
    allow('*', 'core', 'nodes/log nodes/metrics nodes/proxy nodes/spec nodes/stats'),
  ],
  'system:node-proxier': [
    allow('list watch', 'core', 'endpoints services'),
    allow(READ, 'core', 'nodes'),
    recordEvents,
    allow('list watch', 'networking.k8s.io', 'servicecidrs'),
    allow('list watch', 'discovery.k8s.io', 'endpointslices'),
  ],
  'system:kube-scheduler': [
    recordEvents,
    ...leadAs('kube-scheduler', 'get list update watch'),
    allow(READ_WRITE, 'coordination.k8s.io', 'leasecandidates'),
    allow(READ, 'core', 'nodes'),
    allow('get list watch delete', 'core', 'pods'),
    allow('create', 'core', 'bindings pods/binding'),
    allow('patch update', 'core', 'pods/status'),
    allow(READ, 'core', 'replicationcontrollers services'),
    allow(READ, 'apps extensions', 'replicasets'),
    allow(READ, 'apps', 'statefulsets'),
    allow(READ, 'policy', 'poddisruptionbudgets'),
    allow(READ, 'core', 'persistentvolumeclaims persistentvolumes'),
    ...reviewAccess,
    allow(READ, 'storage.k8s.io', 'csinodes'),
    allow(READ, 'storage.k8s.io', 'volumeattachments'),
    allow(READ, 'core', 'namespaces'),
    allow(READ, 'storage.k8s.io', 'csidrivers'),
    allow(READ, 'storage.k8s.io', 'csistoragecapacities'),
    allow(READ, 'resource.k8s.io', 'deviceclasses'),
    allow(READ_UPDATE, 'resource.k8s.io', 'resourceclaims'),
    allow(READ_UPDATE, 'resource.k8s.io', 'resourceclaims/status'),
    allow(READ_UPDATE, 'core', 'pods/finalizers'),
    allow(READ, 'resource.k8s.io', 'resourceslices'),
    // Claims for pods that ask for devices as for any other resource.
    allow('create delete', 'resource.k8s.io', 'resourceclaims'),
    allow('update patch', 'resource.k8s.io', 'resourceclaims/binding'),
  ],
};

/** Whom the ClusterRole of the same name is given to: `group:`, `user:` or `account:` (in kube-system), parted by blanks. */
export const systemBindings: Readonly<Record<string, string>> = {
  'cluster-admin': 'group:system:masters',
  'system:monitoring': 'group:system:monitoring',
  'system:discovery': 'group:system:authenticated',
  'system:basic-user': 'group:system:authenticated',
  'system:public-info-viewer': 'group:system:authenticated group:system:unauthenticated',
  'system:node-proxier': 'user:system:kube-proxy',
  'system:kube-controller-manager': 'user:system:kube-controller-manager',
  'system:kube-dns': 'account:kube-dns',
  'system:kube-scheduler': 'user:system:kube-scheduler',
  'system:volume-scheduler': 'user:system:kube-scheduler',
  // The Node authorizer took this binding's place; it stays, empty, for those who look for it.
  'system:node': '',
  'system:service-account-issuer-discovery': 'group:system:serviceaccounts',
};
