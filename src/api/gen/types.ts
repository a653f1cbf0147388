// Made by generate.ts from @kubernetes/client-node. Do not edit.

import type { ListMeta, ManagedFieldsEntry, ObjectMeta, OwnerReference } from '../machinery/object.ts';

export interface AdmissionregistrationV1ServiceReference {
  name: string;
  namespace: string;
  path?: string;
  port?: number;
}

export interface AdmissionregistrationV1WebhookClientConfig {
  caBundle?: string;
  service?: AdmissionregistrationV1ServiceReference;
  url?: string;
}

export interface ApiextensionsV1ServiceReference {
  name: string;
  namespace: string;
  path?: string;
  port?: number;
}

export interface ApiextensionsV1WebhookClientConfig {
  caBundle?: string;
  service?: ApiextensionsV1ServiceReference;
  url?: string;
}

export interface ApiregistrationV1ServiceReference {
  name?: string;
  namespace?: string;
  port?: number;
}

export interface AuthenticationV1TokenRequest {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1TokenRequestSpec;
  status?: V1TokenRequestStatus;
}

export interface CoreV1EndpointPort {
  appProtocol?: string;
  name?: string;
  port: number;
  protocol?: string;
}

export interface CoreV1Event {
  action?: string;
  apiVersion?: string;
  count?: number;
  eventTime?: string;
  firstTimestamp?: string;
  involvedObject: V1ObjectReference;
  kind?: string;
  lastTimestamp?: string;
  message?: string;
  metadata: V1ObjectMeta;
  reason?: string;
  related?: V1ObjectReference;
  reportingComponent?: string;
  reportingInstance?: string;
  series?: CoreV1EventSeries;
  source?: V1EventSource;
  type?: string;
}

export interface CoreV1EventList {
  apiVersion?: string;
  items: Array<CoreV1Event>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface CoreV1EventSeries {
  count?: number;
  lastObservedTime?: string;
}

export interface CoreV1ResourceClaim {
  name: string;
  request?: string;
}

export interface DiscoveryV1EndpointPort {
  appProtocol?: string;
  name?: string;
  port?: number;
  protocol?: string;
}

export interface EventsV1Event {
  action?: string;
  apiVersion?: string;
  deprecatedCount?: number;
  deprecatedFirstTimestamp?: string;
  deprecatedLastTimestamp?: string;
  deprecatedSource?: V1EventSource;
  eventTime: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  note?: string;
  reason?: string;
  regarding?: V1ObjectReference;
  related?: V1ObjectReference;
  reportingController?: string;
  reportingInstance?: string;
  series?: EventsV1EventSeries;
  type?: string;
}

export interface EventsV1EventList {
  apiVersion?: string;
  items: Array<EventsV1Event>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface EventsV1EventSeries {
  count: number;
  lastObservedTime: string;
}

export interface FlowcontrolV1Subject {
  group?: V1GroupSubject;
  kind: string;
  serviceAccount?: V1ServiceAccountSubject;
  user?: V1UserSubject;
}

export interface RbacV1Subject {
  apiGroup?: string;
  kind: string;
  name: string;
  namespace?: string;
}

export interface ResourceV1ResourceClaim {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1ResourceClaimSpec;
  status?: V1ResourceClaimStatus;
}

export interface StorageV1TokenRequest {
  audience: string;
  expirationSeconds?: number;
}

export interface V1APIGroup {
  apiVersion?: string;
  kind?: string;
  name: string;
  preferredVersion?: V1GroupVersionForDiscovery;
  serverAddressByClientCIDRs?: Array<V1ServerAddressByClientCIDR>;
  versions: Array<V1GroupVersionForDiscovery>;
}

export interface V1APIGroupList {
  apiVersion?: string;
  groups: Array<V1APIGroup>;
  kind?: string;
}

export interface V1APIResource {
  categories?: Array<string>;
  group?: string;
  kind: string;
  name: string;
  namespaced: boolean;
  shortNames?: Array<string>;
  singularName: string;
  storageVersionHash?: string;
  verbs: Array<string>;
  version?: string;
}

export interface V1APIResourceList {
  apiVersion?: string;
  groupVersion: string;
  kind?: string;
  resources: Array<V1APIResource>;
}

export interface V1APIService {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1APIServiceSpec;
  status?: V1APIServiceStatus;
}

export interface V1APIServiceCondition {
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V1APIServiceList {
  apiVersion?: string;
  items: Array<V1APIService>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1APIServiceSpec {
  caBundle?: string;
  group?: string;
  groupPriorityMinimum: number;
  insecureSkipTLSVerify?: boolean;
  service?: ApiregistrationV1ServiceReference;
  version?: string;
  versionPriority: number;
}

export interface V1APIServiceStatus {
  conditions?: Array<V1APIServiceCondition>;
}

export interface V1APIVersions {
  apiVersion?: string;
  kind?: string;
  serverAddressByClientCIDRs: Array<V1ServerAddressByClientCIDR>;
  versions: Array<string>;
}

export interface V1AWSElasticBlockStoreVolumeSource {
  fsType?: string;
  partition?: number;
  readOnly?: boolean;
  volumeID: string;
}

export interface V1Affinity {
  nodeAffinity?: V1NodeAffinity;
  podAffinity?: V1PodAffinity;
  podAntiAffinity?: V1PodAntiAffinity;
}

export interface V1AggregationRule {
  clusterRoleSelectors?: Array<V1LabelSelector>;
}

export interface V1AllocatedDeviceStatus {
  conditions?: Array<V1Condition>;
  data?: unknown;
  device: string;
  driver: string;
  networkData?: V1NetworkDeviceData;
  pool: string;
  shareID?: string;
}

export interface V1AllocationResult {
  allocationTimestamp?: string;
  devices?: V1DeviceAllocationResult;
  nodeSelector?: V1NodeSelector;
}

export interface V1AppArmorProfile {
  localhostProfile?: string;
  type: string;
}

export interface V1ApplyConfiguration {
  expression?: string;
}

export interface V1AttachedVolume {
  devicePath: string;
  name: string;
}

export interface V1AuditAnnotation {
  key: string;
  valueExpression: string;
}

export interface V1AzureDiskVolumeSource {
  cachingMode?: string;
  diskName: string;
  diskURI: string;
  fsType?: string;
  kind?: string;
  readOnly?: boolean;
}

export interface V1AzureFilePersistentVolumeSource {
  readOnly?: boolean;
  secretName: string;
  secretNamespace?: string;
  shareName: string;
}

export interface V1AzureFileVolumeSource {
  readOnly?: boolean;
  secretName: string;
  shareName: string;
}

export interface V1Binding {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  target: V1ObjectReference;
}

export interface V1BoundObjectReference {
  apiVersion?: string;
  kind?: string;
  name?: string;
  uid?: string;
}

export interface V1CELDeviceSelector {
  expression: string;
}

export interface V1CSIDriver {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1CSIDriverSpec;
}

export interface V1CSIDriverList {
  apiVersion?: string;
  items: Array<V1CSIDriver>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1CSIDriverSpec {
  attachRequired?: boolean;
  fsGroupPolicy?: string;
  nodeAllocatableUpdatePeriodSeconds?: number;
  podInfoOnMount?: boolean;
  preventPodSchedulingIfMissing?: boolean;
  requiresRepublish?: boolean;
  seLinuxMount?: boolean;
  serviceAccountTokenInSecrets?: boolean;
  storageCapacity?: boolean;
  tokenRequests?: Array<StorageV1TokenRequest>;
  volumeLifecycleModes?: Array<string>;
}

export interface V1CSINode {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1CSINodeSpec;
}

export interface V1CSINodeDriver {
  allocatable?: V1VolumeNodeResources;
  name: string;
  nodeID: string;
  topologyKeys?: Array<string>;
}

export interface V1CSINodeList {
  apiVersion?: string;
  items: Array<V1CSINode>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1CSINodeSpec {
  drivers: Array<V1CSINodeDriver>;
}

export interface V1CSIPersistentVolumeSource {
  controllerExpandSecretRef?: V1SecretReference;
  controllerPublishSecretRef?: V1SecretReference;
  driver: string;
  fsType?: string;
  nodeExpandSecretRef?: V1SecretReference;
  nodePublishSecretRef?: V1SecretReference;
  nodeStageSecretRef?: V1SecretReference;
  readOnly?: boolean;
  volumeAttributes?: Record<string, string>;
  volumeHandle: string;
}

export interface V1CSIStorageCapacity {
  apiVersion?: string;
  capacity?: string;
  kind?: string;
  maximumVolumeSize?: string;
  metadata?: V1ObjectMeta;
  nodeTopology?: V1LabelSelector;
  storageClassName: string;
}

export interface V1CSIStorageCapacityList {
  apiVersion?: string;
  items: Array<V1CSIStorageCapacity>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1CSIVolumeSource {
  driver: string;
  fsType?: string;
  nodePublishSecretRef?: V1LocalObjectReference;
  readOnly?: boolean;
  volumeAttributes?: Record<string, string>;
}

export interface V1Capabilities {
  add?: Array<string>;
  drop?: Array<string>;
}

export interface V1CapacityRequestPolicy {
  default?: string;
  validRange?: V1CapacityRequestPolicyRange;
  validValues?: Array<string>;
}

export interface V1CapacityRequestPolicyRange {
  max?: string;
  min: string;
  step?: string;
}

export interface V1CapacityRequirements {
  requests?: Record<string, string>;
}

export interface V1CephFSPersistentVolumeSource {
  monitors: Array<string>;
  path?: string;
  readOnly?: boolean;
  secretFile?: string;
  secretRef?: V1SecretReference;
  user?: string;
}

export interface V1CephFSVolumeSource {
  monitors: Array<string>;
  path?: string;
  readOnly?: boolean;
  secretFile?: string;
  secretRef?: V1LocalObjectReference;
  user?: string;
}

export interface V1CertificateSigningRequest {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1CertificateSigningRequestSpec;
  status?: V1CertificateSigningRequestStatus;
}

export interface V1CertificateSigningRequestCondition {
  lastTransitionTime?: string;
  lastUpdateTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V1CertificateSigningRequestList {
  apiVersion?: string;
  items: Array<V1CertificateSigningRequest>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1CertificateSigningRequestSpec {
  expirationSeconds?: number;
  extra?: Record<string, Array<string>>;
  groups?: Array<string>;
  request: string;
  signerName: string;
  uid?: string;
  usages?: Array<string>;
  username?: string;
}

export interface V1CertificateSigningRequestStatus {
  certificate?: string;
  conditions?: Array<V1CertificateSigningRequestCondition>;
}

export interface V1CinderPersistentVolumeSource {
  fsType?: string;
  readOnly?: boolean;
  secretRef?: V1SecretReference;
  volumeID: string;
}

export interface V1CinderVolumeSource {
  fsType?: string;
  readOnly?: boolean;
  secretRef?: V1LocalObjectReference;
  volumeID: string;
}

export interface V1ClientIPConfig {
  timeoutSeconds?: number;
}

export interface V1ClusterRole {
  aggregationRule?: V1AggregationRule;
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  rules?: Array<V1PolicyRule>;
}

export interface V1ClusterRoleBinding {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  roleRef: V1RoleRef;
  subjects?: Array<RbacV1Subject>;
}

export interface V1ClusterRoleBindingList {
  apiVersion?: string;
  items: Array<V1ClusterRoleBinding>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ClusterRoleList {
  apiVersion?: string;
  items: Array<V1ClusterRole>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ClusterTrustBundleProjection {
  labelSelector?: V1LabelSelector;
  name?: string;
  optional?: boolean;
  path: string;
  signerName?: string;
}

export interface V1ComponentCondition {
  error?: string;
  message?: string;
  status: string;
  type: string;
}

export interface V1ComponentStatus {
  apiVersion?: string;
  conditions?: Array<V1ComponentCondition>;
  kind?: string;
  metadata?: V1ObjectMeta;
}

export interface V1ComponentStatusList {
  apiVersion?: string;
  items: Array<V1ComponentStatus>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1Condition {
  lastTransitionTime: string;
  message: string;
  observedGeneration?: number;
  reason: string;
  status: string;
  type: string;
}

export interface V1ConfigMap {
  apiVersion?: string;
  binaryData?: Record<string, string>;
  data?: Record<string, string>;
  immutable?: boolean;
  kind?: string;
  metadata?: V1ObjectMeta;
}

export interface V1ConfigMapEnvSource {
  name?: string;
  optional?: boolean;
}

export interface V1ConfigMapKeySelector {
  key: string;
  name?: string;
  optional?: boolean;
}

export interface V1ConfigMapList {
  apiVersion?: string;
  items: Array<V1ConfigMap>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ConfigMapNodeConfigSource {
  kubeletConfigKey: string;
  name: string;
  namespace: string;
  resourceVersion?: string;
  uid?: string;
}

export interface V1ConfigMapProjection {
  items?: Array<V1KeyToPath>;
  name?: string;
  optional?: boolean;
}

export interface V1ConfigMapVolumeSource {
  defaultMode?: number;
  items?: Array<V1KeyToPath>;
  name?: string;
  optional?: boolean;
}

export interface V1Container {
  args?: Array<string>;
  command?: Array<string>;
  env?: Array<V1EnvVar>;
  envFrom?: Array<V1EnvFromSource>;
  image?: string;
  imagePullPolicy?: string;
  lifecycle?: V1Lifecycle;
  livenessProbe?: V1Probe;
  name: string;
  ports?: Array<V1ContainerPort>;
  readinessProbe?: V1Probe;
  resizePolicy?: Array<V1ContainerResizePolicy>;
  resources?: V1ResourceRequirements;
  restartPolicy?: string;
  restartPolicyRules?: Array<V1ContainerRestartRule>;
  securityContext?: V1SecurityContext;
  startupProbe?: V1Probe;
  stdin?: boolean;
  stdinOnce?: boolean;
  terminationMessagePath?: string;
  terminationMessagePolicy?: string;
  tty?: boolean;
  volumeDevices?: Array<V1VolumeDevice>;
  volumeMounts?: Array<V1VolumeMount>;
  workingDir?: string;
}

export interface V1ContainerExtendedResourceRequest {
  containerName: string;
  requestName: string;
  resourceName: string;
}

export interface V1ContainerImage {
  names?: Array<string>;
  sizeBytes?: number;
}

export interface V1ContainerPort {
  containerPort: number;
  hostIP?: string;
  hostPort?: number;
  name?: string;
  protocol?: string;
}

export interface V1ContainerResizePolicy {
  resourceName: string;
  restartPolicy: string;
}

export interface V1ContainerRestartRule {
  action: string;
  exitCodes?: V1ContainerRestartRuleOnExitCodes;
}

export interface V1ContainerRestartRuleOnExitCodes {
  operator: string;
  values?: Array<number>;
}

export interface V1ContainerState {
  running?: V1ContainerStateRunning;
  terminated?: V1ContainerStateTerminated;
  waiting?: V1ContainerStateWaiting;
}

export interface V1ContainerStateRunning {
  startedAt?: string;
}

export interface V1ContainerStateTerminated {
  containerID?: string;
  exitCode: number;
  finishedAt?: string;
  message?: string;
  reason?: string;
  signal?: number;
  startedAt?: string;
}

export interface V1ContainerStateWaiting {
  message?: string;
  reason?: string;
}

export interface V1ContainerStatus {
  allocatedResources?: Record<string, string>;
  allocatedResourcesStatus?: Array<V1ResourceStatus>;
  containerID?: string;
  image: string;
  imageID: string;
  lastState?: V1ContainerState;
  name: string;
  ready: boolean;
  resources?: V1ResourceRequirements;
  restartCount: number;
  started?: boolean;
  state?: V1ContainerState;
  stopSignal?: string;
  user?: V1ContainerUser;
  volumeMounts?: Array<V1VolumeMountStatus>;
}

export interface V1ContainerUser {
  linux?: V1LinuxContainerUser;
}

export interface V1ControllerRevision {
  apiVersion?: string;
  data?: unknown;
  kind?: string;
  metadata?: V1ObjectMeta;
  revision: number;
}

export interface V1ControllerRevisionList {
  apiVersion?: string;
  items: Array<V1ControllerRevision>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1Counter {
  value: string;
}

export interface V1CounterSet {
  counters: Record<string, V1Counter>;
  name: string;
}

export interface V1CronJob {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1CronJobSpec;
  status?: V1CronJobStatus;
}

export interface V1CronJobList {
  apiVersion?: string;
  items: Array<V1CronJob>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1CronJobSpec {
  concurrencyPolicy?: string;
  failedJobsHistoryLimit?: number;
  jobTemplate: V1JobTemplateSpec;
  schedule: string;
  startingDeadlineSeconds?: number;
  successfulJobsHistoryLimit?: number;
  suspend?: boolean;
  timeZone?: string;
}

export interface V1CronJobStatus {
  active?: Array<V1ObjectReference>;
  lastScheduleTime?: string;
  lastSuccessfulTime?: string;
}

export interface V1CrossVersionObjectReference {
  apiVersion?: string;
  kind: string;
  name: string;
}

export interface V1CustomResourceColumnDefinition {
  description?: string;
  format?: string;
  jsonPath: string;
  name: string;
  priority?: number;
  type: string;
}

export interface V1CustomResourceConversion {
  strategy: string;
  webhook?: V1WebhookConversion;
}

export interface V1CustomResourceDefinition {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1CustomResourceDefinitionSpec;
  status?: V1CustomResourceDefinitionStatus;
}

export interface V1CustomResourceDefinitionCondition {
  lastTransitionTime?: string;
  message?: string;
  observedGeneration?: number;
  reason?: string;
  status: string;
  type: string;
}

export interface V1CustomResourceDefinitionList {
  apiVersion?: string;
  items: Array<V1CustomResourceDefinition>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1CustomResourceDefinitionNames {
  categories?: Array<string>;
  kind: string;
  listKind?: string;
  plural: string;
  shortNames?: Array<string>;
  singular?: string;
}

export interface V1CustomResourceDefinitionSpec {
  conversion?: V1CustomResourceConversion;
  group: string;
  names: V1CustomResourceDefinitionNames;
  preserveUnknownFields?: boolean;
  scope: string;
  versions: Array<V1CustomResourceDefinitionVersion>;
}

export interface V1CustomResourceDefinitionStatus {
  acceptedNames?: V1CustomResourceDefinitionNames;
  conditions?: Array<V1CustomResourceDefinitionCondition>;
  observedGeneration?: number;
  storedVersions?: Array<string>;
}

export interface V1CustomResourceDefinitionVersion {
  additionalPrinterColumns?: Array<V1CustomResourceColumnDefinition>;
  deprecated?: boolean;
  deprecationWarning?: string;
  name: string;
  schema?: V1CustomResourceValidation;
  selectableFields?: Array<V1SelectableField>;
  served: boolean;
  storage: boolean;
  subresources?: V1CustomResourceSubresources;
}

export interface V1CustomResourceSubresourceScale {
  labelSelectorPath?: string;
  specReplicasPath: string;
  statusReplicasPath: string;
}

export interface V1CustomResourceSubresources {
  scale?: V1CustomResourceSubresourceScale;
  status?: unknown;
}

export interface V1CustomResourceValidation {
  openAPIV3Schema?: V1JSONSchemaProps;
}

export interface V1DaemonEndpoint {
  Port: number;
}

export interface V1DaemonSet {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1DaemonSetSpec;
  status?: V1DaemonSetStatus;
}

export interface V1DaemonSetCondition {
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V1DaemonSetList {
  apiVersion?: string;
  items: Array<V1DaemonSet>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1DaemonSetSpec {
  minReadySeconds?: number;
  revisionHistoryLimit?: number;
  selector: V1LabelSelector;
  template: V1PodTemplateSpec;
  updateStrategy?: V1DaemonSetUpdateStrategy;
}

export interface V1DaemonSetStatus {
  collisionCount?: number;
  conditions?: Array<V1DaemonSetCondition>;
  currentNumberScheduled: number;
  desiredNumberScheduled: number;
  numberAvailable?: number;
  numberMisscheduled: number;
  numberReady: number;
  numberUnavailable?: number;
  observedGeneration?: number;
  updatedNumberScheduled?: number;
}

export interface V1DaemonSetUpdateStrategy {
  rollingUpdate?: V1RollingUpdateDaemonSet;
  type?: string;
}

export interface V1DeleteOptions {
  apiVersion?: string;
  dryRun?: Array<string>;
  gracePeriodSeconds?: number;
  ignoreStoreReadErrorWithClusterBreakingPotential?: boolean;
  kind?: string;
  orphanDependents?: boolean;
  preconditions?: V1Preconditions;
  propagationPolicy?: string;
}

export interface V1Deployment {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1DeploymentSpec;
  status?: V1DeploymentStatus;
}

export interface V1DeploymentCondition {
  lastTransitionTime?: string;
  lastUpdateTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V1DeploymentList {
  apiVersion?: string;
  items: Array<V1Deployment>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1DeploymentSpec {
  minReadySeconds?: number;
  paused?: boolean;
  progressDeadlineSeconds?: number;
  replicas?: number;
  revisionHistoryLimit?: number;
  selector: V1LabelSelector;
  strategy?: V1DeploymentStrategy;
  template: V1PodTemplateSpec;
}

export interface V1DeploymentStatus {
  availableReplicas?: number;
  collisionCount?: number;
  conditions?: Array<V1DeploymentCondition>;
  observedGeneration?: number;
  readyReplicas?: number;
  replicas?: number;
  terminatingReplicas?: number;
  unavailableReplicas?: number;
  updatedReplicas?: number;
}

export interface V1DeploymentStrategy {
  rollingUpdate?: V1RollingUpdateDeployment;
  type?: string;
}

export interface V1Device {
  allNodes?: boolean;
  allowMultipleAllocations?: boolean;
  attributes?: Record<string, V1DeviceAttribute>;
  bindingConditions?: Array<string>;
  bindingFailureConditions?: Array<string>;
  bindsToNode?: boolean;
  capacity?: Record<string, V1DeviceCapacity>;
  consumesCounters?: Array<V1DeviceCounterConsumption>;
  name: string;
  nodeAllocatableResourceMappings?: Record<string, V1NodeAllocatableResourceMapping>;
  nodeName?: string;
  nodeSelector?: V1NodeSelector;
  taints?: Array<V1DeviceTaint>;
}

export interface V1DeviceAllocationConfiguration {
  opaque?: V1OpaqueDeviceConfiguration;
  requests?: Array<string>;
  source: string;
}

export interface V1DeviceAllocationResult {
  config?: Array<V1DeviceAllocationConfiguration>;
  results?: Array<V1DeviceRequestAllocationResult>;
}

export interface V1DeviceAttribute {
  bool?: boolean;
  bools?: Array<boolean>;
  int?: number;
  ints?: Array<number>;
  string?: string;
  strings?: Array<string>;
  version?: string;
  versions?: Array<string>;
}

export interface V1DeviceCapacity {
  requestPolicy?: V1CapacityRequestPolicy;
  value: string;
}

export interface V1DeviceClaim {
  config?: Array<V1DeviceClaimConfiguration>;
  constraints?: Array<V1DeviceConstraint>;
  requests?: Array<V1DeviceRequest>;
}

export interface V1DeviceClaimConfiguration {
  opaque?: V1OpaqueDeviceConfiguration;
  requests?: Array<string>;
}

export interface V1DeviceClass {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1DeviceClassSpec;
}

export interface V1DeviceClassConfiguration {
  opaque?: V1OpaqueDeviceConfiguration;
}

export interface V1DeviceClassList {
  apiVersion?: string;
  items: Array<V1DeviceClass>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1DeviceClassSpec {
  config?: Array<V1DeviceClassConfiguration>;
  extendedResourceName?: string;
  selectors?: Array<V1DeviceSelector>;
}

export interface V1DeviceConstraint {
  distinctAttribute?: string;
  matchAttribute?: string;
  requests?: Array<string>;
}

export interface V1DeviceCounterConsumption {
  counterSet: string;
  counters: Record<string, V1Counter>;
}

export interface V1DeviceRequest {
  exactly?: V1ExactDeviceRequest;
  firstAvailable?: Array<V1DeviceSubRequest>;
  name: string;
}

export interface V1DeviceRequestAllocationResult {
  adminAccess?: boolean;
  bindingConditions?: Array<string>;
  bindingFailureConditions?: Array<string>;
  consumedCapacity?: Record<string, string>;
  device: string;
  driver: string;
  pool: string;
  request: string;
  shareID?: string;
  tolerations?: Array<V1DeviceToleration>;
}

export interface V1DeviceSelector {
  cel?: V1CELDeviceSelector;
}

export interface V1DeviceSubRequest {
  allocationMode?: string;
  capacity?: V1CapacityRequirements;
  count?: number;
  deviceClassName: string;
  name: string;
  selectors?: Array<V1DeviceSelector>;
  tolerations?: Array<V1DeviceToleration>;
}

export interface V1DeviceTaint {
  effect: string;
  key: string;
  timeAdded?: string;
  value?: string;
}

export interface V1DeviceToleration {
  effect?: string;
  key?: string;
  operator?: string;
  tolerationSeconds?: number;
  value?: string;
}

export interface V1DownwardAPIProjection {
  items?: Array<V1DownwardAPIVolumeFile>;
}

export interface V1DownwardAPIVolumeFile {
  fieldRef?: V1ObjectFieldSelector;
  mode?: number;
  path: string;
  resourceFieldRef?: V1ResourceFieldSelector;
}

export interface V1DownwardAPIVolumeSource {
  defaultMode?: number;
  items?: Array<V1DownwardAPIVolumeFile>;
}

export interface V1EmptyDirVolumeSource {
  medium?: string;
  sizeLimit?: string;
}

export interface V1Endpoint {
  addresses: Array<string>;
  conditions?: V1EndpointConditions;
  deprecatedTopology?: Record<string, string>;
  hints?: V1EndpointHints;
  hostname?: string;
  nodeName?: string;
  targetRef?: V1ObjectReference;
  zone?: string;
}

export interface V1EndpointAddress {
  hostname?: string;
  ip: string;
  nodeName?: string;
  targetRef?: V1ObjectReference;
}

export interface V1EndpointConditions {
  ready?: boolean;
  serving?: boolean;
  terminating?: boolean;
}

export interface V1EndpointHints {
  forNodes?: Array<V1ForNode>;
  forZones?: Array<V1ForZone>;
}

export interface V1EndpointSlice {
  addressType: string;
  apiVersion?: string;
  endpoints?: Array<V1Endpoint>;
  kind?: string;
  metadata?: V1ObjectMeta;
  ports?: Array<DiscoveryV1EndpointPort>;
}

export interface V1EndpointSliceList {
  apiVersion?: string;
  items: Array<V1EndpointSlice>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1EndpointSubset {
  addresses?: Array<V1EndpointAddress>;
  notReadyAddresses?: Array<V1EndpointAddress>;
  ports?: Array<CoreV1EndpointPort>;
}

export interface V1Endpoints {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  subsets?: Array<V1EndpointSubset>;
}

export interface V1EndpointsList {
  apiVersion?: string;
  items: Array<V1Endpoints>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1EnvFromSource {
  configMapRef?: V1ConfigMapEnvSource;
  prefix?: string;
  secretRef?: V1SecretEnvSource;
}

export interface V1EnvVar {
  name: string;
  value?: string;
  valueFrom?: V1EnvVarSource;
}

export interface V1EnvVarSource {
  configMapKeyRef?: V1ConfigMapKeySelector;
  fieldRef?: V1ObjectFieldSelector;
  fileKeyRef?: V1FileKeySelector;
  resourceFieldRef?: V1ResourceFieldSelector;
  secretKeyRef?: V1SecretKeySelector;
}

export interface V1EphemeralContainer {
  args?: Array<string>;
  command?: Array<string>;
  env?: Array<V1EnvVar>;
  envFrom?: Array<V1EnvFromSource>;
  image?: string;
  imagePullPolicy?: string;
  lifecycle?: V1Lifecycle;
  livenessProbe?: V1Probe;
  name: string;
  ports?: Array<V1ContainerPort>;
  readinessProbe?: V1Probe;
  resizePolicy?: Array<V1ContainerResizePolicy>;
  resources?: V1ResourceRequirements;
  restartPolicy?: string;
  restartPolicyRules?: Array<V1ContainerRestartRule>;
  securityContext?: V1SecurityContext;
  startupProbe?: V1Probe;
  stdin?: boolean;
  stdinOnce?: boolean;
  targetContainerName?: string;
  terminationMessagePath?: string;
  terminationMessagePolicy?: string;
  tty?: boolean;
  volumeDevices?: Array<V1VolumeDevice>;
  volumeMounts?: Array<V1VolumeMount>;
  workingDir?: string;
}

export interface V1EphemeralVolumeSource {
  volumeClaimTemplate?: V1PersistentVolumeClaimTemplate;
}

export interface V1EventSource {
  component?: string;
  host?: string;
}

export interface V1Eviction {
  apiVersion?: string;
  deleteOptions?: V1DeleteOptions;
  kind?: string;
  metadata?: V1ObjectMeta;
}

export interface V1ExactDeviceRequest {
  adminAccess?: boolean;
  allocationMode?: string;
  capacity?: V1CapacityRequirements;
  count?: number;
  deviceClassName: string;
  selectors?: Array<V1DeviceSelector>;
  tolerations?: Array<V1DeviceToleration>;
}

export interface V1ExecAction {
  command?: Array<string>;
}

export interface V1ExemptPriorityLevelConfiguration {
  lendablePercent?: number;
  nominalConcurrencyShares?: number;
}

export interface V1ExpressionWarning {
  fieldRef: string;
  warning: string;
}

export interface V1ExternalDocumentation {
  description?: string;
  url?: string;
}

export interface V1FCVolumeSource {
  fsType?: string;
  lun?: number;
  readOnly?: boolean;
  targetWWNs?: Array<string>;
  wwids?: Array<string>;
}

export interface V1FieldSelectorAttributes {
  rawSelector?: string;
  requirements?: Array<V1FieldSelectorRequirement>;
}

export interface V1FieldSelectorRequirement {
  key: string;
  operator: string;
  values?: Array<string>;
}

export interface V1FileKeySelector {
  key: string;
  optional?: boolean;
  path: string;
  volumeName: string;
}

export interface V1FlexPersistentVolumeSource {
  driver: string;
  fsType?: string;
  options?: Record<string, string>;
  readOnly?: boolean;
  secretRef?: V1SecretReference;
}

export interface V1FlexVolumeSource {
  driver: string;
  fsType?: string;
  options?: Record<string, string>;
  readOnly?: boolean;
  secretRef?: V1LocalObjectReference;
}

export interface V1FlockerVolumeSource {
  datasetName?: string;
  datasetUUID?: string;
}

export interface V1FlowDistinguisherMethod {
  type: string;
}

export interface V1FlowSchema {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1FlowSchemaSpec;
  status?: V1FlowSchemaStatus;
}

export interface V1FlowSchemaCondition {
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status?: string;
  type?: string;
}

export interface V1FlowSchemaList {
  apiVersion?: string;
  items: Array<V1FlowSchema>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1FlowSchemaSpec {
  distinguisherMethod?: V1FlowDistinguisherMethod;
  matchingPrecedence?: number;
  priorityLevelConfiguration: V1PriorityLevelConfigurationReference;
  rules?: Array<V1PolicyRulesWithSubjects>;
}

export interface V1FlowSchemaStatus {
  conditions?: Array<V1FlowSchemaCondition>;
}

export interface V1ForNode {
  name: string;
}

export interface V1ForZone {
  name: string;
}

export interface V1GCEPersistentDiskVolumeSource {
  fsType?: string;
  partition?: number;
  pdName: string;
  readOnly?: boolean;
}

export interface V1GRPCAction {
  port: number;
  service?: string;
}

export interface V1GitRepoVolumeSource {
  directory?: string;
  repository: string;
  revision?: string;
}

export interface V1GlusterfsPersistentVolumeSource {
  endpoints: string;
  endpointsNamespace?: string;
  path: string;
  readOnly?: boolean;
}

export interface V1GlusterfsVolumeSource {
  endpoints: string;
  path: string;
  readOnly?: boolean;
}

export interface V1GroupResource {
  group: string;
  resource: string;
}

export interface V1GroupSubject {
  name: string;
}

export interface V1GroupVersionForDiscovery {
  groupVersion: string;
  version: string;
}

export interface V1HTTPGetAction {
  host?: string;
  httpHeaders?: Array<V1HTTPHeader>;
  path?: string;
  port: number | string;
  scheme?: string;
}

export interface V1HTTPHeader {
  name: string;
  value: string;
}

export interface V1HTTPIngressPath {
  backend: V1IngressBackend;
  path?: string;
  pathType: string;
}

export interface V1HTTPIngressRuleValue {
  paths: Array<V1HTTPIngressPath>;
}

export interface V1HorizontalPodAutoscaler {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1HorizontalPodAutoscalerSpec;
  status?: V1HorizontalPodAutoscalerStatus;
}

export interface V1HorizontalPodAutoscalerList {
  apiVersion?: string;
  items: Array<V1HorizontalPodAutoscaler>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1HorizontalPodAutoscalerSpec {
  maxReplicas: number;
  minReplicas?: number;
  scaleTargetRef: V1CrossVersionObjectReference;
  targetCPUUtilizationPercentage?: number;
}

export interface V1HorizontalPodAutoscalerStatus {
  currentCPUUtilizationPercentage?: number;
  currentReplicas: number;
  desiredReplicas: number;
  lastScaleTime?: string;
  observedGeneration?: number;
}

export interface V1HostAlias {
  hostnames?: Array<string>;
  ip: string;
}

export interface V1HostIP {
  ip: string;
}

export interface V1HostPathVolumeSource {
  path: string;
  type?: string;
}

export interface V1IPAddress {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1IPAddressSpec;
}

export interface V1IPAddressList {
  apiVersion?: string;
  items: Array<V1IPAddress>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1IPAddressSpec {
  parentRef: V1ParentReference;
}

export interface V1IPBlock {
  cidr: string;
  except?: Array<string>;
}

export interface V1ISCSIPersistentVolumeSource {
  chapAuthDiscovery?: boolean;
  chapAuthSession?: boolean;
  fsType?: string;
  initiatorName?: string;
  iqn: string;
  iscsiInterface?: string;
  lun: number;
  portals?: Array<string>;
  readOnly?: boolean;
  secretRef?: V1SecretReference;
  targetPortal: string;
}

export interface V1ISCSIVolumeSource {
  chapAuthDiscovery?: boolean;
  chapAuthSession?: boolean;
  fsType?: string;
  initiatorName?: string;
  iqn: string;
  iscsiInterface?: string;
  lun: number;
  portals?: Array<string>;
  readOnly?: boolean;
  secretRef?: V1LocalObjectReference;
  targetPortal: string;
}

export interface V1ImageVolumeSource {
  pullPolicy?: string;
  reference?: string;
}

export interface V1ImageVolumeStatus {
  imageRef: string;
}

export interface V1Ingress {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1IngressSpec;
  status?: V1IngressStatus;
}

export interface V1IngressBackend {
  resource?: V1TypedLocalObjectReference;
  service?: V1IngressServiceBackend;
}

export interface V1IngressClass {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1IngressClassSpec;
}

export interface V1IngressClassList {
  apiVersion?: string;
  items: Array<V1IngressClass>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1IngressClassParametersReference {
  apiGroup?: string;
  kind: string;
  name: string;
  namespace?: string;
  scope?: string;
}

export interface V1IngressClassSpec {
  controller?: string;
  parameters?: V1IngressClassParametersReference;
}

export interface V1IngressList {
  apiVersion?: string;
  items: Array<V1Ingress>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1IngressLoadBalancerIngress {
  hostname?: string;
  ip?: string;
  ports?: Array<V1IngressPortStatus>;
}

export interface V1IngressLoadBalancerStatus {
  ingress?: Array<V1IngressLoadBalancerIngress>;
}

export interface V1IngressPortStatus {
  error?: string;
  port: number;
  protocol: string;
}

export interface V1IngressRule {
  host?: string;
  http?: V1HTTPIngressRuleValue;
}

export interface V1IngressServiceBackend {
  name: string;
  port?: V1ServiceBackendPort;
}

export interface V1IngressSpec {
  defaultBackend?: V1IngressBackend;
  ingressClassName?: string;
  rules?: Array<V1IngressRule>;
  tls?: Array<V1IngressTLS>;
}

export interface V1IngressStatus {
  loadBalancer?: V1IngressLoadBalancerStatus;
}

export interface V1IngressTLS {
  hosts?: Array<string>;
  secretName?: string;
}

export interface V1JSONPatch {
  expression?: string;
}

export interface V1JSONSchemaProps {
  $ref?: string;
  $schema?: string;
  additionalItems?: unknown;
  additionalProperties?: unknown;
  allOf?: Array<V1JSONSchemaProps>;
  anyOf?: Array<V1JSONSchemaProps>;
  default?: unknown;
  definitions?: Record<string, V1JSONSchemaProps>;
  dependencies?: Record<string, unknown>;
  description?: string;
  enum?: Array<unknown>;
  example?: unknown;
  exclusiveMaximum?: boolean;
  exclusiveMinimum?: boolean;
  externalDocs?: V1ExternalDocumentation;
  format?: string;
  id?: string;
  items?: unknown;
  maxItems?: number;
  maxLength?: number;
  maxProperties?: number;
  maximum?: number;
  minItems?: number;
  minLength?: number;
  minProperties?: number;
  minimum?: number;
  multipleOf?: number;
  not?: V1JSONSchemaProps;
  nullable?: boolean;
  oneOf?: Array<V1JSONSchemaProps>;
  pattern?: string;
  patternProperties?: Record<string, V1JSONSchemaProps>;
  properties?: Record<string, V1JSONSchemaProps>;
  required?: Array<string>;
  title?: string;
  type?: string;
  uniqueItems?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-map-keys'?: Array<string>;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-map-type'?: string;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-validations'?: Array<V1ValidationRule>;
}

export interface V1Job {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1JobSpec;
  status?: V1JobStatus;
}

export interface V1JobCondition {
  lastProbeTime?: string;
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V1JobList {
  apiVersion?: string;
  items: Array<V1Job>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1JobSpec {
  activeDeadlineSeconds?: number;
  backoffLimit?: number;
  backoffLimitPerIndex?: number;
  completionMode?: string;
  completions?: number;
  managedBy?: string;
  manualSelector?: boolean;
  maxFailedIndexes?: number;
  parallelism?: number;
  podFailurePolicy?: V1PodFailurePolicy;
  podReplacementPolicy?: string;
  selector?: V1LabelSelector;
  successPolicy?: V1SuccessPolicy;
  suspend?: boolean;
  template: V1PodTemplateSpec;
  ttlSecondsAfterFinished?: number;
}

export interface V1JobStatus {
  active?: number;
  completedIndexes?: string;
  completionTime?: string;
  conditions?: Array<V1JobCondition>;
  failed?: number;
  failedIndexes?: string;
  ready?: number;
  startTime?: string;
  succeeded?: number;
  terminating?: number;
  uncountedTerminatedPods?: V1UncountedTerminatedPods;
}

export interface V1JobTemplateSpec {
  metadata?: V1ObjectMeta;
  spec?: V1JobSpec;
}

export interface V1KeyToPath {
  key: string;
  mode?: number;
  path: string;
}

export interface V1LabelSelector {
  matchExpressions?: Array<V1LabelSelectorRequirement>;
  matchLabels?: Record<string, string>;
}

export interface V1LabelSelectorAttributes {
  rawSelector?: string;
  requirements?: Array<V1LabelSelectorRequirement>;
}

export interface V1LabelSelectorRequirement {
  key: string;
  operator: string;
  values?: Array<string>;
}

export interface V1Lease {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1LeaseSpec;
}

export interface V1LeaseList {
  apiVersion?: string;
  items: Array<V1Lease>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1LeaseSpec {
  acquireTime?: string;
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  leaseTransitions?: number;
  preferredHolder?: string;
  renewTime?: string;
  strategy?: string;
}

export interface V1Lifecycle {
  postStart?: V1LifecycleHandler;
  preStop?: V1LifecycleHandler;
  stopSignal?: string;
}

export interface V1LifecycleHandler {
  exec?: V1ExecAction;
  httpGet?: V1HTTPGetAction;
  sleep?: V1SleepAction;
  tcpSocket?: V1TCPSocketAction;
}

export interface V1LimitRange {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1LimitRangeSpec;
}

export interface V1LimitRangeItem {
  default?: Record<string, string>;
  defaultRequest?: Record<string, string>;
  max?: Record<string, string>;
  maxLimitRequestRatio?: Record<string, string>;
  min?: Record<string, string>;
  type: string;
}

export interface V1LimitRangeList {
  apiVersion?: string;
  items: Array<V1LimitRange>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1LimitRangeSpec {
  limits: Array<V1LimitRangeItem>;
}

export interface V1LimitResponse {
  queuing?: V1QueuingConfiguration;
  type: string;
}

export interface V1LimitedPriorityLevelConfiguration {
  borrowingLimitPercent?: number;
  lendablePercent?: number;
  limitResponse?: V1LimitResponse;
  nominalConcurrencyShares?: number;
}

export interface V1LinuxContainerUser {
  gid: number;
  supplementalGroups?: Array<number>;
  uid: number;
}

export type V1ListMeta = ListMeta;

export interface V1LoadBalancerIngress {
  hostname?: string;
  ip?: string;
  ipMode?: string;
  ports?: Array<V1PortStatus>;
}

export interface V1LoadBalancerStatus {
  ingress?: Array<V1LoadBalancerIngress>;
}

export interface V1LocalObjectReference {
  name?: string;
}

export interface V1LocalSubjectAccessReview {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1SubjectAccessReviewSpec;
  status?: V1SubjectAccessReviewStatus;
}

export interface V1LocalVolumeSource {
  fsType?: string;
  path: string;
}

export type V1ManagedFieldsEntry = ManagedFieldsEntry;

export interface V1MatchCondition {
  expression: string;
  name: string;
}

export interface V1MatchResources {
  excludeResourceRules?: Array<V1NamedRuleWithOperations>;
  matchPolicy?: string;
  namespaceSelector?: V1LabelSelector;
  objectSelector?: V1LabelSelector;
  resourceRules?: Array<V1NamedRuleWithOperations>;
}

export interface V1ModifyVolumeStatus {
  status: string;
  targetVolumeAttributesClassName?: string;
}

export interface V1MutatingAdmissionPolicy {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1MutatingAdmissionPolicySpec;
}

export interface V1MutatingAdmissionPolicyBinding {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1MutatingAdmissionPolicyBindingSpec;
}

export interface V1MutatingAdmissionPolicyBindingList {
  apiVersion?: string;
  items: Array<V1MutatingAdmissionPolicyBinding>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1MutatingAdmissionPolicyBindingSpec {
  matchResources?: V1MatchResources;
  paramRef?: V1ParamRef;
  policyName?: string;
}

export interface V1MutatingAdmissionPolicyList {
  apiVersion?: string;
  items: Array<V1MutatingAdmissionPolicy>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1MutatingAdmissionPolicySpec {
  failurePolicy?: string;
  matchConditions?: Array<V1MatchCondition>;
  matchConstraints?: V1MatchResources;
  mutations?: Array<V1Mutation>;
  paramKind?: V1ParamKind;
  reinvocationPolicy?: string;
  variables?: Array<V1Variable>;
}

export interface V1MutatingWebhook {
  admissionReviewVersions: Array<string>;
  clientConfig: AdmissionregistrationV1WebhookClientConfig;
  failurePolicy?: string;
  matchConditions?: Array<V1MatchCondition>;
  matchPolicy?: string;
  name: string;
  namespaceSelector?: V1LabelSelector;
  objectSelector?: V1LabelSelector;
  reinvocationPolicy?: string;
  rules?: Array<V1RuleWithOperations>;
  sideEffects: string;
  timeoutSeconds?: number;
}

export interface V1MutatingWebhookConfiguration {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  webhooks?: Array<V1MutatingWebhook>;
}

export interface V1MutatingWebhookConfigurationList {
  apiVersion?: string;
  items: Array<V1MutatingWebhookConfiguration>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1Mutation {
  applyConfiguration?: V1ApplyConfiguration;
  jsonPatch?: V1JSONPatch;
  patchType: string;
}

export interface V1NFSVolumeSource {
  path: string;
  readOnly?: boolean;
  server: string;
}

export interface V1NamedRuleWithOperations {
  apiGroups?: Array<string>;
  apiVersions?: Array<string>;
  operations?: Array<string>;
  resourceNames?: Array<string>;
  resources?: Array<string>;
  scope?: string;
}

export interface V1Namespace {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1NamespaceSpec;
  status?: V1NamespaceStatus;
}

export interface V1NamespaceCondition {
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V1NamespaceList {
  apiVersion?: string;
  items: Array<V1Namespace>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1NamespaceSpec {
  finalizers?: Array<string>;
}

export interface V1NamespaceStatus {
  conditions?: Array<V1NamespaceCondition>;
  phase?: string;
}

export interface V1NetworkDeviceData {
  hardwareAddress?: string;
  interfaceName?: string;
  ips?: Array<string>;
}

export interface V1NetworkPolicy {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1NetworkPolicySpec;
}

export interface V1NetworkPolicyEgressRule {
  ports?: Array<V1NetworkPolicyPort>;
  to?: Array<V1NetworkPolicyPeer>;
}

export interface V1NetworkPolicyIngressRule {
  from?: Array<V1NetworkPolicyPeer>;
  ports?: Array<V1NetworkPolicyPort>;
}

export interface V1NetworkPolicyList {
  apiVersion?: string;
  items: Array<V1NetworkPolicy>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1NetworkPolicyPeer {
  ipBlock?: V1IPBlock;
  namespaceSelector?: V1LabelSelector;
  podSelector?: V1LabelSelector;
}

export interface V1NetworkPolicyPort {
  endPort?: number;
  port?: number | string;
  protocol?: string;
}

export interface V1NetworkPolicySpec {
  egress?: Array<V1NetworkPolicyEgressRule>;
  ingress?: Array<V1NetworkPolicyIngressRule>;
  podSelector?: V1LabelSelector;
  policyTypes?: Array<string>;
}

export interface V1Node {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1NodeSpec;
  status?: V1NodeStatus;
}

export interface V1NodeAddress {
  address: string;
  type: string;
}

export interface V1NodeAffinity {
  preferredDuringSchedulingIgnoredDuringExecution?: Array<V1PreferredSchedulingTerm>;
  requiredDuringSchedulingIgnoredDuringExecution?: V1NodeSelector;
}

export interface V1NodeAllocatableResourceClaimStatus {
  containers?: Array<string>;
  resourceClaimName: string;
  resources: Record<string, string>;
}

export interface V1NodeAllocatableResourceMapping {
  allocationMultiplier?: string;
  capacityKey?: string;
}

export interface V1NodeCondition {
  lastHeartbeatTime?: string;
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V1NodeConfigSource {
  configMap?: V1ConfigMapNodeConfigSource;
}

export interface V1NodeConfigStatus {
  active?: V1NodeConfigSource;
  assigned?: V1NodeConfigSource;
  error?: string;
  lastKnownGood?: V1NodeConfigSource;
}

export interface V1NodeDaemonEndpoints {
  kubeletEndpoint?: V1DaemonEndpoint;
}

export interface V1NodeFeatures {
  supplementalGroupsPolicy?: boolean;
}

export interface V1NodeList {
  apiVersion?: string;
  items: Array<V1Node>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1NodeRuntimeHandler {
  features?: V1NodeRuntimeHandlerFeatures;
  name?: string;
}

export interface V1NodeRuntimeHandlerFeatures {
  recursiveReadOnlyMounts?: boolean;
  userNamespaces?: boolean;
}

export interface V1NodeSelector {
  nodeSelectorTerms: Array<V1NodeSelectorTerm>;
}

export interface V1NodeSelectorRequirement {
  key: string;
  operator: string;
  values?: Array<string>;
}

export interface V1NodeSelectorTerm {
  matchExpressions?: Array<V1NodeSelectorRequirement>;
  matchFields?: Array<V1NodeSelectorRequirement>;
}

export interface V1NodeSpec {
  configSource?: V1NodeConfigSource;
  externalID?: string;
  podCIDR?: string;
  podCIDRs?: Array<string>;
  providerID?: string;
  taints?: Array<V1Taint>;
  unschedulable?: boolean;
}

export interface V1NodeStatus {
  addresses?: Array<V1NodeAddress>;
  allocatable?: Record<string, string>;
  capacity?: Record<string, string>;
  conditions?: Array<V1NodeCondition>;
  config?: V1NodeConfigStatus;
  daemonEndpoints?: V1NodeDaemonEndpoints;
  declaredFeatures?: Array<string>;
  features?: V1NodeFeatures;
  images?: Array<V1ContainerImage>;
  nodeInfo?: V1NodeSystemInfo;
  phase?: string;
  runtimeHandlers?: Array<V1NodeRuntimeHandler>;
  volumesAttached?: Array<V1AttachedVolume>;
  volumesInUse?: Array<string>;
}

export interface V1NodeSwapStatus {
  capacity?: number;
}

export interface V1NodeSystemInfo {
  architecture: string;
  bootID: string;
  containerRuntimeVersion: string;
  kernelVersion: string;
  kubeProxyVersion: string;
  kubeletVersion: string;
  machineID: string;
  operatingSystem: string;
  osImage: string;
  swap?: V1NodeSwapStatus;
  systemUUID: string;
}

export interface V1NonResourceAttributes {
  path?: string;
  verb?: string;
}

export interface V1NonResourcePolicyRule {
  nonResourceURLs: Array<string>;
  verbs: Array<string>;
}

export interface V1NonResourceRule {
  nonResourceURLs?: Array<string>;
  verbs: Array<string>;
}

export interface V1ObjectFieldSelector {
  apiVersion?: string;
  fieldPath: string;
}

export type V1ObjectMeta = ObjectMeta;

export interface V1ObjectReference {
  apiVersion?: string;
  fieldPath?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  resourceVersion?: string;
  uid?: string;
}

export interface V1OpaqueDeviceConfiguration {
  driver: string;
  parameters: unknown;
}

export interface V1Overhead {
  podFixed?: Record<string, string>;
}

export type V1OwnerReference = OwnerReference;

export interface V1ParamKind {
  apiVersion?: string;
  kind?: string;
}

export interface V1ParamRef {
  name?: string;
  namespace?: string;
  parameterNotFoundAction?: string;
  selector?: V1LabelSelector;
}

export interface V1ParentReference {
  group?: string;
  name: string;
  namespace?: string;
  resource: string;
}

export interface V1PersistentVolume {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1PersistentVolumeSpec;
  status?: V1PersistentVolumeStatus;
}

export interface V1PersistentVolumeClaim {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1PersistentVolumeClaimSpec;
  status?: V1PersistentVolumeClaimStatus;
}

export interface V1PersistentVolumeClaimCondition {
  lastProbeTime?: string;
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V1PersistentVolumeClaimList {
  apiVersion?: string;
  items: Array<V1PersistentVolumeClaim>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1PersistentVolumeClaimSpec {
  accessModes?: Array<string>;
  dataSource?: V1TypedLocalObjectReference;
  dataSourceRef?: V1TypedObjectReference;
  resources?: V1VolumeResourceRequirements;
  selector?: V1LabelSelector;
  storageClassName?: string;
  volumeAttributesClassName?: string;
  volumeMode?: string;
  volumeName?: string;
}

export interface V1PersistentVolumeClaimStatus {
  accessModes?: Array<string>;
  allocatedResourceStatuses?: Record<string, string>;
  allocatedResources?: Record<string, string>;
  capacity?: Record<string, string>;
  conditions?: Array<V1PersistentVolumeClaimCondition>;
  currentVolumeAttributesClassName?: string;
  modifyVolumeStatus?: V1ModifyVolumeStatus;
  phase?: string;
}

export interface V1PersistentVolumeClaimTemplate {
  metadata?: V1ObjectMeta;
  spec: V1PersistentVolumeClaimSpec;
}

export interface V1PersistentVolumeClaimVolumeSource {
  claimName: string;
  readOnly?: boolean;
}

export interface V1PersistentVolumeList {
  apiVersion?: string;
  items: Array<V1PersistentVolume>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1PersistentVolumeSpec {
  accessModes?: Array<string>;
  awsElasticBlockStore?: V1AWSElasticBlockStoreVolumeSource;
  azureDisk?: V1AzureDiskVolumeSource;
  azureFile?: V1AzureFilePersistentVolumeSource;
  capacity?: Record<string, string>;
  cephfs?: V1CephFSPersistentVolumeSource;
  cinder?: V1CinderPersistentVolumeSource;
  claimRef?: V1ObjectReference;
  csi?: V1CSIPersistentVolumeSource;
  fc?: V1FCVolumeSource;
  flexVolume?: V1FlexPersistentVolumeSource;
  flocker?: V1FlockerVolumeSource;
  gcePersistentDisk?: V1GCEPersistentDiskVolumeSource;
  glusterfs?: V1GlusterfsPersistentVolumeSource;
  hostPath?: V1HostPathVolumeSource;
  iscsi?: V1ISCSIPersistentVolumeSource;
  local?: V1LocalVolumeSource;
  mountOptions?: Array<string>;
  nfs?: V1NFSVolumeSource;
  nodeAffinity?: V1VolumeNodeAffinity;
  persistentVolumeReclaimPolicy?: string;
  photonPersistentDisk?: V1PhotonPersistentDiskVolumeSource;
  portworxVolume?: V1PortworxVolumeSource;
  quobyte?: V1QuobyteVolumeSource;
  rbd?: V1RBDPersistentVolumeSource;
  scaleIO?: V1ScaleIOPersistentVolumeSource;
  storageClassName?: string;
  storageos?: V1StorageOSPersistentVolumeSource;
  volumeAttributesClassName?: string;
  volumeMode?: string;
  vsphereVolume?: V1VsphereVirtualDiskVolumeSource;
}

export interface V1PersistentVolumeStatus {
  lastPhaseTransitionTime?: string;
  message?: string;
  phase?: string;
  reason?: string;
}

export interface V1PhotonPersistentDiskVolumeSource {
  fsType?: string;
  pdID: string;
}

export interface V1Pod {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1PodSpec;
  status?: V1PodStatus;
}

export interface V1PodAffinity {
  preferredDuringSchedulingIgnoredDuringExecution?: Array<V1WeightedPodAffinityTerm>;
  requiredDuringSchedulingIgnoredDuringExecution?: Array<V1PodAffinityTerm>;
}

export interface V1PodAffinityTerm {
  labelSelector?: V1LabelSelector;
  matchLabelKeys?: Array<string>;
  mismatchLabelKeys?: Array<string>;
  namespaceSelector?: V1LabelSelector;
  namespaces?: Array<string>;
  topologyKey: string;
}

export interface V1PodAntiAffinity {
  preferredDuringSchedulingIgnoredDuringExecution?: Array<V1WeightedPodAffinityTerm>;
  requiredDuringSchedulingIgnoredDuringExecution?: Array<V1PodAffinityTerm>;
}

export interface V1PodCertificateProjection {
  certificateChainPath?: string;
  credentialBundlePath?: string;
  keyPath?: string;
  keyType: string;
  maxExpirationSeconds?: number;
  signerName: string;
  userAnnotations?: Record<string, string>;
}

export interface V1PodCondition {
  lastProbeTime?: string;
  lastTransitionTime?: string;
  message?: string;
  observedGeneration?: number;
  reason?: string;
  status: string;
  type: string;
}

export interface V1PodDNSConfig {
  nameservers?: Array<string>;
  options?: Array<V1PodDNSConfigOption>;
  searches?: Array<string>;
}

export interface V1PodDNSConfigOption {
  name?: string;
  value?: string;
}

export interface V1PodDisruptionBudget {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1PodDisruptionBudgetSpec;
  status?: V1PodDisruptionBudgetStatus;
}

export interface V1PodDisruptionBudgetList {
  apiVersion?: string;
  items: Array<V1PodDisruptionBudget>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1PodDisruptionBudgetSpec {
  maxUnavailable?: number | string;
  minAvailable?: number | string;
  selector?: V1LabelSelector;
  unhealthyPodEvictionPolicy?: string;
}

export interface V1PodDisruptionBudgetStatus {
  conditions?: Array<V1Condition>;
  currentHealthy?: number;
  desiredHealthy?: number;
  disruptedPods?: Record<string, string>;
  disruptionsAllowed?: number;
  expectedPods?: number;
  observedGeneration?: number;
}

export interface V1PodExtendedResourceClaimStatus {
  requestMappings: Array<V1ContainerExtendedResourceRequest>;
  resourceClaimName: string;
}

export interface V1PodFailurePolicy {
  rules: Array<V1PodFailurePolicyRule>;
}

export interface V1PodFailurePolicyOnExitCodesRequirement {
  containerName?: string;
  operator: string;
  values: Array<number>;
}

export interface V1PodFailurePolicyOnPodConditionsPattern {
  status?: string;
  type: string;
}

export interface V1PodFailurePolicyRule {
  action: string;
  onExitCodes?: V1PodFailurePolicyOnExitCodesRequirement;
  onPodConditions?: Array<V1PodFailurePolicyOnPodConditionsPattern>;
}

export interface V1PodIP {
  ip: string;
}

export interface V1PodList {
  apiVersion?: string;
  items: Array<V1Pod>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1PodOS {
  name: string;
}

export interface V1PodReadinessGate {
  conditionType: string;
}

export interface V1PodResourceClaim {
  name: string;
  resourceClaimName?: string;
  resourceClaimTemplateName?: string;
}

export interface V1PodResourceClaimStatus {
  name: string;
  resourceClaimName?: string;
}

export interface V1PodSchedulingGate {
  name: string;
}

export interface V1PodSchedulingGroup {
  podGroupName?: string;
}

export interface V1PodSecurityContext {
  appArmorProfile?: V1AppArmorProfile;
  fsGroup?: number;
  fsGroupChangePolicy?: string;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  runAsUser?: number;
  seLinuxChangePolicy?: string;
  seLinuxOptions?: V1SELinuxOptions;
  seccompProfile?: V1SeccompProfile;
  supplementalGroups?: Array<number>;
  supplementalGroupsPolicy?: string;
  sysctls?: Array<V1Sysctl>;
  windowsOptions?: V1WindowsSecurityContextOptions;
}

export interface V1PodSpec {
  activeDeadlineSeconds?: number;
  affinity?: V1Affinity;
  automountServiceAccountToken?: boolean;
  containers: Array<V1Container>;
  dnsConfig?: V1PodDNSConfig;
  dnsPolicy?: string;
  enableServiceLinks?: boolean;
  ephemeralContainers?: Array<V1EphemeralContainer>;
  hostAliases?: Array<V1HostAlias>;
  hostIPC?: boolean;
  hostNetwork?: boolean;
  hostPID?: boolean;
  hostUsers?: boolean;
  hostname?: string;
  hostnameOverride?: string;
  imagePullSecrets?: Array<V1LocalObjectReference>;
  initContainers?: Array<V1Container>;
  nodeName?: string;
  nodeSelector?: Record<string, string>;
  os?: V1PodOS;
  overhead?: Record<string, string>;
  preemptionPolicy?: string;
  priority?: number;
  priorityClassName?: string;
  readinessGates?: Array<V1PodReadinessGate>;
  resourceClaims?: Array<V1PodResourceClaim>;
  resources?: V1ResourceRequirements;
  restartPolicy?: string;
  runtimeClassName?: string;
  schedulerName?: string;
  schedulingGates?: Array<V1PodSchedulingGate>;
  schedulingGroup?: V1PodSchedulingGroup;
  securityContext?: V1PodSecurityContext;
  serviceAccount?: string;
  serviceAccountName?: string;
  setHostnameAsFQDN?: boolean;
  shareProcessNamespace?: boolean;
  subdomain?: string;
  terminationGracePeriodSeconds?: number;
  tolerations?: Array<V1Toleration>;
  topologySpreadConstraints?: Array<V1TopologySpreadConstraint>;
  volumes?: Array<V1Volume>;
}

export interface V1PodStatus {
  allocatedResources?: Record<string, string>;
  conditions?: Array<V1PodCondition>;
  containerStatuses?: Array<V1ContainerStatus>;
  ephemeralContainerStatuses?: Array<V1ContainerStatus>;
  extendedResourceClaimStatus?: V1PodExtendedResourceClaimStatus;
  hostIP?: string;
  hostIPs?: Array<V1HostIP>;
  initContainerStatuses?: Array<V1ContainerStatus>;
  message?: string;
  nodeAllocatableResourceClaimStatuses?: Array<V1NodeAllocatableResourceClaimStatus>;
  nominatedNodeName?: string;
  observedGeneration?: number;
  phase?: string;
  podIP?: string;
  podIPs?: Array<V1PodIP>;
  qosClass?: string;
  reason?: string;
  resize?: string;
  resourceClaimStatuses?: Array<V1PodResourceClaimStatus>;
  resources?: V1ResourceRequirements;
  startTime?: string;
}

export interface V1PodTemplate {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  template?: V1PodTemplateSpec;
}

export interface V1PodTemplateList {
  apiVersion?: string;
  items: Array<V1PodTemplate>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1PodTemplateSpec {
  metadata?: V1ObjectMeta;
  spec?: V1PodSpec;
}

export interface V1PolicyRule {
  apiGroups?: Array<string>;
  nonResourceURLs?: Array<string>;
  resourceNames?: Array<string>;
  resources?: Array<string>;
  verbs: Array<string>;
}

export interface V1PolicyRulesWithSubjects {
  nonResourceRules?: Array<V1NonResourcePolicyRule>;
  resourceRules?: Array<V1ResourcePolicyRule>;
  subjects: Array<FlowcontrolV1Subject>;
}

export interface V1PortStatus {
  error?: string;
  port: number;
  protocol: string;
}

export interface V1PortworxVolumeSource {
  fsType?: string;
  readOnly?: boolean;
  volumeID: string;
}

export interface V1Preconditions {
  resourceVersion?: string;
  uid?: string;
}

export interface V1PreferredSchedulingTerm {
  preference: V1NodeSelectorTerm;
  weight: number;
}

export interface V1PriorityClass {
  apiVersion?: string;
  description?: string;
  globalDefault?: boolean;
  kind?: string;
  metadata?: V1ObjectMeta;
  preemptionPolicy?: string;
  value?: number;
}

export interface V1PriorityClassList {
  apiVersion?: string;
  items: Array<V1PriorityClass>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1PriorityLevelConfiguration {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1PriorityLevelConfigurationSpec;
  status?: V1PriorityLevelConfigurationStatus;
}

export interface V1PriorityLevelConfigurationCondition {
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status?: string;
  type?: string;
}

export interface V1PriorityLevelConfigurationList {
  apiVersion?: string;
  items: Array<V1PriorityLevelConfiguration>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1PriorityLevelConfigurationReference {
  name: string;
}

export interface V1PriorityLevelConfigurationSpec {
  exempt?: V1ExemptPriorityLevelConfiguration;
  limited?: V1LimitedPriorityLevelConfiguration;
  type: string;
}

export interface V1PriorityLevelConfigurationStatus {
  conditions?: Array<V1PriorityLevelConfigurationCondition>;
}

export interface V1Probe {
  exec?: V1ExecAction;
  failureThreshold?: number;
  grpc?: V1GRPCAction;
  httpGet?: V1HTTPGetAction;
  initialDelaySeconds?: number;
  periodSeconds?: number;
  successThreshold?: number;
  tcpSocket?: V1TCPSocketAction;
  terminationGracePeriodSeconds?: number;
  timeoutSeconds?: number;
}

export interface V1ProjectedVolumeSource {
  defaultMode?: number;
  sources?: Array<V1VolumeProjection>;
}

export interface V1QueuingConfiguration {
  handSize?: number;
  queueLengthLimit?: number;
  queues?: number;
}

export interface V1QuobyteVolumeSource {
  group?: string;
  readOnly?: boolean;
  registry: string;
  tenant?: string;
  user?: string;
  volume: string;
}

export interface V1RBDPersistentVolumeSource {
  fsType?: string;
  image: string;
  keyring?: string;
  monitors: Array<string>;
  pool?: string;
  readOnly?: boolean;
  secretRef?: V1SecretReference;
  user?: string;
}

export interface V1RBDVolumeSource {
  fsType?: string;
  image: string;
  keyring?: string;
  monitors: Array<string>;
  pool?: string;
  readOnly?: boolean;
  secretRef?: V1LocalObjectReference;
  user?: string;
}

export interface V1ReplicaSet {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1ReplicaSetSpec;
  status?: V1ReplicaSetStatus;
}

export interface V1ReplicaSetCondition {
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V1ReplicaSetList {
  apiVersion?: string;
  items: Array<V1ReplicaSet>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ReplicaSetSpec {
  minReadySeconds?: number;
  replicas?: number;
  selector: V1LabelSelector;
  template?: V1PodTemplateSpec;
}

export interface V1ReplicaSetStatus {
  availableReplicas?: number;
  conditions?: Array<V1ReplicaSetCondition>;
  fullyLabeledReplicas?: number;
  observedGeneration?: number;
  readyReplicas?: number;
  replicas: number;
  terminatingReplicas?: number;
}

export interface V1ReplicationController {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1ReplicationControllerSpec;
  status?: V1ReplicationControllerStatus;
}

export interface V1ReplicationControllerCondition {
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V1ReplicationControllerList {
  apiVersion?: string;
  items: Array<V1ReplicationController>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ReplicationControllerSpec {
  minReadySeconds?: number;
  replicas?: number;
  selector?: Record<string, string>;
  template?: V1PodTemplateSpec;
}

export interface V1ReplicationControllerStatus {
  availableReplicas?: number;
  conditions?: Array<V1ReplicationControllerCondition>;
  fullyLabeledReplicas?: number;
  observedGeneration?: number;
  readyReplicas?: number;
  replicas: number;
}

export interface V1ResourceAttributes {
  fieldSelector?: V1FieldSelectorAttributes;
  group?: string;
  labelSelector?: V1LabelSelectorAttributes;
  name?: string;
  namespace?: string;
  resource?: string;
  subresource?: string;
  verb?: string;
  version?: string;
}

export interface V1ResourceClaimConsumerReference {
  apiGroup?: string;
  name: string;
  resource: string;
  uid: string;
}

export interface V1ResourceClaimList {
  apiVersion?: string;
  items: Array<ResourceV1ResourceClaim>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ResourceClaimSpec {
  devices?: V1DeviceClaim;
}

export interface V1ResourceClaimStatus {
  allocation?: V1AllocationResult;
  devices?: Array<V1AllocatedDeviceStatus>;
  reservedFor?: Array<V1ResourceClaimConsumerReference>;
}

export interface V1ResourceClaimTemplate {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1ResourceClaimTemplateSpec;
}

export interface V1ResourceClaimTemplateList {
  apiVersion?: string;
  items: Array<V1ResourceClaimTemplate>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ResourceClaimTemplateSpec {
  metadata?: V1ObjectMeta;
  spec: V1ResourceClaimSpec;
}

export interface V1ResourceFieldSelector {
  containerName?: string;
  divisor?: string;
  resource: string;
}

export interface V1ResourceHealth {
  health?: string;
  message?: string;
  resourceID: string;
}

export interface V1ResourcePolicyRule {
  apiGroups: Array<string>;
  clusterScope?: boolean;
  namespaces?: Array<string>;
  resources: Array<string>;
  verbs: Array<string>;
}

export interface V1ResourcePool {
  generation: number;
  name: string;
  resourceSliceCount: number;
}

export interface V1ResourceQuota {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1ResourceQuotaSpec;
  status?: V1ResourceQuotaStatus;
}

export interface V1ResourceQuotaList {
  apiVersion?: string;
  items: Array<V1ResourceQuota>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ResourceQuotaSpec {
  hard?: Record<string, string>;
  scopeSelector?: V1ScopeSelector;
  scopes?: Array<string>;
}

export interface V1ResourceQuotaStatus {
  hard?: Record<string, string>;
  used?: Record<string, string>;
}

export interface V1ResourceRequirements {
  claims?: Array<CoreV1ResourceClaim>;
  limits?: Record<string, string>;
  requests?: Record<string, string>;
}

export interface V1ResourceRule {
  apiGroups?: Array<string>;
  resourceNames?: Array<string>;
  resources?: Array<string>;
  verbs: Array<string>;
}

export interface V1ResourceSlice {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1ResourceSliceSpec;
}

export interface V1ResourceSliceList {
  apiVersion?: string;
  items: Array<V1ResourceSlice>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ResourceSliceSpec {
  allNodes?: boolean;
  devices?: Array<V1Device>;
  driver: string;
  nodeName?: string;
  nodeSelector?: V1NodeSelector;
  perDeviceNodeSelection?: boolean;
  pool: V1ResourcePool;
  sharedCounters?: Array<V1CounterSet>;
}

export interface V1ResourceStatus {
  name: string;
  resources?: Array<V1ResourceHealth>;
}

export interface V1Role {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  rules?: Array<V1PolicyRule>;
}

export interface V1RoleBinding {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  roleRef: V1RoleRef;
  subjects?: Array<RbacV1Subject>;
}

export interface V1RoleBindingList {
  apiVersion?: string;
  items: Array<V1RoleBinding>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1RoleList {
  apiVersion?: string;
  items: Array<V1Role>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1RoleRef {
  apiGroup?: string;
  kind: string;
  name: string;
}

export interface V1RollingUpdateDaemonSet {
  maxSurge?: number | string;
  maxUnavailable?: number | string;
}

export interface V1RollingUpdateDeployment {
  maxSurge?: number | string;
  maxUnavailable?: number | string;
}

export interface V1RollingUpdateStatefulSetStrategy {
  maxUnavailable?: number | string;
  partition?: number;
}

export interface V1RuleWithOperations {
  apiGroups?: Array<string>;
  apiVersions?: Array<string>;
  operations?: Array<string>;
  resources?: Array<string>;
  scope?: string;
}

export interface V1RuntimeClass {
  apiVersion?: string;
  handler: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  overhead?: V1Overhead;
  scheduling?: V1Scheduling;
}

export interface V1RuntimeClassList {
  apiVersion?: string;
  items: Array<V1RuntimeClass>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1SELinuxOptions {
  level?: string;
  role?: string;
  type?: string;
  user?: string;
}

export interface V1Scale {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1ScaleSpec;
  status?: V1ScaleStatus;
}

export interface V1ScaleIOPersistentVolumeSource {
  fsType?: string;
  gateway: string;
  protectionDomain?: string;
  readOnly?: boolean;
  secretRef: V1SecretReference;
  sslEnabled?: boolean;
  storageMode?: string;
  storagePool?: string;
  system: string;
  volumeName?: string;
}

export interface V1ScaleIOVolumeSource {
  fsType?: string;
  gateway: string;
  protectionDomain?: string;
  readOnly?: boolean;
  secretRef: V1LocalObjectReference;
  sslEnabled?: boolean;
  storageMode?: string;
  storagePool?: string;
  system: string;
  volumeName?: string;
}

export interface V1ScaleSpec {
  replicas?: number;
}

export interface V1ScaleStatus {
  replicas: number;
  selector?: string;
}

export interface V1Scheduling {
  nodeSelector?: Record<string, string>;
  tolerations?: Array<V1Toleration>;
}

export interface V1ScopeSelector {
  matchExpressions?: Array<V1ScopedResourceSelectorRequirement>;
}

export interface V1ScopedResourceSelectorRequirement {
  operator: string;
  scopeName: string;
  values?: Array<string>;
}

export interface V1SeccompProfile {
  localhostProfile?: string;
  type: string;
}

export interface V1Secret {
  apiVersion?: string;
  data?: Record<string, string>;
  immutable?: boolean;
  kind?: string;
  metadata?: V1ObjectMeta;
  stringData?: Record<string, string>;
  type?: string;
}

export interface V1SecretEnvSource {
  name?: string;
  optional?: boolean;
}

export interface V1SecretKeySelector {
  key: string;
  name?: string;
  optional?: boolean;
}

export interface V1SecretList {
  apiVersion?: string;
  items: Array<V1Secret>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1SecretProjection {
  items?: Array<V1KeyToPath>;
  name?: string;
  optional?: boolean;
}

export interface V1SecretReference {
  name?: string;
  namespace?: string;
}

export interface V1SecretVolumeSource {
  defaultMode?: number;
  items?: Array<V1KeyToPath>;
  optional?: boolean;
  secretName?: string;
}

export interface V1SecurityContext {
  allowPrivilegeEscalation?: boolean;
  appArmorProfile?: V1AppArmorProfile;
  capabilities?: V1Capabilities;
  privileged?: boolean;
  procMount?: string;
  readOnlyRootFilesystem?: boolean;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  runAsUser?: number;
  seLinuxOptions?: V1SELinuxOptions;
  seccompProfile?: V1SeccompProfile;
  windowsOptions?: V1WindowsSecurityContextOptions;
}

export interface V1SelectableField {
  jsonPath: string;
}

export interface V1SelfSubjectAccessReview {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1SelfSubjectAccessReviewSpec;
  status?: V1SubjectAccessReviewStatus;
}

export interface V1SelfSubjectAccessReviewSpec {
  nonResourceAttributes?: V1NonResourceAttributes;
  resourceAttributes?: V1ResourceAttributes;
}

export interface V1SelfSubjectReview {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  status?: V1SelfSubjectReviewStatus;
}

export interface V1SelfSubjectReviewStatus {
  userInfo?: V1UserInfo;
}

export interface V1SelfSubjectRulesReview {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1SelfSubjectRulesReviewSpec;
  status?: V1SubjectRulesReviewStatus;
}

export interface V1SelfSubjectRulesReviewSpec {
  namespace?: string;
}

export interface V1ServerAddressByClientCIDR {
  clientCIDR: string;
  serverAddress: string;
}

export interface V1Service {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1ServiceSpec;
  status?: V1ServiceStatus;
}

export interface V1ServiceAccount {
  apiVersion?: string;
  automountServiceAccountToken?: boolean;
  imagePullSecrets?: Array<V1LocalObjectReference>;
  kind?: string;
  metadata?: V1ObjectMeta;
  secrets?: Array<V1ObjectReference>;
}

export interface V1ServiceAccountList {
  apiVersion?: string;
  items: Array<V1ServiceAccount>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ServiceAccountSubject {
  name: string;
  namespace: string;
}

export interface V1ServiceAccountTokenProjection {
  audience?: string;
  expirationSeconds?: number;
  path: string;
}

export interface V1ServiceBackendPort {
  name?: string;
  number?: number;
}

export interface V1ServiceCIDR {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1ServiceCIDRSpec;
  status?: V1ServiceCIDRStatus;
}

export interface V1ServiceCIDRList {
  apiVersion?: string;
  items: Array<V1ServiceCIDR>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ServiceCIDRSpec {
  cidrs?: Array<string>;
}

export interface V1ServiceCIDRStatus {
  conditions?: Array<V1Condition>;
}

export interface V1ServiceList {
  apiVersion?: string;
  items: Array<V1Service>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ServicePort {
  appProtocol?: string;
  name?: string;
  nodePort?: number;
  port: number;
  protocol?: string;
  targetPort?: number | string;
}

export interface V1ServiceSpec {
  allocateLoadBalancerNodePorts?: boolean;
  clusterIP?: string;
  clusterIPs?: Array<string>;
  externalIPs?: Array<string>;
  externalName?: string;
  externalTrafficPolicy?: string;
  healthCheckNodePort?: number;
  internalTrafficPolicy?: string;
  ipFamilies?: Array<string>;
  ipFamilyPolicy?: string;
  loadBalancerClass?: string;
  loadBalancerIP?: string;
  loadBalancerSourceRanges?: Array<string>;
  ports?: Array<V1ServicePort>;
  publishNotReadyAddresses?: boolean;
  selector?: Record<string, string>;
  sessionAffinity?: string;
  sessionAffinityConfig?: V1SessionAffinityConfig;
  trafficDistribution?: string;
  type?: string;
}

export interface V1ServiceStatus {
  conditions?: Array<V1Condition>;
  loadBalancer?: V1LoadBalancerStatus;
}

export interface V1SessionAffinityConfig {
  clientIP?: V1ClientIPConfig;
}

export interface V1ShardInfo {
  selector: string;
}

export interface V1SleepAction {
  seconds: number;
}

export interface V1StatefulSet {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1StatefulSetSpec;
  status?: V1StatefulSetStatus;
}

export interface V1StatefulSetCondition {
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V1StatefulSetList {
  apiVersion?: string;
  items: Array<V1StatefulSet>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1StatefulSetOrdinals {
  start?: number;
}

export interface V1StatefulSetPersistentVolumeClaimRetentionPolicy {
  whenDeleted?: string;
  whenScaled?: string;
}

export interface V1StatefulSetSpec {
  minReadySeconds?: number;
  ordinals?: V1StatefulSetOrdinals;
  persistentVolumeClaimRetentionPolicy?: V1StatefulSetPersistentVolumeClaimRetentionPolicy;
  podManagementPolicy?: string;
  replicas?: number;
  revisionHistoryLimit?: number;
  selector: V1LabelSelector;
  serviceName?: string;
  template: V1PodTemplateSpec;
  updateStrategy?: V1StatefulSetUpdateStrategy;
  volumeClaimTemplates?: Array<V1PersistentVolumeClaim>;
}

export interface V1StatefulSetStatus {
  availableReplicas?: number;
  collisionCount?: number;
  conditions?: Array<V1StatefulSetCondition>;
  currentReplicas?: number;
  currentRevision?: string;
  observedGeneration?: number;
  readyReplicas?: number;
  replicas: number;
  updateRevision?: string;
  updatedReplicas?: number;
}

export interface V1StatefulSetUpdateStrategy {
  rollingUpdate?: V1RollingUpdateStatefulSetStrategy;
  type?: string;
}

export interface V1Status {
  apiVersion?: string;
  code?: number;
  details?: V1StatusDetails;
  kind?: string;
  message?: string;
  metadata?: V1ListMeta;
  reason?: string;
  status?: string;
}

export interface V1StatusCause {
  field?: string;
  message?: string;
  reason?: string;
}

export interface V1StatusDetails {
  causes?: Array<V1StatusCause>;
  group?: string;
  kind?: string;
  name?: string;
  retryAfterSeconds?: number;
  uid?: string;
}

export interface V1StorageClass {
  allowVolumeExpansion?: boolean;
  allowedTopologies?: Array<V1TopologySelectorTerm>;
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  mountOptions?: Array<string>;
  parameters?: Record<string, string>;
  provisioner: string;
  reclaimPolicy?: string;
  volumeBindingMode?: string;
}

export interface V1StorageClassList {
  apiVersion?: string;
  items: Array<V1StorageClass>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1StorageOSPersistentVolumeSource {
  fsType?: string;
  readOnly?: boolean;
  secretRef?: V1ObjectReference;
  volumeName?: string;
  volumeNamespace?: string;
}

export interface V1StorageOSVolumeSource {
  fsType?: string;
  readOnly?: boolean;
  secretRef?: V1LocalObjectReference;
  volumeName?: string;
  volumeNamespace?: string;
}

export interface V1SubjectAccessReview {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1SubjectAccessReviewSpec;
  status?: V1SubjectAccessReviewStatus;
}

export interface V1SubjectAccessReviewSpec {
  extra?: Record<string, Array<string>>;
  groups?: Array<string>;
  nonResourceAttributes?: V1NonResourceAttributes;
  resourceAttributes?: V1ResourceAttributes;
  uid?: string;
  user?: string;
}

export interface V1SubjectAccessReviewStatus {
  allowed: boolean;
  denied?: boolean;
  evaluationError?: string;
  reason?: string;
}

export interface V1SubjectRulesReviewStatus {
  evaluationError?: string;
  incomplete: boolean;
  nonResourceRules: Array<V1NonResourceRule>;
  resourceRules: Array<V1ResourceRule>;
}

export interface V1SuccessPolicy {
  rules: Array<V1SuccessPolicyRule>;
}

export interface V1SuccessPolicyRule {
  succeededCount?: number;
  succeededIndexes?: string;
}

export interface V1Sysctl {
  name: string;
  value: string;
}

export interface V1TCPSocketAction {
  host?: string;
  port: number | string;
}

export interface V1Taint {
  effect: string;
  key: string;
  timeAdded?: string;
  value?: string;
}

export interface V1TokenRequestSpec {
  audiences?: Array<string>;
  boundObjectRef?: V1BoundObjectReference;
  expirationSeconds?: number;
}

export interface V1TokenRequestStatus {
  expirationTimestamp?: string;
  token?: string;
}

export interface V1TokenReview {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1TokenReviewSpec;
  status?: V1TokenReviewStatus;
}

export interface V1TokenReviewSpec {
  audiences?: Array<string>;
  token: string;
}

export interface V1TokenReviewStatus {
  audiences?: Array<string>;
  authenticated?: boolean;
  error?: string;
  user?: V1UserInfo;
}

export interface V1Toleration {
  effect?: string;
  key?: string;
  operator?: string;
  tolerationSeconds?: number;
  value?: string;
}

export interface V1TopologySelectorLabelRequirement {
  key: string;
  values: Array<string>;
}

export interface V1TopologySelectorTerm {
  matchLabelExpressions?: Array<V1TopologySelectorLabelRequirement>;
}

export interface V1TopologySpreadConstraint {
  labelSelector?: V1LabelSelector;
  matchLabelKeys?: Array<string>;
  maxSkew: number;
  minDomains?: number;
  nodeAffinityPolicy?: string;
  nodeTaintsPolicy?: string;
  topologyKey: string;
  whenUnsatisfiable: string;
}

export interface V1TypeChecking {
  expressionWarnings?: Array<V1ExpressionWarning>;
}

export interface V1TypedLocalObjectReference {
  apiGroup?: string;
  kind: string;
  name: string;
}

export interface V1TypedObjectReference {
  apiGroup?: string;
  kind: string;
  name: string;
  namespace?: string;
}

export interface V1UncountedTerminatedPods {
  failed?: Array<string>;
  succeeded?: Array<string>;
}

export interface V1UserInfo {
  extra?: Record<string, Array<string>>;
  groups?: Array<string>;
  uid?: string;
  username?: string;
}

export interface V1UserSubject {
  name: string;
}

export interface V1ValidatingAdmissionPolicy {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1ValidatingAdmissionPolicySpec;
  status?: V1ValidatingAdmissionPolicyStatus;
}

export interface V1ValidatingAdmissionPolicyBinding {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1ValidatingAdmissionPolicyBindingSpec;
}

export interface V1ValidatingAdmissionPolicyBindingList {
  apiVersion?: string;
  items: Array<V1ValidatingAdmissionPolicyBinding>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ValidatingAdmissionPolicyBindingSpec {
  matchResources?: V1MatchResources;
  paramRef?: V1ParamRef;
  policyName: string;
  validationActions: Array<string>;
}

export interface V1ValidatingAdmissionPolicyList {
  apiVersion?: string;
  items: Array<V1ValidatingAdmissionPolicy>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1ValidatingAdmissionPolicySpec {
  auditAnnotations?: Array<V1AuditAnnotation>;
  failurePolicy?: string;
  matchConditions?: Array<V1MatchCondition>;
  matchConstraints?: V1MatchResources;
  paramKind?: V1ParamKind;
  validations?: Array<V1Validation>;
  variables?: Array<V1Variable>;
}

export interface V1ValidatingAdmissionPolicyStatus {
  conditions?: Array<V1Condition>;
  observedGeneration?: number;
  typeChecking?: V1TypeChecking;
}

export interface V1ValidatingWebhook {
  admissionReviewVersions: Array<string>;
  clientConfig: AdmissionregistrationV1WebhookClientConfig;
  failurePolicy?: string;
  matchConditions?: Array<V1MatchCondition>;
  matchPolicy?: string;
  name: string;
  namespaceSelector?: V1LabelSelector;
  objectSelector?: V1LabelSelector;
  rules?: Array<V1RuleWithOperations>;
  sideEffects: string;
  timeoutSeconds?: number;
}

export interface V1ValidatingWebhookConfiguration {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  webhooks?: Array<V1ValidatingWebhook>;
}

export interface V1ValidatingWebhookConfigurationList {
  apiVersion?: string;
  items: Array<V1ValidatingWebhookConfiguration>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1Validation {
  expression: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
}

export interface V1ValidationRule {
  fieldPath?: string;
  message?: string;
  messageExpression?: string;
  optionalOldSelf?: boolean;
  reason?: string;
  rule: string;
}

export interface V1Variable {
  expression: string;
  name: string;
}

export interface V1Volume {
  awsElasticBlockStore?: V1AWSElasticBlockStoreVolumeSource;
  azureDisk?: V1AzureDiskVolumeSource;
  azureFile?: V1AzureFileVolumeSource;
  cephfs?: V1CephFSVolumeSource;
  cinder?: V1CinderVolumeSource;
  configMap?: V1ConfigMapVolumeSource;
  csi?: V1CSIVolumeSource;
  downwardAPI?: V1DownwardAPIVolumeSource;
  emptyDir?: V1EmptyDirVolumeSource;
  ephemeral?: V1EphemeralVolumeSource;
  fc?: V1FCVolumeSource;
  flexVolume?: V1FlexVolumeSource;
  flocker?: V1FlockerVolumeSource;
  gcePersistentDisk?: V1GCEPersistentDiskVolumeSource;
  gitRepo?: V1GitRepoVolumeSource;
  glusterfs?: V1GlusterfsVolumeSource;
  hostPath?: V1HostPathVolumeSource;
  image?: V1ImageVolumeSource;
  iscsi?: V1ISCSIVolumeSource;
  name: string;
  nfs?: V1NFSVolumeSource;
  persistentVolumeClaim?: V1PersistentVolumeClaimVolumeSource;
  photonPersistentDisk?: V1PhotonPersistentDiskVolumeSource;
  portworxVolume?: V1PortworxVolumeSource;
  projected?: V1ProjectedVolumeSource;
  quobyte?: V1QuobyteVolumeSource;
  rbd?: V1RBDVolumeSource;
  scaleIO?: V1ScaleIOVolumeSource;
  secret?: V1SecretVolumeSource;
  storageos?: V1StorageOSVolumeSource;
  vsphereVolume?: V1VsphereVirtualDiskVolumeSource;
}

export interface V1VolumeAttachment {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1VolumeAttachmentSpec;
  status?: V1VolumeAttachmentStatus;
}

export interface V1VolumeAttachmentList {
  apiVersion?: string;
  items: Array<V1VolumeAttachment>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1VolumeAttachmentSource {
  inlineVolumeSpec?: V1PersistentVolumeSpec;
  persistentVolumeName?: string;
}

export interface V1VolumeAttachmentSpec {
  attacher: string;
  nodeName: string;
  source: V1VolumeAttachmentSource;
}

export interface V1VolumeAttachmentStatus {
  attachError?: V1VolumeError;
  attached: boolean;
  attachmentMetadata?: Record<string, string>;
  detachError?: V1VolumeError;
}

export interface V1VolumeAttributesClass {
  apiVersion?: string;
  driverName: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  parameters?: Record<string, string>;
}

export interface V1VolumeAttributesClassList {
  apiVersion?: string;
  items: Array<V1VolumeAttributesClass>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1VolumeDevice {
  devicePath: string;
  name: string;
}

export interface V1VolumeError {
  errorCode?: number;
  message?: string;
  time?: string;
}

export interface V1VolumeMount {
  mountPath: string;
  mountPropagation?: string;
  name: string;
  readOnly?: boolean;
  recursiveReadOnly?: string;
  subPath?: string;
  subPathExpr?: string;
}

export interface V1VolumeMountStatus {
  mountPath: string;
  name: string;
  readOnly?: boolean;
  recursiveReadOnly?: string;
  volumeStatus?: V1VolumeStatus;
}

export interface V1VolumeNodeAffinity {
  required?: V1NodeSelector;
}

export interface V1VolumeNodeResources {
  count?: number;
}

export interface V1VolumeProjection {
  clusterTrustBundle?: V1ClusterTrustBundleProjection;
  configMap?: V1ConfigMapProjection;
  downwardAPI?: V1DownwardAPIProjection;
  podCertificate?: V1PodCertificateProjection;
  secret?: V1SecretProjection;
  serviceAccountToken?: V1ServiceAccountTokenProjection;
}

export interface V1VolumeResourceRequirements {
  limits?: Record<string, string>;
  requests?: Record<string, string>;
}

export interface V1VolumeStatus {
  image?: V1ImageVolumeStatus;
}

export interface V1VsphereVirtualDiskVolumeSource {
  fsType?: string;
  storagePolicyID?: string;
  storagePolicyName?: string;
  volumePath: string;
}

export interface V1WatchEvent {
  object: unknown;
  type: string;
}

export interface V1WebhookConversion {
  clientConfig?: ApiextensionsV1WebhookClientConfig;
  conversionReviewVersions: Array<string>;
}

export interface V1WeightedPodAffinityTerm {
  podAffinityTerm: V1PodAffinityTerm;
  weight: number;
}

export interface V1WindowsSecurityContextOptions {
  gmsaCredentialSpec?: string;
  gmsaCredentialSpecName?: string;
  hostProcess?: boolean;
  runAsUserName?: string;
}

export interface V1alpha1ApplyConfiguration {
  expression?: string;
}

export interface V1alpha1ClusterTrustBundle {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1alpha1ClusterTrustBundleSpec;
}

export interface V1alpha1ClusterTrustBundleList {
  apiVersion?: string;
  items: Array<V1alpha1ClusterTrustBundle>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1alpha1ClusterTrustBundleSpec {
  signerName?: string;
  trustBundle: string;
}

export interface V1alpha1JSONPatch {
  expression?: string;
}

export interface V1alpha1MatchCondition {
  expression: string;
  name: string;
}

export interface V1alpha1MatchResources {
  excludeResourceRules?: Array<V1alpha1NamedRuleWithOperations>;
  matchPolicy?: string;
  namespaceSelector?: V1LabelSelector;
  objectSelector?: V1LabelSelector;
  resourceRules?: Array<V1alpha1NamedRuleWithOperations>;
}

export interface V1alpha1MutatingAdmissionPolicy {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1alpha1MutatingAdmissionPolicySpec;
}

export interface V1alpha1MutatingAdmissionPolicyBinding {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1alpha1MutatingAdmissionPolicyBindingSpec;
}

export interface V1alpha1MutatingAdmissionPolicyBindingList {
  apiVersion?: string;
  items: Array<V1alpha1MutatingAdmissionPolicyBinding>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1alpha1MutatingAdmissionPolicyBindingSpec {
  matchResources?: V1alpha1MatchResources;
  paramRef?: V1alpha1ParamRef;
  policyName?: string;
}

export interface V1alpha1MutatingAdmissionPolicyList {
  apiVersion?: string;
  items: Array<V1alpha1MutatingAdmissionPolicy>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1alpha1MutatingAdmissionPolicySpec {
  failurePolicy?: string;
  matchConditions?: Array<V1alpha1MatchCondition>;
  matchConstraints?: V1alpha1MatchResources;
  mutations?: Array<V1alpha1Mutation>;
  paramKind?: V1alpha1ParamKind;
  reinvocationPolicy?: string;
  variables?: Array<V1alpha1Variable>;
}

export interface V1alpha1Mutation {
  applyConfiguration?: V1alpha1ApplyConfiguration;
  jsonPatch?: V1alpha1JSONPatch;
  patchType: string;
}

export interface V1alpha1NamedRuleWithOperations {
  apiGroups?: Array<string>;
  apiVersions?: Array<string>;
  operations?: Array<string>;
  resourceNames?: Array<string>;
  resources?: Array<string>;
  scope?: string;
}

export interface V1alpha1ParamKind {
  apiVersion?: string;
  kind?: string;
}

export interface V1alpha1ParamRef {
  name?: string;
  namespace?: string;
  parameterNotFoundAction?: string;
  selector?: V1LabelSelector;
}

export interface V1alpha1ServerStorageVersion {
  apiServerID: string;
  decodableVersions: Array<string>;
  encodingVersion: string;
  servedVersions?: Array<string>;
}

export interface V1alpha1StorageVersion {
  apiVersion?: string;
  kind?: string;
  metadata: V1ObjectMeta;
  spec?: unknown;
  status?: V1alpha1StorageVersionStatus;
}

export interface V1alpha1StorageVersionCondition {
  lastTransitionTime?: string;
  message: string;
  observedGeneration?: number;
  reason: string;
  status: string;
  type: string;
}

export interface V1alpha1StorageVersionList {
  apiVersion?: string;
  items: Array<V1alpha1StorageVersion>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1alpha1StorageVersionStatus {
  commonEncodingVersion?: string;
  conditions?: Array<V1alpha1StorageVersionCondition>;
  storageVersions?: Array<V1alpha1ServerStorageVersion>;
}

export interface V1alpha1Variable {
  expression: string;
  name: string;
}

export interface V1alpha2GangSchedulingPolicy {
  minCount: number;
}

export interface V1alpha2LeaseCandidate {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1alpha2LeaseCandidateSpec;
}

export interface V1alpha2LeaseCandidateList {
  apiVersion?: string;
  items: Array<V1alpha2LeaseCandidate>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1alpha2LeaseCandidateSpec {
  binaryVersion: string;
  emulationVersion?: string;
  leaseName: string;
  pingTime?: string;
  renewTime?: string;
  strategy: string;
}

export interface V1alpha2PodGroup {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1alpha2PodGroupSpec;
  status?: V1alpha2PodGroupStatus;
}

export interface V1alpha2PodGroupList {
  apiVersion?: string;
  items: Array<V1alpha2PodGroup>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1alpha2PodGroupResourceClaim {
  name: string;
  resourceClaimName?: string;
  resourceClaimTemplateName?: string;
}

export interface V1alpha2PodGroupResourceClaimStatus {
  name: string;
  resourceClaimName?: string;
}

export interface V1alpha2PodGroupSchedulingConstraints {
  topology?: Array<V1alpha2TopologyConstraint>;
}

export interface V1alpha2PodGroupSchedulingPolicy {
  basic?: unknown;
  gang?: V1alpha2GangSchedulingPolicy;
}

export interface V1alpha2PodGroupSpec {
  disruptionMode?: string;
  podGroupTemplateRef?: V1alpha2PodGroupTemplateReference;
  priority?: number;
  priorityClassName?: string;
  resourceClaims?: Array<V1alpha2PodGroupResourceClaim>;
  schedulingConstraints?: V1alpha2PodGroupSchedulingConstraints;
  schedulingPolicy: V1alpha2PodGroupSchedulingPolicy;
}

export interface V1alpha2PodGroupStatus {
  conditions?: Array<V1Condition>;
  resourceClaimStatuses?: Array<V1alpha2PodGroupResourceClaimStatus>;
}

export interface V1alpha2PodGroupTemplate {
  disruptionMode?: string;
  name: string;
  priority?: number;
  priorityClassName?: string;
  resourceClaims?: Array<V1alpha2PodGroupResourceClaim>;
  schedulingConstraints?: V1alpha2PodGroupSchedulingConstraints;
  schedulingPolicy: V1alpha2PodGroupSchedulingPolicy;
}

export interface V1alpha2PodGroupTemplateReference {
  workload?: V1alpha2WorkloadPodGroupTemplateReference;
}

export interface V1alpha2TopologyConstraint {
  key: string;
}

export interface V1alpha2TypedLocalObjectReference {
  apiGroup?: string;
  kind: string;
  name: string;
}

export interface V1alpha2Workload {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1alpha2WorkloadSpec;
}

export interface V1alpha2WorkloadList {
  apiVersion?: string;
  items: Array<V1alpha2Workload>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1alpha2WorkloadPodGroupTemplateReference {
  podGroupTemplateName: string;
  workloadName: string;
}

export interface V1alpha2WorkloadSpec {
  controllerRef?: V1alpha2TypedLocalObjectReference;
  podGroupTemplates: Array<V1alpha2PodGroupTemplate>;
}

export interface V1alpha3DeviceTaint {
  effect: string;
  key: string;
  timeAdded?: string;
  value?: string;
}

export interface V1alpha3DeviceTaintRule {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1alpha3DeviceTaintRuleSpec;
  status?: V1alpha3DeviceTaintRuleStatus;
}

export interface V1alpha3DeviceTaintRuleList {
  apiVersion?: string;
  items: Array<V1alpha3DeviceTaintRule>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1alpha3DeviceTaintRuleSpec {
  deviceSelector?: V1alpha3DeviceTaintSelector;
  taint: V1alpha3DeviceTaint;
}

export interface V1alpha3DeviceTaintRuleStatus {
  conditions?: Array<V1Condition>;
}

export interface V1alpha3DeviceTaintSelector {
  device?: string;
  driver?: string;
  pool?: string;
}

export interface V1alpha3PoolStatus {
  allocatedDevices?: number;
  availableDevices?: number;
  driver: string;
  generation: number;
  nodeName?: string;
  poolName: string;
  resourceSliceCount?: number;
  totalDevices?: number;
  unavailableDevices?: number;
  validationError?: string;
}

export interface V1alpha3ResourcePoolStatusRequest {
  apiVersion?: string;
  kind?: string;
  metadata: V1ObjectMeta;
  spec: V1alpha3ResourcePoolStatusRequestSpec;
  status?: V1alpha3ResourcePoolStatusRequestStatus;
}

export interface V1alpha3ResourcePoolStatusRequestList {
  apiVersion?: string;
  items: Array<V1alpha3ResourcePoolStatusRequest>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1alpha3ResourcePoolStatusRequestSpec {
  driver: string;
  limit?: number;
  poolName?: string;
}

export interface V1alpha3ResourcePoolStatusRequestStatus {
  conditions?: Array<V1Condition>;
  poolCount: number;
  pools?: Array<V1alpha3PoolStatus>;
}

export interface V1beta1AllocatedDeviceStatus {
  conditions?: Array<V1Condition>;
  data?: unknown;
  device: string;
  driver: string;
  networkData?: V1beta1NetworkDeviceData;
  pool: string;
  shareID?: string;
}

export interface V1beta1AllocationResult {
  allocationTimestamp?: string;
  devices?: V1beta1DeviceAllocationResult;
  nodeSelector?: V1NodeSelector;
}

export interface V1beta1ApplyConfiguration {
  expression?: string;
}

export interface V1beta1BasicDevice {
  allNodes?: boolean;
  allowMultipleAllocations?: boolean;
  attributes?: Record<string, V1beta1DeviceAttribute>;
  bindingConditions?: Array<string>;
  bindingFailureConditions?: Array<string>;
  bindsToNode?: boolean;
  capacity?: Record<string, V1beta1DeviceCapacity>;
  consumesCounters?: Array<V1beta1DeviceCounterConsumption>;
  nodeAllocatableResourceMappings?: Record<string, V1beta1NodeAllocatableResourceMapping>;
  nodeName?: string;
  nodeSelector?: V1NodeSelector;
  taints?: Array<V1beta1DeviceTaint>;
}

export interface V1beta1CELDeviceSelector {
  expression: string;
}

export interface V1beta1CapacityRequestPolicy {
  default?: string;
  validRange?: V1beta1CapacityRequestPolicyRange;
  validValues?: Array<string>;
}

export interface V1beta1CapacityRequestPolicyRange {
  max?: string;
  min: string;
  step?: string;
}

export interface V1beta1CapacityRequirements {
  requests?: Record<string, string>;
}

export interface V1beta1ClusterTrustBundle {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta1ClusterTrustBundleSpec;
}

export interface V1beta1ClusterTrustBundleList {
  apiVersion?: string;
  items: Array<V1beta1ClusterTrustBundle>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1ClusterTrustBundleSpec {
  signerName?: string;
  trustBundle: string;
}

export interface V1beta1Counter {
  value: string;
}

export interface V1beta1CounterSet {
  counters: Record<string, V1beta1Counter>;
  name: string;
}

export interface V1beta1Device {
  basic?: V1beta1BasicDevice;
  name: string;
}

export interface V1beta1DeviceAllocationConfiguration {
  opaque?: V1beta1OpaqueDeviceConfiguration;
  requests?: Array<string>;
  source: string;
}

export interface V1beta1DeviceAllocationResult {
  config?: Array<V1beta1DeviceAllocationConfiguration>;
  results?: Array<V1beta1DeviceRequestAllocationResult>;
}

export interface V1beta1DeviceAttribute {
  bool?: boolean;
  bools?: Array<boolean>;
  int?: number;
  ints?: Array<number>;
  string?: string;
  strings?: Array<string>;
  version?: string;
  versions?: Array<string>;
}

export interface V1beta1DeviceCapacity {
  requestPolicy?: V1beta1CapacityRequestPolicy;
  value: string;
}

export interface V1beta1DeviceClaim {
  config?: Array<V1beta1DeviceClaimConfiguration>;
  constraints?: Array<V1beta1DeviceConstraint>;
  requests?: Array<V1beta1DeviceRequest>;
}

export interface V1beta1DeviceClaimConfiguration {
  opaque?: V1beta1OpaqueDeviceConfiguration;
  requests?: Array<string>;
}

export interface V1beta1DeviceClass {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta1DeviceClassSpec;
}

export interface V1beta1DeviceClassConfiguration {
  opaque?: V1beta1OpaqueDeviceConfiguration;
}

export interface V1beta1DeviceClassList {
  apiVersion?: string;
  items: Array<V1beta1DeviceClass>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1DeviceClassSpec {
  config?: Array<V1beta1DeviceClassConfiguration>;
  extendedResourceName?: string;
  selectors?: Array<V1beta1DeviceSelector>;
}

export interface V1beta1DeviceConstraint {
  distinctAttribute?: string;
  matchAttribute?: string;
  requests?: Array<string>;
}

export interface V1beta1DeviceCounterConsumption {
  counterSet: string;
  counters: Record<string, V1beta1Counter>;
}

export interface V1beta1DeviceRequest {
  adminAccess?: boolean;
  allocationMode?: string;
  capacity?: V1beta1CapacityRequirements;
  count?: number;
  deviceClassName?: string;
  firstAvailable?: Array<V1beta1DeviceSubRequest>;
  name: string;
  selectors?: Array<V1beta1DeviceSelector>;
  tolerations?: Array<V1beta1DeviceToleration>;
}

export interface V1beta1DeviceRequestAllocationResult {
  adminAccess?: boolean;
  bindingConditions?: Array<string>;
  bindingFailureConditions?: Array<string>;
  consumedCapacity?: Record<string, string>;
  device: string;
  driver: string;
  pool: string;
  request: string;
  shareID?: string;
  tolerations?: Array<V1beta1DeviceToleration>;
}

export interface V1beta1DeviceSelector {
  cel?: V1beta1CELDeviceSelector;
}

export interface V1beta1DeviceSubRequest {
  allocationMode?: string;
  capacity?: V1beta1CapacityRequirements;
  count?: number;
  deviceClassName: string;
  name: string;
  selectors?: Array<V1beta1DeviceSelector>;
  tolerations?: Array<V1beta1DeviceToleration>;
}

export interface V1beta1DeviceTaint {
  effect: string;
  key: string;
  timeAdded?: string;
  value?: string;
}

export interface V1beta1DeviceToleration {
  effect?: string;
  key?: string;
  operator?: string;
  tolerationSeconds?: number;
  value?: string;
}

export interface V1beta1IPAddress {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta1IPAddressSpec;
}

export interface V1beta1IPAddressList {
  apiVersion?: string;
  items: Array<V1beta1IPAddress>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1IPAddressSpec {
  parentRef: V1beta1ParentReference;
}

export interface V1beta1JSONPatch {
  expression?: string;
}

export interface V1beta1LeaseCandidate {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta1LeaseCandidateSpec;
}

export interface V1beta1LeaseCandidateList {
  apiVersion?: string;
  items: Array<V1beta1LeaseCandidate>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1LeaseCandidateSpec {
  binaryVersion: string;
  emulationVersion?: string;
  leaseName: string;
  pingTime?: string;
  renewTime?: string;
  strategy: string;
}

export interface V1beta1MatchCondition {
  expression: string;
  name: string;
}

export interface V1beta1MatchResources {
  excludeResourceRules?: Array<V1beta1NamedRuleWithOperations>;
  matchPolicy?: string;
  namespaceSelector?: V1LabelSelector;
  objectSelector?: V1LabelSelector;
  resourceRules?: Array<V1beta1NamedRuleWithOperations>;
}

export interface V1beta1MutatingAdmissionPolicy {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1beta1MutatingAdmissionPolicySpec;
}

export interface V1beta1MutatingAdmissionPolicyBinding {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1beta1MutatingAdmissionPolicyBindingSpec;
}

export interface V1beta1MutatingAdmissionPolicyBindingList {
  apiVersion?: string;
  items: Array<V1beta1MutatingAdmissionPolicyBinding>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1MutatingAdmissionPolicyBindingSpec {
  matchResources?: V1beta1MatchResources;
  paramRef?: V1beta1ParamRef;
  policyName?: string;
}

export interface V1beta1MutatingAdmissionPolicyList {
  apiVersion?: string;
  items: Array<V1beta1MutatingAdmissionPolicy>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1MutatingAdmissionPolicySpec {
  failurePolicy?: string;
  matchConditions?: Array<V1beta1MatchCondition>;
  matchConstraints?: V1beta1MatchResources;
  mutations?: Array<V1beta1Mutation>;
  paramKind?: V1beta1ParamKind;
  reinvocationPolicy?: string;
  variables?: Array<V1beta1Variable>;
}

export interface V1beta1Mutation {
  applyConfiguration?: V1beta1ApplyConfiguration;
  jsonPatch?: V1beta1JSONPatch;
  patchType: string;
}

export interface V1beta1NamedRuleWithOperations {
  apiGroups?: Array<string>;
  apiVersions?: Array<string>;
  operations?: Array<string>;
  resourceNames?: Array<string>;
  resources?: Array<string>;
  scope?: string;
}

export interface V1beta1NetworkDeviceData {
  hardwareAddress?: string;
  interfaceName?: string;
  ips?: Array<string>;
}

export interface V1beta1NodeAllocatableResourceMapping {
  allocationMultiplier?: string;
  capacityKey?: string;
}

export interface V1beta1OpaqueDeviceConfiguration {
  driver: string;
  parameters: unknown;
}

export interface V1beta1ParamKind {
  apiVersion?: string;
  kind?: string;
}

export interface V1beta1ParamRef {
  name?: string;
  namespace?: string;
  parameterNotFoundAction?: string;
  selector?: V1LabelSelector;
}

export interface V1beta1ParentReference {
  group?: string;
  name: string;
  namespace?: string;
  resource: string;
}

export interface V1beta1PodCertificateRequest {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta1PodCertificateRequestSpec;
  status?: V1beta1PodCertificateRequestStatus;
}

export interface V1beta1PodCertificateRequestList {
  apiVersion?: string;
  items: Array<V1beta1PodCertificateRequest>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1PodCertificateRequestSpec {
  maxExpirationSeconds?: number;
  nodeName: string;
  nodeUID: string;
  pkixPublicKey?: string;
  podName: string;
  podUID: string;
  proofOfPossession?: string;
  serviceAccountName: string;
  serviceAccountUID: string;
  signerName: string;
  stubPKCS10Request: string;
  unverifiedUserAnnotations?: Record<string, string>;
}

export interface V1beta1PodCertificateRequestStatus {
  beginRefreshAt?: string;
  certificateChain?: string;
  conditions?: Array<V1Condition>;
  notAfter?: string;
  notBefore?: string;
}

export interface V1beta1ResourceClaim {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta1ResourceClaimSpec;
  status?: V1beta1ResourceClaimStatus;
}

export interface V1beta1ResourceClaimConsumerReference {
  apiGroup?: string;
  name: string;
  resource: string;
  uid: string;
}

export interface V1beta1ResourceClaimList {
  apiVersion?: string;
  items: Array<V1beta1ResourceClaim>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1ResourceClaimSpec {
  devices?: V1beta1DeviceClaim;
}

export interface V1beta1ResourceClaimStatus {
  allocation?: V1beta1AllocationResult;
  devices?: Array<V1beta1AllocatedDeviceStatus>;
  reservedFor?: Array<V1beta1ResourceClaimConsumerReference>;
}

export interface V1beta1ResourceClaimTemplate {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta1ResourceClaimTemplateSpec;
}

export interface V1beta1ResourceClaimTemplateList {
  apiVersion?: string;
  items: Array<V1beta1ResourceClaimTemplate>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1ResourceClaimTemplateSpec {
  metadata?: V1ObjectMeta;
  spec: V1beta1ResourceClaimSpec;
}

export interface V1beta1ResourcePool {
  generation: number;
  name: string;
  resourceSliceCount: number;
}

export interface V1beta1ResourceSlice {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta1ResourceSliceSpec;
}

export interface V1beta1ResourceSliceList {
  apiVersion?: string;
  items: Array<V1beta1ResourceSlice>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1ResourceSliceSpec {
  allNodes?: boolean;
  devices?: Array<V1beta1Device>;
  driver: string;
  nodeName?: string;
  nodeSelector?: V1NodeSelector;
  perDeviceNodeSelection?: boolean;
  pool: V1beta1ResourcePool;
  sharedCounters?: Array<V1beta1CounterSet>;
}

export interface V1beta1ServiceCIDR {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1beta1ServiceCIDRSpec;
  status?: V1beta1ServiceCIDRStatus;
}

export interface V1beta1ServiceCIDRList {
  apiVersion?: string;
  items: Array<V1beta1ServiceCIDR>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1ServiceCIDRSpec {
  cidrs?: Array<string>;
}

export interface V1beta1ServiceCIDRStatus {
  conditions?: Array<V1Condition>;
}

export interface V1beta1StorageVersionMigration {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: V1beta1StorageVersionMigrationSpec;
  status?: V1beta1StorageVersionMigrationStatus;
}

export interface V1beta1StorageVersionMigrationList {
  apiVersion?: string;
  items: Array<V1beta1StorageVersionMigration>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta1StorageVersionMigrationSpec {
  resource: V1GroupResource;
}

export interface V1beta1StorageVersionMigrationStatus {
  conditions?: Array<V1Condition>;
  resourceVersion?: string;
}

export interface V1beta1Variable {
  expression: string;
  name: string;
}

export interface V1beta1VolumeAttributesClass {
  apiVersion?: string;
  driverName: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  parameters?: Record<string, string>;
}

export interface V1beta1VolumeAttributesClassList {
  apiVersion?: string;
  items: Array<V1beta1VolumeAttributesClass>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta2AllocatedDeviceStatus {
  conditions?: Array<V1Condition>;
  data?: unknown;
  device: string;
  driver: string;
  networkData?: V1beta2NetworkDeviceData;
  pool: string;
  shareID?: string;
}

export interface V1beta2AllocationResult {
  allocationTimestamp?: string;
  devices?: V1beta2DeviceAllocationResult;
  nodeSelector?: V1NodeSelector;
}

export interface V1beta2CELDeviceSelector {
  expression: string;
}

export interface V1beta2CapacityRequestPolicy {
  default?: string;
  validRange?: V1beta2CapacityRequestPolicyRange;
  validValues?: Array<string>;
}

export interface V1beta2CapacityRequestPolicyRange {
  max?: string;
  min: string;
  step?: string;
}

export interface V1beta2CapacityRequirements {
  requests?: Record<string, string>;
}

export interface V1beta2Counter {
  value: string;
}

export interface V1beta2CounterSet {
  counters: Record<string, V1beta2Counter>;
  name: string;
}

export interface V1beta2Device {
  allNodes?: boolean;
  allowMultipleAllocations?: boolean;
  attributes?: Record<string, V1beta2DeviceAttribute>;
  bindingConditions?: Array<string>;
  bindingFailureConditions?: Array<string>;
  bindsToNode?: boolean;
  capacity?: Record<string, V1beta2DeviceCapacity>;
  consumesCounters?: Array<V1beta2DeviceCounterConsumption>;
  name: string;
  nodeAllocatableResourceMappings?: Record<string, V1beta2NodeAllocatableResourceMapping>;
  nodeName?: string;
  nodeSelector?: V1NodeSelector;
  taints?: Array<V1beta2DeviceTaint>;
}

export interface V1beta2DeviceAllocationConfiguration {
  opaque?: V1beta2OpaqueDeviceConfiguration;
  requests?: Array<string>;
  source: string;
}

export interface V1beta2DeviceAllocationResult {
  config?: Array<V1beta2DeviceAllocationConfiguration>;
  results?: Array<V1beta2DeviceRequestAllocationResult>;
}

export interface V1beta2DeviceAttribute {
  bool?: boolean;
  bools?: Array<boolean>;
  int?: number;
  ints?: Array<number>;
  string?: string;
  strings?: Array<string>;
  version?: string;
  versions?: Array<string>;
}

export interface V1beta2DeviceCapacity {
  requestPolicy?: V1beta2CapacityRequestPolicy;
  value: string;
}

export interface V1beta2DeviceClaim {
  config?: Array<V1beta2DeviceClaimConfiguration>;
  constraints?: Array<V1beta2DeviceConstraint>;
  requests?: Array<V1beta2DeviceRequest>;
}

export interface V1beta2DeviceClaimConfiguration {
  opaque?: V1beta2OpaqueDeviceConfiguration;
  requests?: Array<string>;
}

export interface V1beta2DeviceClass {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta2DeviceClassSpec;
}

export interface V1beta2DeviceClassConfiguration {
  opaque?: V1beta2OpaqueDeviceConfiguration;
}

export interface V1beta2DeviceClassList {
  apiVersion?: string;
  items: Array<V1beta2DeviceClass>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta2DeviceClassSpec {
  config?: Array<V1beta2DeviceClassConfiguration>;
  extendedResourceName?: string;
  selectors?: Array<V1beta2DeviceSelector>;
}

export interface V1beta2DeviceConstraint {
  distinctAttribute?: string;
  matchAttribute?: string;
  requests?: Array<string>;
}

export interface V1beta2DeviceCounterConsumption {
  counterSet: string;
  counters: Record<string, V1beta2Counter>;
}

export interface V1beta2DeviceRequest {
  exactly?: V1beta2ExactDeviceRequest;
  firstAvailable?: Array<V1beta2DeviceSubRequest>;
  name: string;
}

export interface V1beta2DeviceRequestAllocationResult {
  adminAccess?: boolean;
  bindingConditions?: Array<string>;
  bindingFailureConditions?: Array<string>;
  consumedCapacity?: Record<string, string>;
  device: string;
  driver: string;
  pool: string;
  request: string;
  shareID?: string;
  tolerations?: Array<V1beta2DeviceToleration>;
}

export interface V1beta2DeviceSelector {
  cel?: V1beta2CELDeviceSelector;
}

export interface V1beta2DeviceSubRequest {
  allocationMode?: string;
  capacity?: V1beta2CapacityRequirements;
  count?: number;
  deviceClassName: string;
  name: string;
  selectors?: Array<V1beta2DeviceSelector>;
  tolerations?: Array<V1beta2DeviceToleration>;
}

export interface V1beta2DeviceTaint {
  effect: string;
  key: string;
  timeAdded?: string;
  value?: string;
}

export interface V1beta2DeviceTaintRule {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta2DeviceTaintRuleSpec;
  status?: V1beta2DeviceTaintRuleStatus;
}

export interface V1beta2DeviceTaintRuleList {
  apiVersion?: string;
  items: Array<V1beta2DeviceTaintRule>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta2DeviceTaintRuleSpec {
  deviceSelector?: V1beta2DeviceTaintSelector;
  taint: V1beta2DeviceTaint;
}

export interface V1beta2DeviceTaintRuleStatus {
  conditions?: Array<V1Condition>;
}

export interface V1beta2DeviceTaintSelector {
  device?: string;
  driver?: string;
  pool?: string;
}

export interface V1beta2DeviceToleration {
  effect?: string;
  key?: string;
  operator?: string;
  tolerationSeconds?: number;
  value?: string;
}

export interface V1beta2ExactDeviceRequest {
  adminAccess?: boolean;
  allocationMode?: string;
  capacity?: V1beta2CapacityRequirements;
  count?: number;
  deviceClassName: string;
  selectors?: Array<V1beta2DeviceSelector>;
  tolerations?: Array<V1beta2DeviceToleration>;
}

export interface V1beta2NetworkDeviceData {
  hardwareAddress?: string;
  interfaceName?: string;
  ips?: Array<string>;
}

export interface V1beta2NodeAllocatableResourceMapping {
  allocationMultiplier?: string;
  capacityKey?: string;
}

export interface V1beta2OpaqueDeviceConfiguration {
  driver: string;
  parameters: unknown;
}

export interface V1beta2ResourceClaim {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta2ResourceClaimSpec;
  status?: V1beta2ResourceClaimStatus;
}

export interface V1beta2ResourceClaimConsumerReference {
  apiGroup?: string;
  name: string;
  resource: string;
  uid: string;
}

export interface V1beta2ResourceClaimList {
  apiVersion?: string;
  items: Array<V1beta2ResourceClaim>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta2ResourceClaimSpec {
  devices?: V1beta2DeviceClaim;
}

export interface V1beta2ResourceClaimStatus {
  allocation?: V1beta2AllocationResult;
  devices?: Array<V1beta2AllocatedDeviceStatus>;
  reservedFor?: Array<V1beta2ResourceClaimConsumerReference>;
}

export interface V1beta2ResourceClaimTemplate {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta2ResourceClaimTemplateSpec;
}

export interface V1beta2ResourceClaimTemplateList {
  apiVersion?: string;
  items: Array<V1beta2ResourceClaimTemplate>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta2ResourceClaimTemplateSpec {
  metadata?: V1ObjectMeta;
  spec: V1beta2ResourceClaimSpec;
}

export interface V1beta2ResourcePool {
  generation: number;
  name: string;
  resourceSliceCount: number;
}

export interface V1beta2ResourceSlice {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V1beta2ResourceSliceSpec;
}

export interface V1beta2ResourceSliceList {
  apiVersion?: string;
  items: Array<V1beta2ResourceSlice>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1beta2ResourceSliceSpec {
  allNodes?: boolean;
  devices?: Array<V1beta2Device>;
  driver: string;
  nodeName?: string;
  nodeSelector?: V1NodeSelector;
  perDeviceNodeSelection?: boolean;
  pool: V1beta2ResourcePool;
  sharedCounters?: Array<V1beta2CounterSet>;
}

export interface V2ContainerResourceMetricSource {
  container: string;
  name: string;
  target: V2MetricTarget;
}

export interface V2ContainerResourceMetricStatus {
  container: string;
  current: V2MetricValueStatus;
  name: string;
}

export interface V2CrossVersionObjectReference {
  apiVersion?: string;
  kind: string;
  name: string;
}

export interface V2ExternalMetricSource {
  metric: V2MetricIdentifier;
  target: V2MetricTarget;
}

export interface V2ExternalMetricStatus {
  current: V2MetricValueStatus;
  metric: V2MetricIdentifier;
}

export interface V2HPAScalingPolicy {
  periodSeconds: number;
  type: string;
  value: number;
}

export interface V2HPAScalingRules {
  policies?: Array<V2HPAScalingPolicy>;
  selectPolicy?: string;
  stabilizationWindowSeconds?: number;
  tolerance?: string;
}

export interface V2HorizontalPodAutoscaler {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec: V2HorizontalPodAutoscalerSpec;
  status?: V2HorizontalPodAutoscalerStatus;
}

export interface V2HorizontalPodAutoscalerBehavior {
  scaleDown?: V2HPAScalingRules;
  scaleUp?: V2HPAScalingRules;
}

export interface V2HorizontalPodAutoscalerCondition {
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status: string;
  type: string;
}

export interface V2HorizontalPodAutoscalerList {
  apiVersion?: string;
  items: Array<V2HorizontalPodAutoscaler>;
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V2HorizontalPodAutoscalerSpec {
  behavior?: V2HorizontalPodAutoscalerBehavior;
  maxReplicas: number;
  metrics?: Array<V2MetricSpec>;
  minReplicas?: number;
  scaleTargetRef: V2CrossVersionObjectReference;
}

export interface V2HorizontalPodAutoscalerStatus {
  conditions?: Array<V2HorizontalPodAutoscalerCondition>;
  currentMetrics?: Array<V2MetricStatus>;
  currentReplicas?: number;
  desiredReplicas: number;
  lastScaleTime?: string;
  observedGeneration?: number;
}

export interface V2MetricIdentifier {
  name: string;
  selector?: V1LabelSelector;
}

export interface V2MetricSpec {
  containerResource?: V2ContainerResourceMetricSource;
  external?: V2ExternalMetricSource;
  object?: V2ObjectMetricSource;
  pods?: V2PodsMetricSource;
  resource?: V2ResourceMetricSource;
  type: string;
}

export interface V2MetricStatus {
  containerResource?: V2ContainerResourceMetricStatus;
  external?: V2ExternalMetricStatus;
  object?: V2ObjectMetricStatus;
  pods?: V2PodsMetricStatus;
  resource?: V2ResourceMetricStatus;
  type: string;
}

export interface V2MetricTarget {
  averageUtilization?: number;
  averageValue?: string;
  type: string;
  value?: string;
}

export interface V2MetricValueStatus {
  averageUtilization?: number;
  averageValue?: string;
  value?: string;
}

export interface V2ObjectMetricSource {
  describedObject: V2CrossVersionObjectReference;
  metric: V2MetricIdentifier;
  target: V2MetricTarget;
}

export interface V2ObjectMetricStatus {
  current: V2MetricValueStatus;
  describedObject: V2CrossVersionObjectReference;
  metric: V2MetricIdentifier;
}

export interface V2PodsMetricSource {
  metric: V2MetricIdentifier;
  target: V2MetricTarget;
}

export interface V2PodsMetricStatus {
  current: V2MetricValueStatus;
  metric: V2MetricIdentifier;
}

export interface V2ResourceMetricSource {
  name: string;
  target: V2MetricTarget;
}

export interface V2ResourceMetricStatus {
  current: V2MetricValueStatus;
  name: string;
}

export interface VersionInfo {
  buildDate: string;
  compiler: string;
  emulationMajor?: string;
  emulationMinor?: string;
  gitCommit: string;
  gitTreeState: string;
  gitVersion: string;
  goVersion: string;
  major: string;
  minCompatibilityMajor?: string;
  minCompatibilityMinor?: string;
  minor: string;
  platform: string;
}
