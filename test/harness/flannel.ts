/** Flannel's network for real nodes: the objects of its manifests, and `muster flanneld` on every node. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatKubeconfig } from '../../src/pki/kubeconfig.ts';
import type { ComponentProcess } from './component-process.ts';
import type { RealNode, RealNodes } from './real-nodes.ts';

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
 */
export function flannelNetwork(backend: object, flags: readonly string[] = []): FlannelNetwork {
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
      opened ??= applyManifests(cluster, backend);
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
      await cluster.kubectl('1.20').run('apply -f -', { input: flannelManifests(next) });
    },
  };
}

/** Answers a kubeconfig of flannel's service account. */
async function applyManifests(cluster: RealNodes, backend: object): Promise<string> {
  const kubectl = cluster.kubectl('1.20');
  await kubectl.run('apply -f -', { input: flannelManifests(backend) });
  const token = (await cluster.kubectl('1.35').run('create token flannel -n kube-system --duration=1h')).trim();
  const { cert } = JSON.parse(await kubectl.run('get configmap kube-root-ca.crt -n kube-system -o json'), (key, value) =>
    key === 'data' ? { cert: value['ca.crt'] } : value,
  ).data as { cert: string };
  const path = join(cluster.directory, 'flannel.kubeconfig');
  const text = formatKubeconfig({
    clusters: [
      { name: 'c', cluster: { server: cluster.server, 'certificate-authority-data': Buffer.from(cert).toString('base64') } },
    ],
    users: [{ name: 'flannel', user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'flannel' } }],
    'current-context': 'c',
  });
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

/** The objects of kube-flannel-rbac.yml and kube-flannel-legacy.yml, as the runbooks change them, but for the pod that runs flanneld. */
export function flannelManifests(backend: object): string {
  const netConf = JSON.stringify({ Network: '10.128.0.0/9', Backend: backend }, undefined, 2);
  const cniConf = JSON.stringify({
    name: 'cbr0',
    type: 'flannel',
    delegate: { hairpinMode: true, isDefaultGateway: true },
  });
  const indented = (text: string) => text.replaceAll('\n', '\n    ');
  return `kind: ClusterRole
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: flannel
rules:
- apiGroups: [""]
  resources: [pods]
  verbs: [get]
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [nodes/status]
  verbs: [patch]
---
kind: ClusterRoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: flannel
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: flannel }
subjects:
- { kind: ServiceAccount, name: flannel, namespace: kube-system }
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: flannel
  namespace: kube-system
---
kind: ConfigMap
apiVersion: v1
metadata:
  name: kube-flannel-cfg
  namespace: kube-system
  labels: { tier: node, app: flannel }
data:
  cni-conf.json: |
    ${indented(cniConf)}
  net-conf.json: |
    ${indented(netConf)}
---
# What the kubelet mounts into flannel's pod, this flanneld reads by itself.
kind: Role
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: flannel
  namespace: kube-system
rules:
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [kube-flannel-cfg]
  verbs: [get]
---
kind: RoleBinding
apiVersion: rbac.authorization.k8s.io/v1
metadata:
  name: flannel
  namespace: kube-system
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: flannel }
subjects:
- { kind: ServiceAccount, name: flannel, namespace: kube-system }
`;
}
