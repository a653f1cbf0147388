/** Steps that many rows have in common, done by the documents' commands. */
import { existsSync } from 'node:fs';
import type { V1CertificateSigningRequest, V1Node } from '../../src/api/gen/types.ts';
import { until } from '../harness/until.ts';
import { BOOTSTRAP_KUBECONFIG_LOOP } from './documents.ts';
import type { RunbookCluster, ShellOptions } from './runbook-cluster.ts';

/** 000's loop: a token and a `kubelet-bootstrap-<node>.kubeconfig` in the master's home for each. Answers what it prints. */
export function makeBootstrapKubeconfigs(cluster: RunbookCluster, names: readonly string[], options?: ShellOptions) {
  return cluster.sh(`export NODE_NAMES=(${names.join(' ')})\n${BOOTSTRAP_KUBECONFIG_LOOP}`, options);
}

/** A token as `kubeadm token create` prints it. */
export async function createToken(cluster: RunbookCluster, flags = ''): Promise<string> {
  return (await cluster.sh(`kubeadm token create ${flags} --kubeconfig ~/.kube/config`)).trim();
}

/** The status that curl gets with a token. */
export async function statusWithToken(cluster: RunbookCluster, token: string): Promise<number> {
  const url = `${cluster.server}/version`;
  return Number(
    await cluster.sh(
      `curl -s -o /dev/null -w '%{http_code}' --cacert /etc/kubernetes/ssl/ca.pem -H "Authorization: Bearer $TOKEN" ${url}`,
      { env: { TOKEN: token } },
    ),
  );
}

export interface Identity {
  readonly username: string;
  readonly groups: readonly string[];
  readonly uid?: string;
}

/** Whom the API server takes somebody for: `kubectl auth whoami` with the given further arguments. */
export async function whoAmI(cluster: RunbookCluster, flags: string): Promise<Identity> {
  const review = JSON.parse(await cluster.sh(`kubectl auth whoami -o json ${flags}`, { version: '1.35' }));
  return (review as { status: { userInfo: Identity } }).status.userInfo;
}

/** The flags of a kubectl that has a token and nothing else. */
export function tokenFlags(cluster: RunbookCluster, token: string): string {
  return `--kubeconfig=/dev/null --server=${cluster.server} --certificate-authority=/etc/kubernetes/ssl/ca.pem --token=${token}`;
}

export async function signingRequests(cluster: RunbookCluster): Promise<V1CertificateSigningRequest[]> {
  return (await cluster.kubectl120.json<{ items: V1CertificateSigningRequest[] }>('get csr')).items;
}

/** The requests whose subject is a node's client identity, asked for by whoever bootstraps it (or by the node itself). */
export async function clientRequestsOf(cluster: RunbookCluster, nodeName: string): Promise<string[]> {
  const lines = await cluster.sh(`
    for name in $(kubectl get csr -o jsonpath='{.items[*].metadata.name}'); do
      subject=$(kubectl get csr "$name" -o jsonpath='{.spec.request}' | base64 -d | openssl req -noout -subject)
      signer=$(kubectl get csr "$name" -o jsonpath='{.spec.signerName}')
      case "$signer $subject" in "kubernetes.io/kube-apiserver-client-kubelet "*system:node:${nodeName}) echo "$name";; esac
    done`);
  return lines.split('\n').filter(Boolean);
}

/** Resolves with the name of a node's client CSR once there is one that nobody has decided on. */
export function pendingRequestOf(cluster: RunbookCluster, nodeName: string): Promise<string> {
  return until(`there is a pending CSR of ${nodeName}`, async () => {
    const pending = (await signingRequests(cluster))
      .filter((csr) => !csr.status?.conditions?.length)
      .map((csr) => csr.metadata?.name);
    return (await clientRequestsOf(cluster, nodeName)).find((name) => pending.includes(name));
  });
}

/** `kubectl certificate approve` of a node's pending client CSR; answers its name. */
export async function approveRequestOf(cluster: RunbookCluster, nodeName: string): Promise<string> {
  const name = await pendingRequestOf(cluster, nodeName);
  await cluster.sh(`kubectl certificate approve ${name}`);
  return name;
}

/** Resolves with the node once it is Ready. */
export function nodeReady(cluster: RunbookCluster, name: string): Promise<V1Node> {
  return until(`node ${name} is Ready`, async () => {
    const node = await cluster.kubectl120.json<V1Node>(['get', 'node', name]);
    return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') && node;
  });
}

/** Resolves once a node is Ready and its kubelet has written everything of its identity, which it may use before. */
export async function nodeJoined(cluster: RunbookCluster, name: string): Promise<void> {
  await nodeReady(cluster, name);
  const kubeconfig = cluster.host(name).path('/etc/kubernetes/kubelet.kubeconfig');
  await until(`${name} has its kubeconfig`, () => existsSync(kubeconfig));
}
