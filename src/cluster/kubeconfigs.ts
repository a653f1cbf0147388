import { formatKubeconfig, type Kubeconfig, type KubeconfigUser } from '../pki/kubeconfig.ts';
import type { Pair } from './authorities.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** The administrator's kubeconfig: cluster, user and context are called as the cluster is. */
export function adminKubeconfig(options: { name: string; server: string; caPem: string; pair: Pair }): Kubeconfig {
  const { name, server, caPem, pair } = options;
  const user = { 'client-certificate-data': base64(pair.certificatePem), 'client-key-data': base64(pair.privateKeyPem) };
  return kubeconfig({ cluster: name, context: name, userName: name, server, caPem, user });
}

/** What a node is given to join with, named as the runbooks name it. */
export function bootstrapKubeconfig(options: { server: string; caPem: string; token: string }): string {
  const { server, caPem, token } = options;
  return formatKubeconfig(
    kubeconfig({ cluster: 'kubernetes', context: 'default', userName: 'kubelet-bootstrap', server, caPem, user: { token } }),
  );
}

function kubeconfig(options: {
  cluster: string;
  context: string;
  userName: string;
  server: string;
  caPem: string;
  user: KubeconfigUser;
}): Kubeconfig {
  const { cluster, context, userName, server, caPem, user } = options;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { 'certificate-authority-data': base64(caPem), server } }],
    contexts: [{ name: context, context: { cluster, user: userName } }],
    users: [{ name: userName, user }],
    'current-context': context,
  };
}
