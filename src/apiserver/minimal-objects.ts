/** For tests: the least that each kind takes, so that what holds for every kind can be tried on every one. */
import { apiVersionOf, type KindDefinition } from '../api/machinery/kind.ts';
import { createCertificateRequest } from '../pki/certificate-request.ts';
import { generatePrivateKey } from '../pki/keys.ts';

type Fields = Readonly<Record<string, unknown>>;

const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'c', image: 'busybox' }] },
};
const selector = { matchLabels: { app: 'web' } };
const workload: Fields = { spec: { selector, template } };
const oldBackend = { serviceName: 'web', servicePort: 80 };
const oldIngress: Fields = { spec: { backend: oldBackend } };
const target = { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' };
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
const webhooks = [
  {
    name: 'hook.example.com',
    clientConfig: { url: 'https://hook.example.com' },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    rules: [{ operations: ['CREATE'], apiGroups: ['example.com'], apiVersions: ['v1'], resources: ['widgets'] }],
  },
];
const matchConstraints = {
  resourceRules: [{ operations: ['CREATE'], apiGroups: ['example.com'], apiVersions: ['v1'], resources: ['widgets'] }],
};
const matchResources = matchConstraints;

const definition = (index: number, more: Fields): Fields => ({
  metadata: { name: `things${index}.example.com` },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: `things${index}`, singular: `thing${index}`, kind: `Thing${index}`, listKind: `Thing${index}List` },
    ...more,
  },
});

/** By `group/resource`, or for a version with other fields by `group/version/resource`. */
const FIELDS: Readonly<Record<string, Fields | ((index: number) => Fields)>> = {
  '/configmaps': { data: { a: '1' } },
  '/endpoints': { subsets: [{ addresses: [{ ip: '10.1.0.1' }], ports: [{ port: 80 }] }] },
  '/events': { involvedObject: { kind: 'Pod', name: 'web', namespace: 'default' }, reason: 'Test' },
  '/limitranges': { spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] } },
  '/persistentvolumeclaims': {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  },
  '/persistentvolumes': {
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/tmp' } },
  },
  '/pods': { spec: template.spec },
  '/podtemplates': { template },
  '/replicationcontrollers': { spec: { selector: { app: 'web' }, template } },
  '/resourcequotas': { spec: { hard: { pods: '100' } } },
  '/secrets': { stringData: { a: '1' } },
  '/services': { spec: { ports: [{ port: 80 }] } },
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': { webhooks },
  'admissionregistration.k8s.io/validatingwebhookconfigurations': { webhooks },
  'admissionregistration.k8s.io/validatingadmissionpolicies': {
    spec: { matchConstraints, validations: [{ expression: 'true' }] },
  },
  'admissionregistration.k8s.io/validatingadmissionpolicybindings': {
    spec: { policyName: 'none.example.com', validationActions: ['Deny'], matchResources },
  },
  'admissionregistration.k8s.io/mutatingadmissionpolicies': {
    spec: {
      matchConstraints,
      reinvocationPolicy: 'Never',
      mutations: [
        { patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: "add", path: "/metadata/labels", value: {}}]' } },
      ],
    },
  },
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings': { spec: { policyName: 'none.example.com', matchResources } },
  'apiextensions.k8s.io/customresourcedefinitions': (index) =>
    definition(index, {
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    }),
  // What is the same for all versions stands above them there.
  'apiextensions.k8s.io/v1beta1/customresourcedefinitions': (index) =>
    definition(index, {
      versions: [{ name: 'v1', served: true, storage: true }],
      validation: { openAPIV3Schema: { type: 'object' } },
    }),
  'apiregistration.k8s.io/apiservices': (index) => ({
    metadata: { name: `v${index + 1}.example.org` },
    spec: {
      group: 'example.org',
      version: `v${index + 1}`,
      groupPriorityMinimum: 1000,
      versionPriority: 15,
      insecureSkipTLSVerify: true,
      service: { name: 'api', namespace: 'default' },
    },
  }),
  'apps/controllerrevisions': { revision: 1, data: { a: 1 } },
  'apps/daemonsets': workload,
  'apps/deployments': workload,
  'apps/replicasets': workload,
  'apps/statefulsets': { spec: { selector, template, serviceName: 'web' } },
  'autoscaling/horizontalpodautoscalers': { spec: { maxReplicas: 3, scaleTargetRef: target } },
  'batch/cronjobs': {
    spec: {
      schedule: '* * * * *',
      jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } },
    },
  },
  'batch/jobs': { spec: { template: { spec: { ...template.spec, restartPolicy: 'Never' } } } },
  'discovery.k8s.io/endpointslices': { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.0.1'] }], ports: [{ port: 80 }] },
  'events.k8s.io/events': {
    regarding: { kind: 'Pod', name: 'web', namespace: 'default' },
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'example.com/test',
    reportingInstance: 'a',
    action: 'Test',
    reason: 'Test',
    type: 'Normal',
  },
  'extensions/daemonsets': { spec: { template } },
  'extensions/deployments': { spec: { template } },
  'extensions/replicasets': { spec: { template } },
  'extensions/ingresses': oldIngress,
  'extensions/networkpolicies': { spec: { podSelector: {} } },
  'flowcontrol.apiserver.k8s.io/flowschemas': {
    spec: {
      priorityLevelConfiguration: { name: 'global-default' },
      rules: [
        {
          subjects: [{ kind: 'User', user: { name: 'u' } }],
          resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['*'] }],
        },
      ],
    },
  },
  'flowcontrol.apiserver.k8s.io/prioritylevelconfigurations': {
    spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } },
  },
  'networking.k8s.io/ingresses': {
    spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
  },
  'networking.k8s.io/v1beta1/ingresses': oldIngress,
  'networking.k8s.io/ingressclasses': { spec: { controller: 'example.com/controller' } },
  'networking.k8s.io/ipaddresses': (index) => ({
    metadata: { name: `192.0.2.${index + 1}` },
    spec: { parentRef: { resource: 'services', namespace: 'default', name: 'web' } },
  }),
  'networking.k8s.io/networkpolicies': { spec: { podSelector: {} } },
  'networking.k8s.io/servicecidrs': { spec: { cidrs: ['192.0.2.0/24'] } },
  'node.k8s.io/runtimeclasses': { handler: 'runc' },
  'policy/poddisruptionbudgets': { spec: { minAvailable: 1, selector } },
  'rbac.authorization.k8s.io/clusterrolebindings': { roleRef, subjects: [{ kind: 'User', name: 'u' }] },
  'rbac.authorization.k8s.io/rolebindings': { roleRef, subjects: [{ kind: 'User', name: 'u' }] },
  'rbac.authorization.k8s.io/clusterroles': { rules },
  'rbac.authorization.k8s.io/roles': { rules },
  'resource.k8s.io/deviceclasses': { spec: {} },
  'resource.k8s.io/resourceclaims': {
    spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'gpu' } }] } },
  },
  'resource.k8s.io/resourceclaimtemplates': {
    spec: { spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'gpu' } }] } } },
  },
  'resource.k8s.io/resourceslices': {
    spec: {
      driver: 'gpu.example.com',
      nodeName: 'node-1',
      pool: { name: 'pool', generation: 1, resourceSliceCount: 1 },
      devices: [{ name: 'gpu-0' }],
    },
  },
  'scheduling.k8s.io/priorityclasses': { value: 100 },
  'storage.k8s.io/csidrivers': { spec: {} },
  'storage.k8s.io/csinodes': { spec: { drivers: [{ name: 'disk.example.com', nodeID: 'a' }] } },
  'storage.k8s.io/csistoragecapacities': { storageClassName: 'fast', capacity: '1Gi' },
  'storage.k8s.io/storageclasses': { provisioner: 'example.com/disk' },
  'storage.k8s.io/volumeattachments': {
    spec: { attacher: 'disk.example.com', nodeName: 'node-1', source: { persistentVolumeName: 'pv' } },
  },
  'storage.k8s.io/volumeattributesclasses': { driverName: 'disk.example.com', parameters: { iops: '100' } },
};

/** Kinds of which there is nothing to say but their name. */
const NAMED_ONLY = new Set(['/namespaces', '/nodes', '/serviceaccounts', 'coordination.k8s.io/leases']);

/** Makes the n-th object of a kind; undefined for a kind that nobody has written one down for. */
export async function minimalObjects(): Promise<(kind: KindDefinition, index: number) => Record<string, unknown> | undefined> {
  const key = await generatePrivateKey();
  const request = await createCertificateRequest({ key, commonName: 'u' });
  const requests: Fields = {
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'example.com/signer',
      usages: ['client auth'],
    },
  };
  return (kind, index) => {
    const { group, version, resource } = kind;
    const id = `${group}/${resource}`;
    const known =
      id === 'certificates.k8s.io/certificatesigningrequests'
        ? requests
        : (FIELDS[`${group}/${version}/${resource}`] ?? FIELDS[id] ?? (NAMED_ONLY.has(id) ? {} : undefined));
    if (!known) return undefined;
    const fields = typeof known === 'function' ? known(index) : known;
    const metadata = { name: `x${index}`, ...(fields['metadata'] as object | undefined) };
    return structuredClone({ apiVersion: apiVersionOf(kind), kind: kind.kind, ...fields, metadata });
  };
}
