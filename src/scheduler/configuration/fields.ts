import type { Field, FieldTable } from '../../api/configuration/field-schema.ts';
import { EXTENSION_POINTS } from '../framework/default-profile.ts';

/*
 * KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1 (https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/).
 */

const of =
  (type: Field['type']) =>
  (fallback?: unknown): Field => ({ type, ...(fallback !== undefined && { default: fallback }) });
const bool = of('bool');
const int = of('integer');
/** Zero is a value, as upstream's field is a pointer. */
const pointer = (fallback: number): Field => ({ type: 'integer', default: fallback, keepZero: true });
const text = of('string');
const duration = of('duration');
const strings = of('strings');
const object = (fields: FieldTable): Field => ({ type: { object: fields } });
const list = (fields: FieldTable): Field => ({ type: { list: fields } });

const pluginSet = object({ enabled: list({ name: text(), weight: int() }), disabled: list({ name: text(), weight: int() }) });

export const schedulerFields: FieldTable = {
  parallelism: pointer(16),
  leaderElection: object({
    leaderElect: bool(),
    leaseDuration: duration(),
    renewDeadline: duration(),
    retryPeriod: duration(),
    resourceLock: text(),
    resourceName: text(),
    resourceNamespace: text(),
  }),
  clientConnection: object({
    kubeconfig: text(),
    acceptContentTypes: text(),
    contentType: text(),
    qps: of('number')(),
    burst: int(),
  }),
  enableProfiling: bool(),
  enableContentionProfiling: bool(),
  delayCacheUntilActive: bool(),
  percentageOfNodesToScore: int(),
  podInitialBackoffSeconds: pointer(1),
  podMaxBackoffSeconds: pointer(10),
  profiles: list({
    schedulerName: text(),
    percentageOfNodesToScore: int(),
    plugins: object({ multiPoint: pluginSet, ...Object.fromEntries(EXTENSION_POINTS.map((point) => [point, pluginSet])) }),
    pluginConfig: list({ name: text(), args: of('any')() }),
  }),
  extenders: list({
    urlPrefix: text(),
    filterVerb: text(),
    preemptVerb: text(),
    prioritizeVerb: text(),
    weight: int(),
    bindVerb: text(),
    enableHTTPS: bool(),
    tlsConfig: object({
      insecure: bool(),
      serverName: text(),
      certFile: text(),
      keyFile: text(),
      caFile: text(),
      certData: text(),
      keyData: text(),
      caData: text(),
    }),
    httpTimeout: duration(),
    nodeCacheCapable: bool(),
    managedResources: list({ name: text(), ignoredByScheduler: bool() }),
    ignorable: bool(),
  }),
};

const KIND_FIELDS: FieldTable = { apiVersion: text(), kind: text() };
const resources = list({ name: text(), weight: int() });
const requirements = list({ key: text(), operator: text(), values: strings() });
const term: FieldTable = { matchExpressions: requirements, matchFields: requirements };
const labelSelector = object({ matchLabels: of('string-map')(), matchExpressions: requirements });

/** The arguments of the plugins that have some, by the plugin's name. */
export const pluginArguments: Readonly<Record<string, FieldTable>> = {
  DefaultPreemption: { ...KIND_FIELDS, minCandidateNodesPercentage: int(), minCandidateNodesAbsolute: int() },
  DynamicResources: { ...KIND_FIELDS, filterTimeout: duration(), bindingTimeout: duration() },
  InterPodAffinity: { ...KIND_FIELDS, hardPodAffinityWeight: int(), ignorePreferredTermsOfExistingPods: bool() },
  NodeAffinity: {
    ...KIND_FIELDS,
    addedAffinity: object({
      requiredDuringSchedulingIgnoredDuringExecution: object({ nodeSelectorTerms: list(term) }),
      preferredDuringSchedulingIgnoredDuringExecution: list({ weight: int(), preference: object(term) }),
    }),
  },
  NodeResourcesBalancedAllocation: { ...KIND_FIELDS, resources },
  NodeResourcesFit: {
    ...KIND_FIELDS,
    ignoredResources: strings(),
    ignoredResourceGroups: strings(),
    scoringStrategy: object({
      type: text(),
      resources,
      requestedToCapacityRatio: object({ shape: list({ utilization: int(), score: int() }) }),
    }),
  },
  PodTopologySpread: {
    ...KIND_FIELDS,
    defaultingType: text(),
    defaultConstraints: list({
      maxSkew: int(),
      topologyKey: text(),
      whenUnsatisfiable: text(),
      labelSelector,
      minDomains: int(),
      nodeAffinityPolicy: text(),
      nodeTaintsPolicy: text(),
      matchLabelKeys: strings(),
    }),
  },
  VolumeBinding: { ...KIND_FIELDS, bindTimeoutSeconds: int(), shape: list({ utilization: int(), score: int() }) },
};
