import { isDeepStrictEqual } from 'node:util';
import type { V1Node, V1NodeAddress, V1NodeCondition, V1NodeStatus, V1Taint } from '../../api/gen/types.ts';
import { KUBERNETES_VERSION } from '../../std/version.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { RuntimeVersion } from '../runtime/runtime.ts';
import type { Machine } from './machine.ts';
import { type NodeHealth, nodeConditions } from './node-conditions.ts';
import type { NodeDetails } from './node-details.ts';
import { nodeAllocatable, nodeCapacity, swapCapacity } from './node-resources.ts';

/** All that a node says of itself, besides its health. */
export interface NodeFacts {
  readonly name: string;
  readonly hostname: string;
  readonly ipAddresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly machine: Machine;
  readonly runtime: RuntimeVersion;
  readonly configuration: KubeletConfiguration;
  /** Where the secured API listens; undefined when it does not. */
  readonly port: number | undefined;
}

export function nodeAddresses(facts: Pick<NodeFacts, 'hostname' | 'ipAddresses'>): V1NodeAddress[] {
  return [
    ...facts.ipAddresses.map((address) => ({ type: 'InternalIP', address })),
    { type: 'Hostname', address: facts.hostname },
  ];
}

/** The labels that every kubelet keeps on its node. */
function ownLabels({ machine, hostname, labels }: NodeFacts): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': machine.architecture,
    'beta.kubernetes.io/os': machine.operatingSystem,
    'kubernetes.io/arch': machine.architecture,
    'kubernetes.io/hostname': hostname,
    'kubernetes.io/os': machine.operatingSystem,
    ...labels,
  };
}

/** What the scheduler asks of a node before it gives it a pod, and admission before it lets its pods be changed; sorted. */
const DECLARED_FEATURES = [
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
];

/** The node as it is now; `previous` is its status before, for the times of its conditions. */
export function nodeStatus(
  facts: NodeFacts,
  health: NodeHealth,
  previous: V1NodeStatus | undefined,
  nowMs: number,
  { devices, ...details }: NodeDetails = {},
): V1NodeStatus {
  const { machine, configuration, runtime, port } = facts;
  const own = nodeCapacity(machine, configuration);
  // What somebody else said that the node has stays, and pods may have all of it.
  const others = Object.fromEntries(
    Object.entries(previous?.capacity ?? {}).filter(([resource]) => !Object.hasOwn(own, resource)),
  );
  const capacity = { ...own, ...others, ...devices?.capacity };
  const swapBytes = swapCapacity(machine);
  return {
    addresses: nodeAddresses(facts),
    allocatable: { ...nodeAllocatable(own, configuration), ...others, ...devices?.allocatable },
    ...details,
    capacity,
    conditions: nodeConditions(previous?.conditions, health, nowMs),
    declaredFeatures: DECLARED_FEATURES,
    ...(port !== undefined && { daemonEndpoints: { kubeletEndpoint: { Port: port } } }),
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootId,
      containerRuntimeVersion: `${runtime.name}://${runtime.version}`,
      kernelVersion: machine.kernelVersion,
      kubeProxyVersion: KUBERNETES_VERSION,
      kubeletVersion: KUBERNETES_VERSION,
      machineID: machine.machineId,
      operatingSystem: machine.operatingSystem,
      osImage: machine.osImage,
      ...(swapBytes > 0 && { swap: { capacity: swapBytes } }),
      systemUUID: machine.systemUuid,
    },
  };
}

/** The Node to register: whole, with its status, so that it is Ready from its first moment. */
export function newNode(facts: NodeFacts, health: NodeHealth, nowMs: number, details: NodeDetails = {}): V1Node {
  const { configuration } = facts;
  const taints = (configuration.registerWithTaints ?? []) as V1Taint[];
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: facts.name,
      labels: ownLabels(facts),
      annotations: {
        'volumes.kubernetes.io/controller-managed-attach-detach': String(configuration['enableControllerAttachDetach'] !== false),
      },
    },
    spec: {
      ...(configuration.providerID && { providerID: configuration.providerID }),
      ...(taints.length > 0 && { taints: [...taints] }),
    },
    status: nodeStatus(facts, health, undefined, nowMs, details),
  };
}

/**
 * What to change in the metadata and spec of a Node that was there already (an earlier life of ours, or of another machine
 * that had our name): our labels, and a provider id where there is none. Taints and the pod range are others' business.
 */
export function planReconcile(existing: V1Node, facts: NodeFacts): { metadata?: object; spec?: object } | undefined {
  const labels = Object.fromEntries(
    Object.entries(ownLabels(facts)).filter(([name, value]) => existing.metadata?.labels?.[name] !== value),
  );
  const { providerID } = facts.configuration;
  const lacksProvider = Boolean(providerID) && !existing.spec?.providerID;
  if (Object.keys(labels).length === 0 && !lacksProvider) return undefined;
  return {
    ...(Object.keys(labels).length > 0 && { metadata: { labels } }),
    ...(lacksProvider && { spec: { providerID } }),
  };
}

/** The strategic merge patch that turns one status into the other; undefined when nothing that matters differs. */
export function planStatusPatch(
  known: V1NodeStatus | undefined,
  wanted: V1NodeStatus,
  options: { reportDue: boolean },
): { status: Record<string, unknown> } | undefined {
  const status: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(wanted)) {
    const before = (known as Record<string, unknown> | undefined)?.[field];
    if (field === 'conditions') {
      const changed = options.reportDue || !sameConditions(before as V1NodeCondition[] | undefined, value as V1NodeCondition[]);
      if (changed) status[field] = value;
    } else if (!isDeepStrictEqual(before, value)) {
      // Merged by type, an address that we no longer have would stay, and by name a resource that is gone.
      if (field === 'addresses' && before) status[field] = [...(value as object[]), { $patch: 'replace' }];
      else if (field === 'allocatable') status[field] = { ...goneFrom(before, value), ...(value as object) };
      else status[field] = value;
    }
  }
  return Object.keys(status).length > 0 ? { status } : undefined;
}

const goneFrom = (before: unknown, value: unknown): Record<string, null> =>
  Object.fromEntries(
    Object.keys(before ?? {})
      .filter((name) => !Object.hasOwn(value as object, name))
      .map((name) => [name, null]),
  );

/** Heartbeats apart. */
function sameConditions(a: readonly V1NodeCondition[] | undefined, b: readonly V1NodeCondition[]): boolean {
  const strip = (list: readonly V1NodeCondition[]) =>
    list
      .map(({ type, status, reason, message }) => ({ type, status, reason, message }))
      .sort((x, y) => (x.type < y.type ? -1 : 1));
  return a !== undefined && isDeepStrictEqual(strip(a), strip(b));
}
