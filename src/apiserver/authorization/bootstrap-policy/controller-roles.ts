import type { PolicyRule } from '../policy-rule.ts';
import { allow, READ, recordEvents } from './rule-notation.ts';

const watchOnly = 'list watch';
const SIGNERS = `kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving
  kubernetes.io/legacy-unknown`;

/**
 * Rules of `system:controller:<name>`, each bound to the service account of that name in kube-system. Most controllers write Events:
 * last of all, where nothing else is said. Those that do not are named at the end.
 */
const rules: Readonly<Record<string, readonly PolicyRule[]>> = {
  'attachdetach-controller': [
    allow(watchOnly, 'core', 'persistentvolumeclaims persistentvolumes'),
    allow(READ, 'core', 'nodes'),
    allow('patch update', 'core', 'nodes/status'),
    allow(watchOnly, 'core', 'pods'),
    recordEvents,
    allow('get create delete list watch', 'storage.k8s.io', 'volumeattachments'),
    allow(READ, 'storage.k8s.io', 'csidrivers'),
    allow(READ, 'storage.k8s.io', 'csinodes'),
  ],
  'certificate-controller': [
    allow('get list watch delete', 'certificates.k8s.io', 'certificatesigningrequests'),
    allow('update', 'certificates.k8s.io', 'certificatesigningrequests/approval certificatesigningrequests/status'),
    allow('approve', 'certificates.k8s.io', 'signers', 'kubernetes.io/kube-apiserver-client-kubelet'),
    allow('sign', 'certificates.k8s.io', 'signers', SIGNERS),
    allow('create', 'authorization.k8s.io', 'subjectaccessreviews'),
  ],
  'clusterrole-aggregation-controller': [
    allow('escalate get list watch update patch', 'rbac.authorization.k8s.io', 'clusterroles'),
  ],
  'cronjob-controller': [
    allow('get list watch update', 'batch', 'cronjobs'),
    allow('get list watch create update delete patch', 'batch', 'jobs'),
    allow('update', 'batch', 'cronjobs/status'),
    allow('update', 'batch', 'cronjobs/finalizers'),
    allow('list watch delete', 'core', 'pods'),
  ],
  'daemon-set-controller': [
    allow(READ, 'apps extensions', 'daemonsets'),
    allow('update', 'apps extensions', 'daemonsets/status'),
    allow('update', 'apps extensions', 'daemonsets/finalizers'),
    allow(watchOnly, 'core', 'nodes'),
    allow('list watch create delete patch', 'core', 'pods'),
    allow('create', 'core', 'pods/binding'),
    allow('get list watch create delete update patch', 'apps', 'controllerrevisions'),
  ],
  'deployment-controller': [
    allow('get list watch update', 'apps extensions', 'deployments'),
    allow('update', 'apps extensions', 'deployments/status'),
    allow('update', 'apps extensions', 'deployments/finalizers'),
    allow('get list watch create update patch delete', 'apps extensions', 'replicasets'),
    allow('get list watch update', 'core', 'pods'),
  ],
  'device-taint-eviction-controller': [
    allow('get list watch delete', 'core', 'pods'),
    allow('update patch', 'core', 'pods/status'),
    allow(READ, 'resource.k8s.io', 'resourceclaims'),
    allow(READ, 'resource.k8s.io', 'resourceslices'),
    allow(READ, 'resource.k8s.io', 'deviceclasses'),
  ],
  'disruption-controller': [
    allow(READ, 'apps extensions', 'deployments'),
    allow(READ, 'apps extensions', 'replicasets'),
    allow(READ, 'core', 'replicationcontrollers'),
    allow(READ, 'policy', 'poddisruptionbudgets'),
    allow(READ, 'apps', 'statefulsets'),
    allow('update', 'policy', 'poddisruptionbudgets/status'),
    allow('patch update', 'core', 'pods/status'),
    allow('get', '*', '*/scale'),
  ],
  'endpoint-controller': [
    allow(READ, 'core', 'pods services'),
    allow('get list watch create update delete', 'core', 'endpoints'),
    allow('create', 'core', 'endpoints/restricted'),
  ],
  'endpointslice-controller': [
    allow(READ, 'core', 'nodes pods services'),
    allow('update', 'core', 'services/finalizers'),
    allow('get list watch create update delete', 'discovery.k8s.io', 'endpointslices'),
  ],
  'endpointslicemirroring-controller': [
    allow(READ, 'core', 'endpoints services'),
    allow('update', 'core', 'services/finalizers'),
    allow('update', 'core', 'endpoints/finalizers'),
    allow('get list watch create update delete', 'discovery.k8s.io', 'endpointslices'),
  ],
  'ephemeral-volume-controller': [
    allow(READ, 'core', 'pods'),
    allow('update', 'core', 'pods/finalizers'),
    allow('get list watch create', 'core', 'persistentvolumeclaims'),
  ],
  'expand-controller': [
    allow('get list watch update patch', 'core', 'persistentvolumes'),
    allow('update patch', 'core', 'persistentvolumeclaims/status'),
    allow(READ, 'core', 'persistentvolumeclaims'),
  ],
  'generic-garbage-collector': [allow('get list watch patch update delete', '*', '*')],
  'horizontal-pod-autoscaler': [
    allow(READ, 'autoscaling', 'horizontalpodautoscalers'),
    allow('update', 'autoscaling', 'horizontalpodautoscalers/status'),
    allow('get update', '*', '*/scale'),
    allow(watchOnly, 'core', 'pods'),
    allow(watchOnly, 'metrics.k8s.io', 'pods'),
    allow(READ, 'custom.metrics.k8s.io', '*'),
    allow(READ, 'external.metrics.k8s.io', '*'),
  ],
  'job-controller': [
    allow('get list watch update patch', 'batch', 'jobs'),
    allow('update', 'batch', 'jobs/status'),
    allow('update', 'batch', 'jobs/finalizers'),
    allow('list watch create delete patch', 'core', 'pods'),
  ],
  'legacy-service-account-token-cleaner': [
    allow('get', 'core', 'configmaps', 'kube-apiserver-legacy-service-account-token-tracking'),
    allow('patch delete', 'core', 'secrets'),
  ],
  'namespace-controller': [
    allow('get list watch delete', 'core', 'namespaces'),
    allow('update', 'core', 'namespaces/finalize namespaces/status'),
    allow('get list watch delete deletecollection', '*', '*'),
  ],
  'node-controller': [
    allow('get list watch update delete patch', 'core', 'nodes'),
    allow('patch update', 'core', 'nodes/status'),
    allow('patch update', 'core', 'pods/status'),
    allow('list watch get delete', 'core', 'pods'),
  ],
  'persistent-volume-binder': [
    allow('get list watch update create delete', 'core', 'persistentvolumes'),
    allow('update', 'core', 'persistentvolumes/status'),
    allow('get list watch update', 'core', 'persistentvolumeclaims'),
    allow('update', 'core', 'persistentvolumeclaims/status'),
    allow('list watch get create delete', 'core', 'pods'),
    allow(READ, 'storage.k8s.io', 'storageclasses'),
    allow(watchOnly, 'core', 'nodes'),
    recordEvents,
    allow('watch', 'core', 'events'),
  ],
  'pod-garbage-collector': [
    allow('list watch delete', 'core', 'pods'),
    allow(READ, 'core', 'nodes'),
    allow('patch', 'core', 'pods/status'),
  ],
  'pv-protection-controller': [allow('get list watch update', 'core', 'persistentvolumes')],
  'pvc-protection-controller': [allow('get list watch update', 'core', 'persistentvolumeclaims'), allow(READ, 'core', 'pods')],
  'replicaset-controller': [
    allow('get list watch update', 'apps extensions', 'replicasets'),
    allow('update', 'apps extensions', 'replicasets/status'),
    allow('update', 'apps extensions', 'replicasets/finalizers'),
    allow('list watch patch create delete', 'core', 'pods'),
  ],
  'replication-controller': [
    allow('get list watch update', 'core', 'replicationcontrollers'),
    allow('update', 'core', 'replicationcontrollers/status'),
    allow('update', 'core', 'replicationcontrollers/finalizers'),
    allow('list watch patch create delete', 'core', 'pods'),
  ],
  'resource-claim-controller': [
    allow(READ, 'core', 'pods'),
    allow('update', 'core', 'pods/finalizers'),
    allow('get list watch create delete', 'resource.k8s.io', 'resourceclaims'),
    allow('update patch', 'resource.k8s.io', 'resourceclaims resourceclaims/status'),
    allow('update patch', 'core', 'pods/status'),
    recordEvents,
    allow('update patch', 'resource.k8s.io', 'resourceclaims/binding'),
  ],
  'resourcequota-controller': [allow(watchOnly, '*', '*'), allow('update', 'core', 'resourcequotas/status')],
  'root-ca-cert-publisher': [allow('create update', 'core', 'configmaps')],
  'route-controller': [allow(watchOnly, 'core', 'nodes'), allow('patch', 'core', 'nodes/status')],
  'selinux-warning-controller': [
    recordEvents,
    allow(READ, 'core', 'persistentvolumes'),
    allow(READ, 'core', 'persistentvolumeclaims'),
    allow(READ, 'core', 'pods'),
    allow(READ, 'storage.k8s.io', 'csidrivers'),
  ],
  'service-account-controller': [allow('create', 'core', 'serviceaccounts')],
  'service-cidrs-controller': [
    allow('get list watch patch update', 'networking.k8s.io', 'servicecidrs'),
    allow('patch update', 'networking.k8s.io', 'servicecidrs/finalizers'),
    allow('patch update', 'networking.k8s.io', 'servicecidrs/status'),
    allow(READ, 'networking.k8s.io', 'ipaddresses'),
  ],
  'service-controller': [
    allow(READ, 'core', 'services'),
    allow('patch update', 'core', 'services/status'),
    allow(watchOnly, 'core', 'nodes'),
  ],
  'statefulset-controller': [
    allow(watchOnly, 'core', 'pods'),
    allow(READ, 'apps', 'statefulsets'),
    allow('update', 'apps', 'statefulsets/status'),
    allow('update', 'apps', 'statefulsets/finalizers'),
    allow('get create delete update patch', 'core', 'pods'),
    allow('get create delete update patch list watch', 'apps', 'controllerrevisions'),
    allow('get create list watch', 'core', 'persistentvolumeclaims'),
    allow('update delete', 'core', 'persistentvolumeclaims'),
    allow('update', 'core', 'pods/finalizers'),
  ],
  'ttl-after-finished-controller': [allow('get list watch delete', 'batch', 'jobs')],
  'ttl-controller': [allow('update patch list watch', 'core', 'nodes')],
  'validatingadmissionpolicy-status-controller': [
    allow(READ, 'admissionregistration.k8s.io', 'validatingadmissionpolicies'),
    allow('get patch update', 'admissionregistration.k8s.io', 'validatingadmissionpolicies/status'),
  ],
  'volumeattributesclass-protection-controller': [
    allow(READ, 'core', 'persistentvolumeclaims'),
    allow(READ, 'core', 'persistentvolumes'),
    allow('get list watch update', 'storage.k8s.io', 'volumeattributesclasses'),
  ],
};

const SILENT = new Set([
  'clusterrole-aggregation-controller',
  'legacy-service-account-token-cleaner',
  'namespace-controller',
  'pod-garbage-collector',
]);

export const controllerRoles: Readonly<Record<string, readonly PolicyRule[]>> = Object.fromEntries(
  Object.entries(rules).map(([name, own]) => [
    name,
    SILENT.has(name) || own.includes(recordEvents) ? own : [...own, recordEvents],
  ]),
);
