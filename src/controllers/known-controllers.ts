/** Upstream's name for a controller, what it was called before 1.27, and whom it acts as. */
export interface KnownController {
  readonly name: string;
  readonly alias?: string;
  /** Its ServiceAccount in kube-system. */
  readonly account: string;
  /** Runs only when named. */
  readonly disabledByDefault?: boolean;
  /** Whether this controller manager has it. */
  readonly supported?: boolean;
  /** Nodes that join, and pods that are created, wait for it: started before the others. */
  readonly urgent?: boolean;
}

/** Not a ServiceAccount: the manager as it is. */
export const MANAGER_ACCOUNT = 'kube-controller-manager';

const known = (name: string, alias: string, account: string): KnownController => ({ name, alias, account });
const supported = (name: string, alias: string, account: string): KnownController => ({ name, alias, account, supported: true });
const urgent = (name: string, alias: string, account: string): KnownController => ({
  ...supported(name, alias, account),
  urgent: true,
});

/** Whom a controller's events are from, where upstream does not use its name. */
const EVENT_SOURCES: ReadonlyMap<string, string> = new Map([
  ['disruption-controller', 'controllermanager'],
  ['endpoints-controller', 'endpoint-controller'],
  ['endpointslice-controller', 'endpoint-slice-controller'],
  ['endpointslice-mirroring-controller', 'endpoint-slice-mirroring-controller'],
  ['ephemeral-volume-controller', 'ephemeral_volume'],
  ['horizontal-pod-autoscaler-controller', 'horizontal-pod-autoscaler'],
  ['node-ipam-controller', 'cidrAllocator'],
  ['node-lifecycle-controller', 'node-controller'],
  ['persistentvolume-attach-detach-controller', 'attachdetach-controller'],
  ['persistentvolume-binder-controller', 'persistentvolume-controller'],
  ['persistentvolume-expander-controller', 'volume_expand'],
  ['replicationcontroller-controller', 'replication-controller'],
  ['resourceclaim-controller', 'resource_claim'],
]);

export const eventSourceOf = (controller: string): string => EVENT_SOURCES.get(controller) ?? controller;

/** Every controller that upstream's controller manager has had since 1.10 (cmd/kube-controller-manager/names, app/controllermanager.go). */
export const KNOWN_CONTROLLERS: readonly KnownController[] = [
  // The manager itself: what makes tokens cannot wait for one, and upstream has no role for an account of its own.
  urgent('serviceaccount-token-controller', 'serviceaccount-token', MANAGER_ACCOUNT),
  urgent('certificatesigningrequest-approving-controller', 'csrapproving', 'certificate-controller'),
  urgent('certificatesigningrequest-signing-controller', 'csrsigning', 'certificate-controller'),
  supported('certificatesigningrequest-cleaner-controller', 'csrcleaner', 'certificate-controller'),
  { ...supported('bootstrap-signer-controller', 'bootstrapsigner', 'bootstrap-signer'), disabledByDefault: true },
  { ...supported('token-cleaner-controller', 'tokencleaner', 'token-cleaner'), disabledByDefault: true },
  urgent('serviceaccount-controller', 'serviceaccount', 'service-account-controller'),
  supported('root-ca-certificate-publisher-controller', 'root-ca-cert-publisher', 'root-ca-cert-publisher'),
  supported('node-ipam-controller', 'nodeipam', 'node-controller'),
  supported('node-lifecycle-controller', 'nodelifecycle', 'node-controller'),
  { name: 'taint-eviction-controller', account: 'node-controller', supported: true },
  supported('clusterrole-aggregation-controller', 'clusterrole-aggregation', 'clusterrole-aggregation-controller'),
  supported('namespace-controller', 'namespace', 'namespace-controller'),
  supported('ttl-controller', 'ttl', 'ttl-controller'),
  supported('pod-garbage-collector-controller', 'podgc', 'pod-garbage-collector'),
  supported('garbage-collector-controller', 'garbagecollector', 'generic-garbage-collector'),
  supported('endpoints-controller', 'endpoint', 'endpoint-controller'),
  supported('endpointslice-controller', 'endpointslice', 'endpointslice-controller'),
  supported('endpointslice-mirroring-controller', 'endpointslicemirroring', 'endpointslicemirroring-controller'),
  supported('replicationcontroller-controller', 'replicationcontroller', 'replication-controller'),
  supported('resourcequota-controller', 'resourcequota', 'resourcequota-controller'),
  supported('daemonset-controller', 'daemonset', 'daemon-set-controller'),
  supported('job-controller', 'job', 'job-controller'),
  supported('deployment-controller', 'deployment', 'deployment-controller'),
  supported('replicaset-controller', 'replicaset', 'replicaset-controller'),
  supported('horizontal-pod-autoscaler-controller', 'horizontalpodautoscaling', 'horizontal-pod-autoscaler'),
  supported('disruption-controller', 'disruption', 'disruption-controller'),
  supported('statefulset-controller', 'statefulset', 'statefulset-controller'),
  supported('cronjob-controller', 'cronjob', 'cronjob-controller'),
  known('service-lb-controller', 'service', 'service-controller'),
  known('node-route-controller', 'route', 'route-controller'),
  known('cloud-node-lifecycle-controller', 'cloud-node-lifecycle', 'node-controller'),
  supported('persistentvolume-binder-controller', 'persistentvolume-binder', 'persistent-volume-binder'),
  supported('persistentvolume-attach-detach-controller', 'attachdetach', 'attachdetach-controller'),
  supported('persistentvolume-expander-controller', 'persistentvolume-expander', 'expand-controller'),
  supported('persistentvolumeclaim-protection-controller', 'pvc-protection', 'pvc-protection-controller'),
  supported('persistentvolume-protection-controller', 'pv-protection', 'pv-protection-controller'),
  {
    name: 'volumeattributesclass-protection-controller',
    account: 'volumeattributesclass-protection-controller',
    supported: true,
  },
  supported('ttl-after-finished-controller', 'ttl-after-finished', 'ttl-after-finished-controller'),
  supported('ephemeral-volume-controller', 'ephemeral-volume', 'ephemeral-volume-controller'),
  known('storageversion-garbage-collector-controller', 'storage-version-gc', 'storage-version-garbage-collector'),
  supported('resourceclaim-controller', 'resource-claim-controller', 'resource-claim-controller'),
  supported(
    'legacy-serviceaccount-token-cleaner-controller',
    'legacy-service-account-token-cleaner',
    'legacy-service-account-token-cleaner',
  ),
  supported(
    'validatingadmissionpolicy-status-controller',
    'validatingadmissionpolicy-status',
    'validatingadmissionpolicy-status-controller',
  ),
  supported('service-cidr-controller', 'service-cidr', 'service-cidrs-controller'),
  { name: 'storage-version-migrator-controller', account: 'storage-version-migrator-controller' },
  { name: 'device-taint-eviction-controller', account: 'device-taint-eviction-controller', supported: true },
  // These are behind switches of 1.36, or for machines that have what we do not know of.
  { name: 'podcertificaterequest-cleaner-controller', account: 'podcertificaterequestcleaner' },
  {
    name: 'kube-apiserver-serving-clustertrustbundle-publisher-controller',
    account: 'kube-apiserver-serving-clustertrustbundle-publisher',
  },
  { name: 'selinux-warning-controller', account: 'selinux-warning-controller', disabledByDefault: true },
];
