import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import { type Machine, readMachine } from '../kubelet/node/machine.ts';
import { systemClock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import { silentLogger } from '../std/logger.ts';
import { Resources } from '../std/resources.ts';
import { etcdServersOf, type StoreSpec } from '../store/open-store.ts';
import type { ClusterNode } from './cluster-node.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type ClusterRecord, type DataDirectory, openDataDirectory, openTemporaryDirectory } from './data-directory.ts';
import { createHollowKubelet, hollowConfiguration } from './hollow-kubelet.ts';
import { createNodeFleet } from './node-fleet.ts';
import { type ClusterConfig, type ClusterOptions, completeOptions, type NetworkPlugin } from './options.ts';

export { TravelClock } from '../std/travel-clock.ts';
export type { ClusterNode } from './cluster-node.ts';
export type { ClusterOptions } from './options.ts';

/** A running cluster in this process. */
export interface Cluster extends AsyncDisposable {
  readonly name: string;
  /** `https://127.0.0.1:6443` */
  readonly server: string;
  /** A kubeconfig document with an administrator's certificate, for any client. Keep it to yourself: it opens everything. */
  readonly kubeconfig: string;
  /** Where the cluster is kept; undefined for one that is gone when it is closed. */
  readonly dataDir: string | undefined;
  /** Where its objects are. */
  readonly store: StoreSpec;
  readonly nodes: readonly ClusterNode[];
  /** The name of the one that this machine is, whose pods run; undefined when all are hollow. */
  readonly realNode: string | undefined;
  /** Of its pods, as it was asked for; undefined: not said, or all nodes are hollow. */
  readonly network: NetworkPlugin | undefined;
  /** A client with an administrator's rights, without sockets. */
  client(): Client;
  /** Starts one more node and resolves when it is Ready. */
  addNode(options?: { name?: string }): Promise<ClusterNode>;
  /** Rejects when a part of the cluster fails by itself; resolves after `close`. */
  readonly done: Promise<void>;
  /** Stops everything and leaves nothing behind but the data of a kept cluster. May be called again. */
  close(): Promise<void>;
}

/**
 * Starts a cluster in this process and resolves when every node is Ready: an API server on a port of its own, the controllers, and
 * nodes that each went the whole way of TLS bootstrap over HTTPS. Any number of clusters can run side by side. What had been
 * started is stopped again when the start fails.
 *
 *     await using cluster = await startCluster({ nodes: 2 });
 *
 * @throws CodedError OPTIONS_INVALID, OPTIONS_CONFLICT, DATA_LOCKED, DATA_INCOMPATIBLE, DATA_FOREIGN, PORT_TAKEN, NODES_NOT_READY
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { dataDir } = options;
  return startClusterIn(dataDir === undefined ? await openTemporaryDirectory() : await openDataDirectory(dataDir), options);
}

/** The same in a directory that was opened already, and is closed with the cluster or with the failure to start it. */
export async function startClusterIn(directory: DataDirectory, options: ClusterOptions): Promise<Cluster> {
  await using stack = new Resources();
  stack.defer(() => directory.close());
  const config = completeOptions(options, directory.record, { clock: systemClock, logger: silentLogger, random: Math.random });
  const machineRead = readMachine();
  machineRead.catch(() => undefined); // told below
  // Asked before anything is started: a runtime that cannot be used is no reason to start at all.
  const real = config.runtime === 'hollow' ? undefined : await findRealNode(config, directory.path, await machineRead);
  // What is not kept goes whole: its pods too, after their kubelet and before the files that say what there is.
  if (real && config.dataDir === undefined) stack.defer(() => real.remove(directory.path));
  if (real) {
    stack.defer(() => real.removeApiAddress());
    await real.addApiAddress();
  }
  const controlPlane = await startControlPlane(config, directory.path, real);
  stack.defer(() => controlPlane.stop());
  const machine = await machineRead;
  config.signal?.throwIfAborted();
  const settings = { configuration: hollowConfiguration(controlPlane.caFile), machine };
  const fleet = createNodeFleet({
    config,
    controlPlane,
    directory: directory.path,
    kubeletOf: (record) =>
      record.real && real ? real.kubelet(record, controlPlane) : (options) => createHollowKubelet(options, settings),
  });
  stack.defer(() => fleet.stop());
  const record = () =>
    directory.save({ name: config.name, port: controlPlane.port, nodes: fleet.records, ...etcdRecord(config) });
  const known = config.knownNodes.some((node) => node.real) || !real ? config.knownNodes : [real.record, ...config.knownNodes];
  await fleet.plan(known, config.nodes ?? (real ? 0 : config.defaultNodes));
  // Before the first node joins, so that a killed cluster knows its nodes when it comes back.
  await record();
  await fleet.start(config.startTimeoutMs);
  return runningCluster({ config, controlPlane, fleet, record, resources: stack.move() });
}

/** What says where the objects are, when they are not in the directory. */
function etcdRecord({ store, etcdFiles }: ClusterConfig): Pick<ClusterRecord, 'etcd'> {
  const servers = etcdServersOf(store);
  return servers === undefined ? {} : { etcd: { servers, files: etcdFiles } };
}

async function findRealNode(config: ClusterConfig, directory: string, machine: Machine) {
  const { openRealNode } = await import('./real-node/real-node.ts');
  return openRealNode(config, directory, machine);
}

interface Parts {
  config: ClusterConfig;
  controlPlane: ControlPlane;
  fleet: ReturnType<typeof createNodeFleet>;
  record: () => Promise<void>;
  resources: Resources;
}

function runningCluster({ config, controlPlane, fleet, record, resources }: Parts): Cluster {
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= resources.disposeAsync();
    return closing;
  };
  const done = controlPlane.done;
  done.catch(() => undefined); // whoever wants to know awaits `done`
  return {
    name: config.name,
    server: controlPlane.server,
    get kubeconfig() {
      return controlPlane.kubeconfig;
    },
    dataDir: config.dataDir,
    store: config.store,
    get nodes() {
      return fleet.nodes;
    },
    realNode: fleet.records.find(({ real }) => real)?.name,
    network: fleet.records.find(({ real }) => real)?.real?.network.plugin,
    client: () => createClient({ transport: controlPlane.adminTransport }),
    async addNode({ name } = {}) {
      if (closing !== undefined) throw new CodedError('the cluster is closed', { code: 'CLUSTER_CLOSED' });
      const node = await fleet.add(name);
      await record();
      await fleet.start(config.startTimeoutMs, [node]);
      return node;
    },
    done,
    close,
    [Symbol.asyncDispose]: close,
  };
}
