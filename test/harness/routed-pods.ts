/** The plainest network of pods on several nodes: a bridge on each, and routes between them. For tests of what is above the network. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RealNode } from './real-nodes.ts';

/** Of all pods and all nodes of a cluster: what stays inside goes with its own address. */
const CLUSTER_CIDR = '10.128.0.0/9';

/** Writes every node's CNI configuration and leads to every other node's pods. May be called again when there are more. */
export async function routeBetweenNodes(nodes: readonly RealNode[]): Promise<void> {
  for (const node of nodes) {
    await writeConfiguration(node);
    for (const other of nodes)
      if (other.name !== node.name) await node.run('ip', 'route', 'replace', other.podCidr, 'via', other.address);
    const rules = `add table ip routed_pods
flush table ip routed_pods
table ip routed_pods {
  chain out {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${node.podCidr} ip daddr != ${CLUSTER_CIDR} oifname ${node.device} masquerade
  }
}
`;
    const file = join(node.directory, 'routed-pods.nft');
    await writeFile(file, rules);
    await node.run('nft', '-f', file);
  }
}

async function writeConfiguration({ containerd, podCidr, directory }: RealNode): Promise<void> {
  const ipam = {
    type: 'host-local',
    dataDir: join(directory, 'addresses'),
    ranges: [[{ subnet: podCidr }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  const conflist = {
    cniVersion: '0.4.0',
    name: containerd.network.name,
    plugins: [
      { type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true, ipam },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  await mkdir(containerd.cniConfDir, { recursive: true });
  await writeFile(join(containerd.cniConfDir, '10-routes.conflist'), JSON.stringify(conflist));
}
