import type { Clock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import type { Logger } from '../std/logger.ts';
import { etcdServersOf, type StoreSpec } from '../store/open-store.ts';
import type { ClusterRecord, NodeRecord } from './data-directory.ts';

/** Paths of what TLS with an etcd needs. */
export interface EtcdFiles {
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/**
 * Who makes the network of real pods, as an inventory of `muster deploy` calls it: a bridge of the machine, flannel's way, Calico's way, or
 * `none`: somebody else.
 */
export const NETWORK_PLUGINS = ['bridge', 'flannel', 'calico', 'none'] as const;
export type NetworkPlugin = (typeof NETWORK_PLUGINS)[number];

/** What a cluster may be given. Everything has a default. */
export interface ClusterOptions {
  /** Of the cluster and of its kubeconfig context. Default `muster`, or what the data directory says. */
  name?: string;
  /** Hollow nodes. Default 1, or as many as the data directory knows; it cannot be less than that. Beside a real one, default 0. */
  nodes?: number;
  /** How many hollow nodes there are when `nodes` does not say it and this machine is no node itself. Default 1. */
  defaultNodes?: number;
  /**
   * What runs pods: `hollow` nodes keep the state of pods without running them; with `containerd` this machine is a node, too, whose pods
   * run; `auto` is that where a container runtime answers that root may use. Default `hollow`, or what the data directory says.
   */
  runtime?: 'auto' | 'containerd' | 'hollow';
  /** Where the container runtime listens: `unix:///run/containerd/containerd.sock`. Default: the usual sockets. */
  containerRuntimeEndpoint?: string;
  /** The network of real pods. Default: what the data directory says, else `bridge`, unless the runtime has a network already. */
  network?: NetworkPlugin;
  /** Default `memory`; with a data directory `sqlite`, which keeps every acknowledged write. */
  store?: StoreSpec;
  /** Files for a store in etcd whose members are reached by https. */
  etcdFiles?: EtcdFiles;
  /** Keeps keys, nodes and the store, so that a later start finds the same cluster. Default: nothing is kept. */
  dataDir?: string;
  /** Of the API server. Default: the one it had before, else a free one. */
  port?: number;
  /** Of the API server when no port was given or recorded: taken if it is free, else any free one. */
  preferredPort?: number;
  /** Of the API server. Default 127.0.0.1. */
  bindAddress?: string;
  /** Makes a token Secret for every service account, as Kubernetes did before 1.24. Default false. */
  legacyServiceAccountTokens?: boolean;
  /**
   * Versions and resources of the API that are on or off besides the default ones, as `--runtime-config` of kube-apiserver:
   * `{ 'extensions/v1beta1': true }` takes manifests of 2018.
   */
  runtimeConfig?: Readonly<Record<string, string | boolean>>;
  /** Given up when for so long no more of the nodes has registered or become Ready, which a busy machine does slowly. Default 60 s. */
  startTimeoutMs?: number;
  /** How long a node may be silent until its pods are moved away; kubelets speak every 10 s. Default 50 s. */
  nodeMonitorGracePeriodMs?: number;
  /** Gives up a start that has not come to its end. A cluster that runs is closed by `close`. */
  signal?: AbortSignal;
  /** Of pods and Services, beside those of IPv4: the cluster has two stacks then. Default: IPv4 alone. */
  ipv6Ranges?: Ipv6Ranges;
  /**
   * Freezes the objects that the cluster's own parts share, so that one that changes them fails at once, instead of the others in some
   * way. For tests: it costs time. Default false.
   */
  freezeObjects?: boolean;
  clock?: Clock;
  /** Default: nothing is logged. */
  logger?: Logger;
  /** Numbers in [0, 1). */
  random?: () => number;
}

export interface Ipv6Ranges {
  /** Each node gets a /64 of it. */
  readonly pods: string;
  /** At most 2^20 addresses: a /108. */
  readonly services: string;
}

/** The same, complete. */
export interface ClusterConfig {
  readonly name: string;
  /** How many hollow nodes there are to be, those known already included; undefined: as `defaultNodes` says. */
  readonly nodes: number | undefined;
  readonly defaultNodes: number;
  readonly runtime: 'auto' | 'containerd' | 'hollow';
  readonly containerRuntimeEndpoint: string | undefined;
  /** Undefined: not said. */
  readonly network: NetworkPlugin | undefined;
  readonly knownNodes: readonly NodeRecord[];
  /** Nothing of it has been recorded yet. */
  readonly isNew: boolean;
  readonly store: StoreSpec;
  readonly etcdFiles: EtcdFiles;
  readonly dataDir: string | undefined;
  /** 0: a free one. */
  readonly port: number;
  /** When `port` is taken: use any other, or fail. */
  readonly portIsPreference: boolean;
  readonly bindAddress: string;
  readonly legacyServiceAccountTokens: boolean;
  readonly runtimeConfig: Readonly<Record<string, string | boolean>>;
  readonly startTimeoutMs: number;
  /** Undefined: the controller's own default. */
  readonly nodeMonitorGracePeriodMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly ipv6Ranges: Ipv6Ranges | undefined;
  readonly freezeObjects: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** Pods' addresses: room for 32,768 nodes of 254 pods each. */
export const CLUSTER_CIDR = '10.128.0.0/9';
/** kubeadm's default. */
export const SERVICE_CIDR = '10.96.0.0/12';
/** The first address of the range, which `kubernetes.default` gets. */
export const KUBERNETES_SERVICE_ADDRESS = '10.96.0.1';
/** kubeadm's: the tenth of the range. */
export const CLUSTER_DNS_SERVICE_ADDRESS = '10.96.0.10';
export const CLUSTER_DOMAIN = 'cluster.local';

/** Each option there is; one that is missing here does not compile. */
const KNOWN: Readonly<Record<keyof Required<ClusterOptions>, true>> = {
  ...{ name: true, nodes: true, defaultNodes: true, runtime: true, containerRuntimeEndpoint: true, network: true },
  ...{ store: true, etcdFiles: true, dataDir: true, port: true, preferredPort: true, bindAddress: true },
  ...{ legacyServiceAccountTokens: true, runtimeConfig: true, startTimeoutMs: true, nodeMonitorGracePeriodMs: true },
  ...{ signal: true, ipv6Ranges: true, freezeObjects: true, clock: true, logger: true, random: true },
};
const RUNTIMES: readonly unknown[] = ['auto', 'containerd', 'hollow', undefined];

/** What TypeScript would have said. @throws CodedError OPTIONS_INVALID */
function checkOptions(options: ClusterOptions): void {
  const invalid = (message: string) => new CodedError(message, { code: 'OPTIONS_INVALID' });
  for (const name of Object.keys(options))
    if (!Object.hasOwn(KNOWN, name))
      throw invalid(`there is no option ${JSON.stringify(name)}; there are ${Object.keys(KNOWN).sort().join(', ')}`);
  if (!RUNTIMES.includes(options.runtime))
    throw invalid(`runtime must be auto, containerd or hollow, not ${JSON.stringify(options.runtime)}`);
  const { startTimeoutMs: timeout } = options;
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout > 0))
    throw invalid(`startTimeoutMs must be a number above 0, not ${timeout}`);
}

/**
 * Options with all that was left out, taken from what the data directory remembers and else from the defaults.
 *
 * @throws CodedError OPTIONS_INVALID, OPTIONS_CONFLICT naming the option and both values
 */
export function completeOptions(
  options: ClusterOptions,
  record: ClusterRecord | undefined,
  surroundings: Pick<ClusterConfig, 'clock' | 'logger' | 'random'>,
): ClusterConfig {
  checkOptions(options);
  const { nodes, port } = options;
  if (nodes !== undefined && !(Number.isInteger(nodes) && nodes >= 0 && nodes <= 10_000))
    throw new CodedError(`nodes must be a whole number from 0 to 10000, not ${nodes}`, { code: 'OPTIONS_INVALID' });
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535))
    throw new CodedError(`port must be a whole number from 0 to 65535, not ${port}`, { code: 'OPTIONS_INVALID' });
  if (record && options.name !== undefined && options.name !== record.name)
    throw new CodedError(`the data directory holds cluster "${record.name}", not "${options.name}"`, {
      code: 'OPTIONS_CONFLICT',
    });
  const hollow = record?.nodes.filter(({ real }) => !real).length ?? 0;
  const real = record?.nodes.find((node) => node.real)?.real;
  if (real && options.runtime === 'hollow')
    throw new CodedError('the cluster has a node with real pods, which cannot become hollow; "muster down" deletes it', {
      code: 'OPTIONS_CONFLICT',
    });
  const endpoint = options.containerRuntimeEndpoint;
  if (real && endpoint !== undefined && endpoint !== real.endpoint)
    throw new CodedError(`the cluster's pods run at ${real.endpoint}, not at ${endpoint}; "muster down" deletes it`, {
      code: 'OPTIONS_CONFLICT',
    });
  const { network } = options;
  if (real && network !== undefined && network !== (real.network.plugin ?? 'bridge'))
    throw new CodedError(
      `the network of the cluster's pods is ${real.network.plugin ?? 'bridge'}, not ${network}; "muster down" deletes the cluster`,
      { code: 'OPTIONS_CONFLICT' },
    );
  if (network !== undefined && !real && (options.runtime ?? 'hollow') === 'hollow')
    throw new CodedError(`network ${network} is for pods that run: hollow nodes send no packets; use runtime containerd`, {
      code: 'OPTIONS_CONFLICT',
    });
  if (record && nodes !== undefined && nodes < hollow)
    throw new CodedError(`the cluster has ${hollow} nodes already, which is more than ${nodes}; "muster down" deletes it`, {
      code: 'OPTIONS_CONFLICT',
    });
  if (record && port !== undefined && port !== record.port && record.nodes.length > 0)
    throw new CodedError(
      `the cluster's nodes know its API server at port ${record.port}, so it cannot move to ${port}; "muster down" deletes it`,
      {
        code: 'OPTIONS_CONFLICT',
      },
    );
  const store = chooseStore(options, record);
  if (options.etcdFiles && etcdServersOf(store) === undefined)
    throw new CodedError(
      `the cluster's store is ${store}, which has no use for etcd's files; an etcd is named by etcd=https://HOST:2379`,
      { code: 'OPTIONS_CONFLICT' },
    );
  return {
    name: options.name ?? record?.name ?? 'muster',
    nodes: nodes ?? (record ? hollow : undefined),
    defaultNodes: options.defaultNodes ?? 1,
    runtime: real ? 'containerd' : (options.runtime ?? 'hollow'),
    containerRuntimeEndpoint: endpoint ?? real?.endpoint,
    network: network ?? real?.network.plugin,
    knownNodes: record?.nodes ?? [],
    isNew: record === undefined,
    store,
    etcdFiles: options.etcdFiles ?? record?.etcd?.files ?? {},
    dataDir: options.dataDir,
    port: port ?? record?.port ?? options.preferredPort ?? 0,
    portIsPreference: port === undefined && record === undefined,
    bindAddress: options.bindAddress ?? '127.0.0.1',
    legacyServiceAccountTokens: options.legacyServiceAccountTokens ?? false,
    runtimeConfig: options.runtimeConfig ?? {},
    startTimeoutMs: options.startTimeoutMs ?? 60_000,
    nodeMonitorGracePeriodMs: options.nodeMonitorGracePeriodMs,
    signal: options.signal,
    ipv6Ranges: options.ipv6Ranges,
    freezeObjects: options.freezeObjects ?? false,
    clock: options.clock ?? surroundings.clock,
    logger: options.logger ?? surroundings.logger,
    random: options.random ?? surroundings.random,
  };
}

/** A cluster stays in its etcd: another store would be another cluster with the same keys. */
function chooseStore({ store, dataDir }: ClusterOptions, record: ClusterRecord | undefined): StoreSpec {
  const known: StoreSpec | undefined = record?.etcd && `etcd=${record.etcd.servers}`;
  // The members of an etcd may change, and be named in another order.
  const isOther = (chosen: StoreSpec) =>
    known ? !chosen.startsWith('etcd=') : record !== undefined && chosen.startsWith('etcd=');
  if (store !== undefined && isOther(store))
    throw new CodedError(`the cluster is kept in ${known ?? 'its data directory'}, not in ${store}; "muster down" deletes it`, {
      code: 'OPTIONS_CONFLICT',
    });
  return store ?? known ?? (dataDir === undefined ? 'memory' : 'sqlite');
}
