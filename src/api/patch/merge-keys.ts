/**
 * How strategic merge patches treat the fields of built-in types: upstream's patchStrategy and patchMergeKey tags (k8s.io/api/…/types.go),
 * which OpenAPI clients do not carry. Types are named without their version: the tags are the same in all of them. Lists that are
 * not named here are replaced as a whole, maps are merged.
 */
export interface PatchStrategy {
  /** Lists: merged item by item instead of replaced. Maps: replaced instead of merged. */
  readonly strategy?: 'merge' | 'replace';
  /** Clients that work out a patch (`kubectl apply`) name in it every field that stays (`$retainKeys`), so that unions change their member. */
  readonly retainKeys?: true;
  /** The field that tells the items of a merged list apart; absent for lists of plain values. */
  readonly mergeKey?: string;
}

const merge = (mergeKey?: string): PatchStrategy => ({ strategy: 'merge', ...(mergeKey && { mergeKey }) });

const mergeRetaining = (mergeKey: string): PatchStrategy => ({ ...merge(mergeKey), retainKeys: true });

const CONTAINER_LISTS = {
  env: merge('name'),
  ports: merge('containerPort'),
  volumeDevices: merge('devicePath'),
  volumeMounts: merge('mountPath'),
};
const CONDITIONS = { conditions: merge('type') };

const STRATEGIES: Readonly<Record<string, Readonly<Record<string, PatchStrategy>>>> = {
  ObjectMeta: { finalizers: merge(), ownerReferences: merge('uid') },
  // core
  ComponentStatus: CONDITIONS,
  Container: CONTAINER_LISTS,
  ContainerStatus: { allocatedResourcesStatus: merge('name'), volumeMounts: merge('mountPath') },
  EphemeralContainer: CONTAINER_LISTS,
  NamespaceStatus: CONDITIONS,
  NodeSpec: { podCIDRs: merge() },
  NodeStatus: { addresses: merge('type'), conditions: merge('type') },
  PersistentVolumeClaimStatus: CONDITIONS,
  PodSpec: {
    containers: merge('name'),
    ephemeralContainers: merge('name'),
    hostAliases: merge('ip'),
    imagePullSecrets: merge('name'),
    initContainers: merge('name'),
    resourceClaims: mergeRetaining('name'),
    schedulingGates: merge('name'),
    topologySpreadConstraints: merge('topologyKey'),
    volumes: mergeRetaining('name'),
  },
  PodStatus: {
    conditions: merge('type'),
    hostIPs: merge('ip'),
    podIPs: merge('ip'),
    resourceClaimStatuses: mergeRetaining('name'),
  },
  ReplicationControllerStatus: CONDITIONS,
  ServiceAccount: { secrets: merge('name') },
  ServiceSpec: { ports: merge('port') },
  ServiceStatus: CONDITIONS,
  // apps, batch, autoscaling, policy
  DaemonSetStatus: CONDITIONS,
  DeploymentSpec: { strategy: { retainKeys: true } },
  DeploymentStatus: CONDITIONS,
  ReplicaSetStatus: CONDITIONS,
  StatefulSetStatus: CONDITIONS,
  JobStatus: CONDITIONS,
  HorizontalPodAutoscalerStatus: CONDITIONS,
  PodDisruptionBudgetSpec: { selector: { strategy: 'replace' } },
  PodDisruptionBudgetStatus: CONDITIONS,
  // storage, networking, resource
  CSINodeSpec: { drivers: merge('name') },
  ServiceCIDRStatus: CONDITIONS,
  ResourceClaimStatus: { reservedFor: merge('uid') },
  // the API itself
  APIServiceStatus: CONDITIONS,
  FlowSchemaStatus: CONDITIONS,
  PriorityLevelConfigurationStatus: CONDITIONS,
  MutatingAdmissionPolicySpec: { matchConditions: merge('name') },
  MutatingWebhook: { matchConditions: merge('name') },
  MutatingWebhookConfiguration: { webhooks: merge('name') },
  ValidatingWebhook: { matchConditions: merge('name') },
  ValidatingWebhookConfiguration: { webhooks: merge('name') },
  ValidatingAdmissionPolicySpec: { matchConditions: merge('name'), variables: merge('name') },
};

/** Every field that is named above: `PodSpec.containers`. */
export function patchStrategyFields(): string[] {
  return Object.entries(STRATEGIES).flatMap(([type, fields]) => Object.keys(fields).map((field) => `${type}.${field}`));
}

/** `type` without version, as `goTypeName` says it. Undefined: maps are merged, lists replaced. */
export function patchStrategyOf(type: string, field: string): PatchStrategy | undefined {
  const fields = Object.hasOwn(STRATEGIES, type) ? STRATEGIES[type]! : undefined;
  return fields && Object.hasOwn(fields, field) ? fields[field] : undefined;
}

/** As OpenAPI documents say it in `x-kubernetes-patch-strategy`: `merge,retainKeys`. */
export const patchStrategyText = ({ strategy, retainKeys }: PatchStrategy): string =>
  [strategy, retainKeys && 'retainKeys'].filter(Boolean).join(',');
