import { mkdirSync, writeFileSync } from 'node:fs';
import { secretKind } from '../../src/api/core/v1/secret.ts';
import type { V1Secret } from '../../src/api/gen/types.ts';
import { type BootstrapToken, bootstrapTokenSecret, splitBootstrapToken } from '../../src/cluster/bootstrap-token.ts';
import { findNodeEndpoint, firstNodeAddress } from '../../src/cluster/node-addresses.ts';
import type { Cluster } from '../../src/cluster/start-cluster.ts';
import { formatKubeconfig, type Kubeconfig } from '../../src/pki/kubeconfig.ts';
import { type ComponentProcess, startComponent } from '../harness/component-process.ts';

const HOUR_MS = 3_600_000;

/** The secret of a token that holds for an hour and authenticates, unless told otherwise. */
export async function createToken(cluster: Cluster, token: string, changes: Partial<BootstrapToken> = {}): Promise<void> {
  const secret = bootstrapTokenSecret({
    ...splitBootstrapToken(token),
    description: '',
    expiresMs: Date.now() + HOUR_MS,
    usages: ['authentication'],
    groups: [],
    ...changes,
  });
  await cluster.client().resource<V1Secret>(secretKind, 'kube-system').create(secret);
}

/** A bootstrap kubeconfig for the cluster, with something in it changed. */
export async function bootstrapConfig(
  cluster: Cluster,
  user: Kubeconfig['users'][number]['user'],
  changes: Kubeconfig['clusters'][number]['cluster'] = {},
): Promise<string> {
  const ca = /certificate-authority-data: (\S+)/.exec(cluster.kubeconfig)?.[1] ?? '';
  return formatKubeconfig({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'kubernetes',
        cluster: {
          server: cluster.server,
          ...(!changes['certificate-authority'] && { 'certificate-authority-data': ca }),
          ...changes,
        },
      },
    ],
    contexts: [{ name: 'default', context: { cluster: 'kubernetes', user: 'kubelet-bootstrap' } }],
    users: [{ name: 'kubelet-bootstrap', user }],
    'current-context': 'default',
  });
}

/** A kubelet, with `changes` in its configuration, as a process with files of its own below `directory`, which it finds again when it is started there again. */
export async function startKubelet(
  directory: string,
  name: string,
  bootstrapKubeconfig: string,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<ComponentProcess> {
  mkdirSync(directory, { recursive: true });
  const file = (part: string) => `${directory}/${part}`;
  writeFileSync(file('bootstrap-kubeconfig'), bootstrapKubeconfig, { mode: 0o600 });
  const { address, port } = await findNodeEndpoint(firstNodeAddress(Math.random));
  const configuration = {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    address,
    port,
    healthzBindAddress: address,
    healthzPort: 0,
    ...changes,
  };
  writeFileSync(file('config.yaml'), JSON.stringify(configuration));
  return startComponent('kubelet', [
    `--bootstrap-kubeconfig=${file('bootstrap-kubeconfig')}`,
    `--kubeconfig=${file('kubeconfig')}`,
    `--cert-dir=${file('pki')}`,
    `--root-dir=${file('root')}`,
    `--config=${file('config.yaml')}`,
    `--hostname-override=${name}`,
    `--node-ip=${address}`,
    '--runtime=hollow',
  ]);
}
