import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1ConfigMap } from '../../src/api/gen/types.ts';
import { formatKubeconfig } from '../../src/pki/kubeconfig.ts';
import type { RealNodes } from './real-nodes.ts';

/** Writes a kubeconfig of a service account of kube-system, which is there already, with a token for an hour. Answers its path. */
export async function serviceAccountKubeconfig(cluster: RealNodes, account: string): Promise<string> {
  const kubectl = cluster.kubectl('1.35');
  const token = (await kubectl.run(`create token ${account} -n kube-system --duration=1h`)).trim();
  const { data } = await kubectl.json<V1ConfigMap>('get configmap kube-root-ca.crt -n kube-system');
  const authority = Buffer.from(data?.['ca.crt'] ?? '').toString('base64');
  const path = join(cluster.directory, `${account}.kubeconfig`);
  const text = formatKubeconfig({
    clusters: [{ name: 'c', cluster: { server: cluster.server, 'certificate-authority-data': authority } }],
    users: [{ name: account, user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: account } }],
    'current-context': 'c',
  });
  await writeFile(path, text, { mode: 0o600 });
  return path;
}
