/**
 * How server-side apply treats the fields of built-in types: upstream's listType, listMapKey, mapType and structType markers
 * (k8s.io/api/…/types.go; x-kubernetes-list-type and so on in its OpenAPI document), which OpenAPI clients do not carry. Keys are not
 * always those of strategic merge patches: see `merge-keys.ts` beside. Types are named without their version, or with it where
 * versions or groups differ. What is not named here: lists are atomic, maps and structures are merged field by field.
 */
export type ListType =
  /** Items are told apart by the values of these fields. */
  | { readonly type: 'map'; readonly keys: readonly string[] }
  /** Plain values, each at most once. */
  | { readonly type: 'set' };

const byKeys = (...keys: string[]): ListType => ({ type: 'map', keys });
const SET: ListType = { type: 'set' };

const CONTAINER_LISTS = {
  env: byKeys('name'),
  ports: byKeys('containerPort', 'protocol'),
  volumeDevices: byKeys('devicePath'),
  volumeMounts: byKeys('mountPath'),
};
const CONDITIONS = { conditions: byKeys('type') };

const LISTS: Readonly<Record<string, Readonly<Record<string, ListType>>>> = {
  ObjectMeta: { finalizers: SET, ownerReferences: byKeys('uid') },
  // core
  ComponentStatus: CONDITIONS,
  Container: CONTAINER_LISTS,
  ContainerRestartRuleOnExitCodes: { values: SET },
  ContainerStatus: { allocatedResourcesStatus: byKeys('name'), volumeMounts: byKeys('mountPath') },
  EphemeralContainer: CONTAINER_LISTS,
  NamespaceStatus: CONDITIONS,
  NodeAllocatableResourceClaimStatus: { containers: SET },
  NodeSpec: { podCIDRs: SET },
  NodeStatus: { addresses: byKeys('type'), conditions: byKeys('type') },
  PersistentVolumeClaimStatus: CONDITIONS,
  PodSpec: {
    containers: byKeys('name'),
    ephemeralContainers: byKeys('name'),
    hostAliases: byKeys('ip'),
    imagePullSecrets: byKeys('name'),
    initContainers: byKeys('name'),
    resourceClaims: byKeys('name'),
    schedulingGates: byKeys('name'),
    topologySpreadConstraints: byKeys('topologyKey', 'whenUnsatisfiable'),
    volumes: byKeys('name'),
  },
  PodStatus: { conditions: byKeys('type'), podIPs: byKeys('ip'), resourceClaimStatuses: byKeys('name') },
  ReplicationControllerStatus: CONDITIONS,
  ResourceRequirements: { claims: byKeys('name') },
  ResourceStatus: { resources: byKeys('resourceID') },
  ServiceAccount: { secrets: byKeys('name') },
  ServiceSpec: { ports: byKeys('port', 'protocol') },
  ServiceStatus: CONDITIONS,
  // apps, batch, autoscaling, policy, certificates
  CertificateSigningRequestStatus: CONDITIONS,
  DaemonSetStatus: CONDITIONS,
  DeploymentStatus: CONDITIONS,
  HorizontalPodAutoscalerStatus: CONDITIONS,
  PodDisruptionBudgetStatus: CONDITIONS,
  PodFailurePolicyOnExitCodesRequirement: { values: SET },
  ReplicaSetStatus: CONDITIONS,
  StatefulSetStatus: CONDITIONS,
  UncountedTerminatedPods: { failed: SET, succeeded: SET },
  // storage, networking, discovery
  CSIDriverSpec: { volumeLifecycleModes: SET },
  CSINodeSpec: { drivers: byKeys('name') },
  Endpoint: { addresses: SET },
  ServiceCIDRStatus: CONDITIONS,
  StorageVersionMigrationStatus: CONDITIONS,
  // resource
  AllocatedDeviceStatus: CONDITIONS,
  ResourceClaimStatus: { devices: byKeys('driver', 'device', 'pool', 'shareID'), reservedFor: byKeys('uid') },
  // the API itself
  APIServiceStatus: CONDITIONS,
  CustomResourceDefinitionStatus: CONDITIONS,
  FlowSchemaStatus: CONDITIONS,
  MutatingAdmissionPolicySpec: { matchConditions: byKeys('name') },
  MutatingWebhook: { matchConditions: byKeys('name') },
  MutatingWebhookConfiguration: { webhooks: byKeys('name') },
  NonResourcePolicyRule: { nonResourceURLs: SET, verbs: SET },
  PriorityLevelConfigurationStatus: CONDITIONS,
  ResourcePolicyRule: { apiGroups: SET, namespaces: SET, resources: SET, verbs: SET },
  ValidatingAdmissionPolicyBindingSpec: { validationActions: SET },
  ValidatingAdmissionPolicySpec: { matchConditions: byKeys('name'), variables: byKeys('name') },
  ValidatingAdmissionPolicyStatus: CONDITIONS,
  ValidatingWebhook: { matchConditions: byKeys('name') },
  ValidatingWebhookConfiguration: { webhooks: byKeys('name') },
};

/** Structures that are owned and replaced as a whole. */
const ATOMIC_STRUCTURES: ReadonlySet<string> = new Set([
  'ConfigMapKeySelector',
  'EndpointAddress',
  'EndpointPort',
  'FileKeySelector',
  'LabelSelector',
  'LocalObjectReference',
  'MatchResources',
  'NamedRuleWithOperations',
  'NodeSelector',
  'NodeSelectorTerm',
  'ObjectFieldSelector',
  'ObjectReference',
  'OwnerReference',
  'ParamKind',
  'ParamRef',
  'RbacV1Subject',
  'ResourceFieldSelector',
  'RoleRef',
  'ScopeSelector',
  'SecretKeySelector',
  'SecretReference',
  'ServiceBackendPort',
  'TopologySelectorTerm',
  'TypedLocalObjectReference',
  'V1CrossVersionObjectReference',
  'Variable',
]);

/** Fields where the marker of the field wins over that of its type: maps that are owned as a whole, … */
const ATOMIC_FIELDS: ReadonlySet<string> = new Set([
  'PodSpec.nodeSelector',
  'ReplicationControllerSpec.selector',
  'Scheduling.nodeSelector',
  'ServiceSpec.selector',
]);
/** … and an atomic structure that is not. */
const GRANULAR_FIELDS: ReadonlySet<string> = new Set(['PersistentVolumeSpec.claimRef']);

/** Values of keys that an item may leave out, besides the zeros of fields that are always sent. */
const KEY_DEFAULTS: Readonly<Record<string, unknown>> = {
  'ContainerPort.protocol': 'TCP',
  'LocalObjectReference.name': '',
  'ServicePort.protocol': 'TCP',
};

/**
 * Structures that Go always writes, though nobody must give them (`default: {}` in upstream's document): they are there when their
 * parent is. Besides metadata, spec and status of whatever has them.
 */
const ALWAYS_THERE: ReadonlySet<string> = new Set([
  'AllocationResult.devices',
  'Container.resources',
  'ContainerStatus.lastState',
  'ContainerStatus.state',
  'DaemonSetSpec.updateStrategy',
  'DeploymentSpec.strategy',
  'Endpoint.conditions',
  'EphemeralContainer.resources',
  'Event.deprecatedSource',
  'Event.regarding',
  'Event.source',
  'IngressServiceBackend.port',
  'IngressStatus.loadBalancer',
  'LimitedPriorityLevelConfiguration.limitResponse',
  'NetworkPolicySpec.podSelector',
  'NodeDaemonEndpoints.kubeletEndpoint',
  'NodeStatus.daemonEndpoints',
  'NodeStatus.nodeInfo',
  'PersistentVolumeClaimSpec.resources',
  'PodTemplate.template',
  'ReplicaSetSpec.template',
  'ResourceClaimSpec.devices',
  'ServiceStatus.loadBalancer',
  'StatefulSetSpec.updateStrategy',
]);
const ALWAYS_THERE_NAMES: ReadonlySet<string> = new Set(['metadata', 'spec', 'status']);

/** Every field and type named above, for a test that there are such. */
export function namedInListTypes(): { readonly fields: string[]; readonly types: string[] } {
  const lists = Object.entries(LISTS).flatMap(([type, fields]) => Object.keys(fields).map((field) => `${type}.${field}`));
  return {
    fields: [...lists, ...ATOMIC_FIELDS, ...GRANULAR_FIELDS, ...Object.keys(KEY_DEFAULTS), ...ALWAYS_THERE],
    types: [...ATOMIC_STRUCTURES],
  };
}

/** `type` without version, as `goTypeName` says it. Undefined: the list is atomic. */
export function listTypeOf(type: string, field: string): ListType | undefined {
  const fields = Object.hasOwn(LISTS, type) ? LISTS[type]! : undefined;
  return fields && Object.hasOwn(fields, field) ? fields[field] : undefined;
}

/** Whether a map or structure in a field is owned as a whole. `fieldSchema` is the structure's name in `gen/schema.json`, `fieldType` the same without version. */
export function isAtomicField(type: string, field: string, fieldSchema = '', fieldType = ''): boolean {
  const name = `${type}.${field}`;
  if (GRANULAR_FIELDS.has(name)) return false;
  return ATOMIC_FIELDS.has(name) || isAtomicStructure(fieldSchema, fieldType);
}

export function isAtomicStructure(schema: string, type: string): boolean {
  return ATOMIC_STRUCTURES.has(schema) || ATOMIC_STRUCTURES.has(type);
}

/** Whether a structure is there whenever its parent is. */
export function isAlwaysThere(type: string, field: string): boolean {
  return ALWAYS_THERE_NAMES.has(field) || ALWAYS_THERE.has(`${type}.${field}`);
}

/** What a key field is when an item leaves it out; undefined when it may not. */
export function keyDefaultOf(type: string, field: string): unknown {
  return KEY_DEFAULTS[`${type}.${field}`];
}
