import { checkDnsSubdomain } from '../api/machinery/names.ts';
import { createClient } from '../client/create-client.ts';
import { CodedError } from '../std/coded-error.ts';
import { deferred } from '../std/lifecycle.ts';
import { type ClusterNode, type CreateKubelet, createClusterNode, type ManagedNode } from './cluster-node.ts';
import type { ControlPlane } from './control-plane.ts';
import type { NodeRecord } from './data-directory.ts';
import { findNodeEndpoint, firstNodeAddress, nextNodeAddress } from './node-addresses.ts';
import type { ClusterConfig } from './options.ts';
import { Patience } from './patience.ts';
import { waitForReadyNodes } from './ready-nodes.ts';

export interface NodeFleet {
  readonly nodes: readonly ClusterNode[];
  /** What is to be remembered of them. */
  readonly records: readonly NodeRecord[];
  /** Takes over the nodes that are known and adds hollow ones until there are `hollow` of them. Starts none. */
  plan(known: readonly NodeRecord[], hollow: number): Promise<void>;
  /** Adds one node, without starting it. */
  add(name?: string): Promise<ClusterNode>;
  /**
   * Starts those of the nodes (all, when none are named) that were never started, and resolves when they are Ready. Gives up when for
   * the time none has come further.
   */
  start(timeoutMs: number, only?: readonly ClusterNode[]): Promise<void>;
  stop(): Promise<void>;
}

/** Nodes that join at the same time: more would only wait for the API server, each with a connection open. */
const JOINING_AT_ONCE = 64;
const GRACE_MS = 250;

export interface NodeFleetOptions {
  readonly config: ClusterConfig;
  readonly controlPlane: ControlPlane;
  /** How the kubelet of a node is made: hollow, or real where the record says so. */
  readonly kubeletOf: (record: NodeRecord) => CreateKubelet;
  /** Of the cluster. */
  readonly directory: string;
}

export function createNodeFleet({ config, controlPlane, kubeletOf, directory }: NodeFleetOptions): NodeFleet {
  const nodes: ManagedNode[] = [];
  const records: NodeRecord[] = [];
  const fresh = new Set<ManagedNode>();

  const adopt = (record: NodeRecord): ManagedNode => {
    const node = createClusterNode({ ...record, config, controlPlane, createKubelet: kubeletOf(record), directory });
    records.push(record);
    controlPlane.knownNodes.set(record.name, { name: record.name, addresses: [record.address] });
    nodes.push(node);
    fresh.add(node);
    return node;
  };
  const addNext = async (name = freeName(records)): Promise<ClusterNode> => {
    const [problem] = checkDnsSubdomain(name);
    if (problem !== undefined)
      throw new CodedError(`name: ${JSON.stringify(name)} can be no node's: ${problem}`, { code: 'OPTIONS_INVALID' });
    if (nodes.some((node) => node.name === name)) throw new RangeError(`there is a node "${name}" already`);
    const last = records.findLast(({ address, real }) => !real && address !== '127.0.0.1');
    const endpoint = await findNodeEndpoint(last ? nextNodeAddress(last.address) : firstNodeAddress(config.random));
    return adopt({ name, ...endpoint });
  };
  // Ready when somebody has brought its network, which needs the cluster to run.
  const waitsForNetwork = (name: string) =>
    records.some((record) => record.name === name && record.real?.network.plugin === 'none');
  // One after the other: names and addresses follow from those given before.
  let adding: Promise<unknown> = Promise.resolve();
  const add = (name?: string): Promise<ClusterNode> => {
    const added = adding.then(() => addNext(name));
    adding = added.catch(() => undefined); // whoever asked for the node is told
    return added;
  };

  return {
    nodes,
    records,
    add,
    async plan(known, hollow) {
      for (const record of known) adopt(record);
      while (records.filter(({ real }) => !real).length < hollow) await add();
    },
    async start(timeoutMs, only = nodes) {
      const starting = nodes.filter((node) => only.includes(node) && fresh.delete(node));
      if (starting.length === 0) return;
      const failed = new AbortController();
      const signal = config.signal ? AbortSignal.any([failed.signal, config.signal]) : failed.signal;
      const waiting = [...starting];
      const joining = new Set(starting.map(({ name }) => name));
      const worker = async () => {
        for (let node = waiting.shift(); node && !failed.signal.aborted; node = waiting.shift()) {
          await node.start();
          joining.delete(node.name);
          patience.renew();
        }
      };
      const silent = deferred();
      // A Node that was Ready when its cluster was stopped says so still, while its kubelet may never come that far again. A little
      // later than those who wait for less, whose reasons say more.
      const patience = new Patience(config.clock, timeoutMs + GRACE_MS, () => {
        const names = [...joining].slice(0, 5).map((name) => `"${name}"`);
        const more = joining.size > 5 ? ` and ${joining.size - 5} more` : '';
        const why = `not all nodes have joined, and for ${timeoutMs / 1000} s none has come further: ${names.join(', ')}${more}`;
        silent.reject(new CodedError(why, { code: 'NODES_NOT_READY' }));
      });
      const joined = Promise.all(Array.from({ length: Math.min(JOINING_AT_ONCE, starting.length) }, worker));
      joined.catch((error: unknown) => failed.abort(error));
      const names = starting.map((node) => node.name).filter((name) => !waitsForNetwork(name));
      const ready = waitForReadyNodes({
        client: createClient({ transport: controlPlane.adminTransport, userAgent: 'muster' }),
        names,
        timeoutMs,
        clock: config.clock,
        logger: config.logger.child({ part: 'nodes' }),
        signal,
        onProgress: () => patience.renew(),
      });
      await unlessAborted(Promise.race([Promise.all([joined, ready]), silent.promise]), signal).finally(() => patience.end());
      await Promise.all(starting.map((node) => node.forgetToken()));
    },
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/** What `work` comes to; rejects with the signal's reason when that is first. */
async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const aborted = deferred();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined); // told already, or given up
  }
}

/** `node-1`, `node-2`, …: the first that nobody has after the last hollow one. */
function freeName(taken: readonly NodeRecord[]): string {
  const names = new Set(taken.map(({ name }) => name));
  for (let i = taken.filter(({ real }) => !real).length + 1; ; i++) if (!names.has(`node-${i}`)) return `node-${i}`;
}
