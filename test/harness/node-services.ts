/** What makes Services of several real nodes reachable: kube-proxy as a process of its own on each, and the cluster's DNS server on the first. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLUSTER_CIDR } from '../../src/cluster/options.ts';
import { createClusterDnsObjects } from '../../src/cluster/real-node/cluster-dns-objects.ts';
import type { ComponentProcess } from './component-process.ts';
import type { RealNode, RealNodes } from './real-nodes.ts';
import { serviceAccountKubeconfig } from './service-account-kubeconfig.ts';

export type ProxyMode = 'nftables' | 'iptables';

const COREFILE = `.:53 {
  errors
  ready
  kubernetes cluster.local in-addr.arpa {
    pods insecure
    ttl 5
  }
  cache 5
  loadbalance
}
`;

export interface NodeServices {
  readonly dns: ComponentProcess;
  /** By the node's name. */
  readonly proxies: ReadonlyMap<string, ComponentProcess>;
}

/**
 * Resolves when each node has its rules for the first time. What runs ends with the nodes.
 *
 * @param clusterCIDR of pods; one of each family
 */
export async function startNodeServices(
  cluster: RealNodes,
  modeOf: (node: RealNode) => ProxyMode,
  clusterCIDR = CLUSTER_CIDR,
): Promise<NodeServices> {
  const { client, nodes } = cluster;
  const kubectl = cluster.kubectl();
  const [first] = nodes;
  if (!first) throw new Error('there is no node');
  await createClusterDnsObjects(client, first.address);
  await kubectl.run('create serviceaccount kube-proxy -n kube-system');
  await kubectl.run(
    'create clusterrolebinding kube-proxy --clusterrole=system:node-proxier --serviceaccount=kube-system:kube-proxy',
  );
  const [proxyConfig, dnsConfig] = await Promise.all(
    ['kube-proxy', 'coredns'].map((name) => serviceAccountKubeconfig(cluster, name)),
  );
  const proxies = new Map<string, ComponentProcess>();
  for (const node of nodes) {
    const config = join(node.directory, 'kube-proxy.json');
    await writeFile(config, JSON.stringify(proxyConfiguration(node, modeOf(node), proxyConfig!, clusterCIDR)));
    proxies.set(node.name, node.startMuster('kube-proxy', `--config=${config}`, '-v=2'));
  }
  const corefile = join(first.directory, 'Corefile');
  await writeFile(corefile, COREFILE);
  const dns = first.startMuster('dns', '-conf', corefile, '--kubeconfig', dnsConfig!, '--bind-address', first.address);
  await Promise.all([
    dns.waitForOutput(/The DNS server listens/, 60_000),
    ...[...proxies.values()].map((proxy) => proxy.waitForOutput(/SyncProxyRules complete/, 60_000)),
  ]);
  return { dns, proxies };
}

function proxyConfiguration(node: RealNode, mode: ProxyMode, kubeconfig: string, clusterCIDR: string): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode,
    hostnameOverride: node.name,
    bindAddress: '0.0.0.0',
    clientConnection: { kubeconfig },
    clusterCIDR,
    // Connection tracking has one limit for all namespaces of this machine.
    conntrack: { maxPerCore: 0, min: 0 },
    oomScoreAdj: 0,
  };
}
