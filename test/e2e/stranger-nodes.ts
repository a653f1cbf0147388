/** Nodes that `muster up` did not start, so that only an approver of the test's own knows of them, and what they ask for. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCertificateRequest } from '../../src/pki/certificate-request.ts';
import { generatePrivateKey } from '../../src/pki/keys.ts';
import { formatKubeconfig, type KubeconfigUser } from '../../src/pki/kubeconfig.ts';
import { until } from '../harness/until.ts';
import type { UpCluster } from './up-cluster.ts';

const WAIT = { timeoutMs: 60_000 };

export interface StrangerNodes {
  /** A kubeconfig for another user of the cluster; answers its path. */
  kubeconfigOf(name: string, user: KubeconfigUser): Promise<string>;
  /** Makes a Node object and a client certificate for it; answers its kubeconfig. */
  add(name: string, address: string): Promise<string>;
  /** Makes the Node object alone. */
  register(name: string, address: string): Promise<void>;
  /** Files a request for a serving certificate as the node. */
  ask(kubeconfig: string, name: string, node: string, ...ipAddresses: string[]): Promise<void>;
  /** Types of the conditions of a request; one empty word when there are none. */
  conditions(name: string): Promise<string[]>;
  approved(name: string): Promise<unknown>;
}

/** @param cluster is there only while tests run */
export function strangerNodes(cluster: { readonly current: UpCluster }): StrangerNodes {
  const kubectl = (...args: string[]) => cluster.current.kubectl('1.35').run(args);
  const apply = (item: object) => cluster.current.kubectl('1.35').run(['apply', '-f', '-'], { input: JSON.stringify(item) });
  const conditions = async (name: string) =>
    (await kubectl('get', 'csr', name, '-o', 'jsonpath={.status.conditions[*].type}')).split(' ');
  const kubeconfigOf = async (name: string, user: KubeconfigUser) => {
    const own = JSON.parse(await kubectl('config', 'view', '--raw', '--minify', '-o', 'json')) as {
      clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
    };
    const path = join(cluster.current.home.path, `${name}.kubeconfig`);
    const text = formatKubeconfig({
      clusters: [{ name: 'c', cluster: own.clusters[0].cluster }],
      users: [{ name, user }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: name } }],
      'current-context': 'c',
    });
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const register = async (name: string, address: string) => {
    await apply({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
    const patch = JSON.stringify({ status: { addresses: [{ type: 'InternalIP', address }] } });
    await kubectl('patch', 'node', name, '--subresource=status', '--type=merge', '-p', patch);
  };
  return {
    kubeconfigOf,
    register,
    conditions,
    async add(name, address) {
      await register(name, address);
      const key = await generatePrivateKey();
      const request = await createCertificateRequest({ key, commonName: `system:node:${name}`, organizations: ['system:nodes'] });
      const csr = `${name}-client`;
      await apply(csrObject(csr, request, 'kubernetes.io/kube-apiserver-client', 'client auth'));
      await kubectl('certificate', 'approve', csr);
      const certificate = await until(
        'its client certificate is issued',
        () => kubectl('get', 'csr', csr, '-o', 'jsonpath={.status.certificate}'),
        WAIT,
      );
      return kubeconfigOf(name, {
        'client-certificate-data': certificate,
        'client-key-data': Buffer.from(key.pem).toString('base64'),
      });
    },
    async ask(kubeconfig, name, node, ...ipAddresses) {
      const key = await generatePrivateKey();
      const subject = { key, commonName: `system:node:${node}`, organizations: ['system:nodes'] };
      const request = await createCertificateRequest({ ...subject, dnsNames: [node], ipAddresses });
      const input = JSON.stringify(csrObject(name, request, 'kubernetes.io/kubelet-serving', 'server auth'));
      await cluster.current.kubectl('1.35').run(['--kubeconfig', kubeconfig, 'create', '-f', '-'], { input });
    },
    approved: (name) => until(`${name} is approved`, async () => (await conditions(name)).includes('Approved'), WAIT),
  };
}

const csrObject = (name: string, request: string, signerName: string, usage: string) => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { request: Buffer.from(request).toString('base64'), signerName, usages: ['digital signature', usage] },
});
