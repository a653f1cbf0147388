/** Manifests as tutorials of 2018 and 2019 have them, and what has become of them. */

export interface OldManifest {
  readonly name: string;
  readonly manifest: { readonly metadata: { readonly name: string } } & Readonly<Record<string, unknown>>;
  /** As `kubectl get` takes it. */
  readonly today: string;
  /** Fields of today's version. */
  readonly shows: Readonly<Record<string, unknown>>;
  readonly warns: RegExp;
}

export const OLD_VERSIONS = [
  'extensions/v1beta1',
  'apps/v1beta1',
  'apps/v1beta2',
  'rbac.authorization.k8s.io/v1beta1',
  'rbac.authorization.k8s.io/v1alpha1',
  'policy/v1beta1',
  'batch/v1beta1',
  'networking.k8s.io/v1beta1',
  'storage.k8s.io/v1beta1',
  'scheduling.k8s.io/v1beta1',
  'autoscaling/v2beta1',
  'certificates.k8s.io/v1beta1',
];

const labels = { app: 'web' };
const template = (name: string, image: string) => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name, image, ports: [{ containerPort: 80 }] }] },
});

export const OLD_MANIFESTS: readonly OldManifest[] = [
  {
    name: 'a Deployment without a selector',
    manifest: {
      apiVersion: 'extensions/v1beta1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { replicas: 1, template: template('web', 'nginx:1.7.9') },
    },
    today: 'deployments.v1.apps',
    shows: { 'spec.selector.matchLabels': labels, 'spec.strategy.rollingUpdate': { maxSurge: 1, maxUnavailable: 1 } },
    warns:
      /^Warning: extensions\/v1beta1 Deployment is deprecated in v1\.8\+, unavailable in v1\.16\+; use apps\/v1 Deployment\n$/,
  },
  {
    name: 'a DaemonSet that is updated by hand',
    manifest: {
      apiVersion: 'extensions/v1beta1',
      kind: 'DaemonSet',
      metadata: { name: 'agent' },
      spec: { template: template('agent', 'agent:1') },
    },
    today: 'daemonsets.v1.apps',
    shows: { 'spec.updateStrategy.type': 'OnDelete', 'spec.selector.matchLabels': { app: 'agent' } },
    warns: /use apps\/v1 DaemonSet\n$/,
  },
  {
    name: 'a StatefulSet',
    manifest: {
      apiVersion: 'apps/v1beta1',
      kind: 'StatefulSet',
      metadata: { name: 'db' },
      spec: { serviceName: 'db', replicas: 0, template: template('db', 'db:1') },
    },
    today: 'statefulsets.v1.apps',
    shows: { 'spec.updateStrategy.type': 'OnDelete', 'spec.selector.matchLabels': { app: 'db' } },
    warns: /^Warning: apps\/v1beta1 StatefulSet is deprecated in v1\.8\+, unavailable in v1\.16\+; use apps\/v1 StatefulSet\n$/,
  },
  {
    name: 'an Ingress with the old backends',
    manifest: {
      apiVersion: 'extensions/v1beta1',
      kind: 'Ingress',
      metadata: { name: 'web' },
      spec: {
        rules: [{ host: 'example.com', http: { paths: [{ path: '/a', backend: { serviceName: 'web', servicePort: 80 } }] } }],
      },
    },
    today: 'ingresses.v1.networking.k8s.io',
    shows: {
      'spec.rules.0.http.paths': [
        { path: '/a', pathType: 'ImplementationSpecific', backend: { service: { name: 'web', port: { number: 80 } } } },
      ],
    },
    warns:
      /^Warning: extensions\/v1beta1 Ingress is deprecated in v1\.14\+, unavailable in v1\.22\+; use networking\.k8s\.io\/v1 Ingress\n$/,
  },
  {
    name: 'a NetworkPolicy',
    manifest: {
      apiVersion: 'extensions/v1beta1',
      kind: 'NetworkPolicy',
      metadata: { name: 'closed' },
      spec: { podSelector: {}, ingress: [] },
    },
    today: 'networkpolicies.v1.networking.k8s.io',
    shows: { 'spec.policyTypes': ['Ingress'] },
    warns: /use networking\.k8s\.io\/v1 NetworkPolicy\n$/,
  },
  {
    name: 'a ClusterRole',
    manifest: {
      apiVersion: 'rbac.authorization.k8s.io/v1beta1',
      kind: 'ClusterRole',
      metadata: { name: 'old-reader' },
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
    },
    today: 'clusterroles.v1.rbac.authorization.k8s.io',
    shows: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
    warns: /use rbac\.authorization\.k8s\.io\/v1 ClusterRole\n$/,
  },
  {
    name: 'a ClusterRoleBinding of the first days',
    manifest: {
      apiVersion: 'rbac.authorization.k8s.io/v1alpha1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'old-reader' },
      subjects: [{ kind: 'User', name: 'jane', apiVersion: 'rbac.authorization.k8s.io/v1alpha1' }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'old-reader' },
    },
    today: 'clusterrolebindings.v1.rbac.authorization.k8s.io',
    shows: { subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }] },
    warns: /use rbac\.authorization\.k8s\.io\/v1 ClusterRoleBinding\n$/,
  },
  {
    name: 'a PodDisruptionBudget',
    manifest: {
      apiVersion: 'policy/v1beta1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web' },
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    },
    today: 'poddisruptionbudgets.v1.policy',
    shows: { 'spec.minAvailable': 1 },
    warns:
      /^Warning: policy\/v1beta1 PodDisruptionBudget is deprecated in v1\.21\+, unavailable in v1\.25\+; use policy\/v1 PodDisruptionBudget\n$/,
  },
  {
    name: 'a CronJob',
    manifest: {
      apiVersion: 'batch/v1beta1',
      kind: 'CronJob',
      metadata: { name: 'hello' },
      spec: {
        schedule: '0 0 1 1 *',
        jobTemplate: {
          spec: { template: { spec: { containers: [{ name: 'c', image: 'busybox' }], restartPolicy: 'OnFailure' } } },
        },
      },
    },
    today: 'cronjobs.v1.batch',
    shows: { 'spec.schedule': '0 0 1 1 *' },
    warns: /use batch\/v1 CronJob\n$/,
  },
  {
    name: 'a StorageClass',
    manifest: {
      apiVersion: 'storage.k8s.io/v1beta1',
      kind: 'StorageClass',
      metadata: { name: 'slow' },
      provisioner: 'kubernetes.io/no-provisioner',
    },
    today: 'storageclasses.v1.storage.k8s.io',
    shows: { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' },
    warns: /use storage\.k8s\.io\/v1 StorageClass\n$/,
  },
  {
    name: 'a PriorityClass',
    manifest: { apiVersion: 'scheduling.k8s.io/v1beta1', kind: 'PriorityClass', metadata: { name: 'high' }, value: 1000 },
    today: 'priorityclasses.v1.scheduling.k8s.io',
    shows: { value: 1000 },
    warns: /use scheduling\.k8s\.io\/v1 PriorityClass\n$/,
  },
  {
    name: 'a HorizontalPodAutoscaler',
    manifest: {
      apiVersion: 'autoscaling/v2beta1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web' },
      spec: {
        scaleTargetRef: { apiVersion: 'extensions/v1beta1', kind: 'Deployment', name: 'web' },
        maxReplicas: 3,
        metrics: [{ type: 'Resource', resource: { name: 'cpu', targetAverageUtilization: 50 } }],
      },
    },
    today: 'horizontalpodautoscalers.v2.autoscaling',
    shows: {
      'spec.metrics': [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }],
    },
    warns: /use autoscaling\/v2 HorizontalPodAutoscaler\n$/,
  },
];
