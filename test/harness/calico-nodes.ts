/** Real nodes whose pods' network is Calico's way, by Muster. For e2e tests, as root. */
import { join } from 'node:path';
import { calicoObjects } from '../../src/network/bgp/calico-rights.ts';
import { type ComponentProcess, PROGRAM } from './component-process.ts';
import { type RealNode, type RealNodes, startRealNodes } from './real-nodes.ts';
import { serviceAccountKubeconfig } from './service-account-kubeconfig.ts';
import { until } from './until.ts';

export interface CalicoNodes extends AsyncDisposable {
  readonly cluster: RealNodes;
  /** Of a node, by its name. */
  agent(node: RealNode): ComponentProcess;
  startAgent(node: RealNode, env?: Readonly<Record<string, string>>): Promise<ComponentProcess>;
  /** Runs `muster calico-node --cleanup` there. */
  cleanUp(node: RealNode): Promise<void>;
  /** What birdc(8) says there. */
  birdc(node: RealNode, ...words: string[]): Promise<string>;
  /** Where host-local keeps the node's addresses. */
  addressDirectory(node: RealNode): string;
}

/** As the runbooks set it, and IPv6 as Calico's documentation does. */
const ENVIRONMENT = {
  CALICO_IPV4POOL_CIDR: '10.64.0.0/10',
  IP_AUTODETECTION_METHOD: 'interface=eth0',
  CALICO_IPV4POOL_IPIP: 'off',
  IP6: 'autodetect',
  IP6_AUTODETECTION_METHOD: 'interface=eth0',
  CALICO_IPV6POOL_CIDR: 'fd00:10:64::/48',
  CALICO_IPV6POOL_NAT_OUTGOING: 'true',
};

const stateOf = (node: RealNode) => join(node.directory, 'calico');
const addressesOf = (node: RealNode) => join(node.directory, 'cni-addresses');

export async function startCalicoNodes(nodes: number): Promise<CalicoNodes> {
  const agents = new Map<string, ComponentProcess>();
  let opened: Promise<string> | undefined;
  let kubeconfig = '';
  const commandOf = (node: RealNode, env: Readonly<Record<string, string>> = {}) => [
    ...Object.entries({ ...ENVIRONMENT, ...env }).map(([name, value]) => `${name}=${value}`),
    ...[process.execPath, PROGRAM, 'calico-node', '--kubeconfig', kubeconfig, '--node-name', node.name],
    ...['--state-dir', stateOf(node), '--cni-conf-dir', node.containerd.cniConfDir, '--cni-data-dir', addressesOf(node)],
  ];
  const startAgent = async (node: RealNode, env?: Readonly<Record<string, string>>) => {
    const agent = node.start('env', ...commandOf(node, env));
    agents.set(node.name, agent);
    await agent.waitForOutput(/The network of pods is up/, 60_000);
    return agent;
  };
  const cluster = await startRealNodes({
    nodes,
    ipv6: true,
    network: async (node, handle) => {
      opened ??= applyObjects(handle);
      kubeconfig = await opened;
      await startAgent(node);
    },
  });
  return {
    cluster,
    agent(node) {
      const agent = agents.get(node.name);
      if (!agent) throw new Error(`no agent was started on ${node.name}`);
      return agent;
    },
    startAgent,
    cleanUp: async (node) => void (await node.run('env', ...commandOf(node), '--cleanup')),
    birdc: (node, ...words) => node.run('birdc', '-s', join(stateOf(node), 'bird.ctl'), ...words),
    addressDirectory: (node) => join(addressesOf(node), 'k8s-pod-network'),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

/** What calico-node needs in the API; answers a kubeconfig of its service account. */
async function applyObjects(cluster: RealNodes): Promise<string> {
  const items = calicoObjects({ kind: 'ServiceAccount', name: 'calico-node', namespace: 'kube-system' });
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await cluster.kubectl().run(['apply', '-f', '-'], { input });
  return serviceAccountKubeconfig(cluster, 'calico-node');
}

/** The blocks of a family that nodes have, by name of the node, as the API has them. */
export async function blocksByNode({ cluster }: CalicoNodes, family: 4 | 6 = 4): Promise<Map<string, string[]>> {
  const text = await cluster.kubectl().run(['get', 'blockaffinities.crd.projectcalico.org', '-o', 'json']);
  const { items } = JSON.parse(text) as { items: { spec: { node: string; cidr: string } }[] };
  const byNode = new Map<string, string[]>();
  for (const { spec } of items.filter((one) => one.spec.cidr.includes(':') === (family === 6)))
    byNode.set(spec.node, [...(byNode.get(spec.node) ?? []), spec.cidr].sort());
  return byNode;
}

/** The routes that BIRD has written, a line each, without what a kernel may add at the end. */
export async function birdRoutes(node: RealNode, family: 4 | 6 = 4): Promise<string[]> {
  const text = await node.run('ip', `-${family}`, 'route', 'show', 'proto', 'bird');
  return (
    text
      .split('\n')
      // What IPv6 says of every route.
      .map((line) => line.replace(/ metric 1024( pref medium)?| dev lo(?= metric)| pref medium/g, '').trim())
      .filter(Boolean)
      .sort()
  );
}

/** Waits until a node's routes by BIRD of a family are exactly these. */
export async function expectRoutes(node: RealNode, wanted: readonly string[], family: 4 | 6 = 4): Promise<void> {
  let last: string[] = [];
  const expected = [...wanted].sort();
  try {
    await until(
      `the routes of ${node.name} are as wanted`,
      async () => {
        last = await birdRoutes(node, family);
        return last.join('\n') === expected.join('\n');
      },
      { timeoutMs: 60_000 },
    );
  } catch (error) {
    throw new Error(`routes of ${node.name}:\n${last.join('\n')}\nnot:\n${expected.join('\n')}`, { cause: error });
  }
}
