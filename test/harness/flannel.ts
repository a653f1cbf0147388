/** Flannel's network for real nodes: the objects of its manifests, and `muster flanneld` on every node. */
import { join } from 'node:path';
import type { V1ConfigMap } from '../../src/api/gen/types.ts';
import { flannelObjects } from '../../src/network/flannel/flannel-objects.ts';
import type { ComponentProcess } from './component-process.ts';
import type { RealNode, RealNodes } from './real-nodes.ts';
import { serviceAccountKubeconfig } from './service-account-kubeconfig.ts';

export interface FlannelNetwork {
  /** For `startRealNodes({ network })`. */
  connect(node: RealNode, cluster: RealNodes): Promise<void>;
  /** The one that runs on a node. */
  agentOf(node: RealNode): ComponentProcess;
  /** Starts one on a node, again after it has ended. */
  start(node: RealNode): ComponentProcess;
  /** Its flags for paths on a node. */
  paths(node: RealNode): readonly string[];
  /** Writes another backend into the ConfigMap, for those that are started from now on. */
  changeBackend(cluster: RealNodes, backend: object): Promise<void>;
}

/**
 * @param backend of `net-conf.json`
 * @param flags more of every flanneld
 * @param ipv6Network of pods; undefined: they have IPv4 alone
 */
export function flannelNetwork(backend: object, flags: readonly string[] = [], ipv6Network?: string): FlannelNetwork {
  const agents = new Map<string, ComponentProcess>();
  let opened: Promise<string> | undefined;
  let kubeconfig = '';
  const paths = (node: RealNode) => [
    `--subnet-file=${join(node.directory, 'subnet.env')}`,
    `--cni-conf-dir=${node.containerd.cniConfDir}`,
    `--cni-data-dir=${join(node.directory, 'addresses')}`,
  ];
  const start = (node: RealNode) => {
    const agent = node.startMuster(
      'flanneld',
      ...['--ip-masq', '--kube-subnet-mgr', `--kubeconfig-file=${kubeconfig}`, `--hostname-override=${node.name}`, '-v=1'],
      ...paths(node),
      ...flags,
    );
    agents.set(node.name, agent);
    return agent;
  };
  return {
    async connect(node, cluster) {
      opened ??= applyManifests(cluster, backend, ipv6Network);
      kubeconfig = await opened;
      start(node);
    },
    agentOf(node) {
      const agent = agents.get(node.name);
      if (!agent) throw new Error(`no flanneld was started on ${node.name}`);
      return agent;
    },
    start,
    paths,
    changeBackend: async (cluster, next) => {
      await cluster.kubectl('1.20').run('apply -f -', { input: manifestsOf(next, ipv6Network) });
    },
  };
}

/** Answers a kubeconfig of flannel's service account. */
async function applyManifests(cluster: RealNodes, backend: object, ipv6Network: string | undefined): Promise<string> {
  await cluster.kubectl('1.20').run('apply -f -', { input: manifestsOf(backend, ipv6Network) });
  return serviceAccountKubeconfig(cluster, 'flannel');
}

/** The objects of flannel's manifests, with cni-conf.json as the runbooks' one has it. */
function manifestsOf(backend: object, ipv6Network: string | undefined): string {
  const subject = { kind: 'ServiceAccount', name: 'flannel', namespace: 'kube-system' };
  const items = flannelObjects({ network: '10.128.0.0/9', ipv6Network, backend: { ...backend }, subject }).map((object) => {
    if (object.kind !== 'ConfigMap') return object;
    const { data } = object as V1ConfigMap;
    return { ...object, data: { ...data, 'cni-conf.json': LEGACY_CNI_CONF } };
  });
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

const LEGACY_CNI_CONF = '{"name":"cbr0","type":"flannel","delegate":{"hairpinMode":true,"isDefaultGateway":true}}';
