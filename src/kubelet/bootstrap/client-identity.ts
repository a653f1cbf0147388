import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { parseCertificates } from '../../pki/certificate.ts';
import { formatKubeconfig, type Kubeconfig, type ResolvedContext, readKubeconfig, resolveContext } from '../../pki/kubeconfig.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import { CodedError } from '../../std/coded-error.ts';

export type KubeconfigVerdict =
  | { readonly usable: true; readonly context: ResolvedContext }
  /** `why` is undefined when there simply is none. */
  | { readonly usable: false; readonly why?: string };

/**
 * Whether the kubelet can work with the kubeconfig that is there, so that no bootstrap is needed: it can be read, and
 * carries a client certificate none of which has expired. Rejects when it cannot even be told (permissions).
 */
export async function judgeKubeconfig(path: string, nowMs: number): Promise<KubeconfigVerdict> {
  try {
    await stat(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return { usable: false };
    throw new CodedError(`error reading existing bootstrap kubeconfig ${path}: ${(cause as Error).message}`, {
      code: 'KUBECONFIG_UNREADABLE',
      cause,
    });
  }
  let context: ResolvedContext;
  try {
    context = await resolveContext(await readKubeconfig(path));
    const certificates = context.clientCertificatePem ? parseCertificates(context.clientCertificatePem) : [];
    if (certificates.length === 0)
      return { usable: false, why: `unable to read TLS certificates from existing bootstrap client config read from ${path}` };
    const expired = certificates.find(({ notAfterMs }) => notAfterMs < nowMs);
    if (expired) {
      const when = new Date(expired.notAfterMs).toISOString();
      return { usable: false, why: `part of the existing bootstrap client certificate in ${path} is expired: ${when}` };
    }
  } catch (error) {
    return { usable: false, why: `unable to read existing bootstrap client config from ${path}: ${(error as Error).message}` };
  }
  return { usable: true, context };
}

/**
 * Writes the kubelet's own kubeconfig (0600): the cluster of the bootstrap kubeconfig, and the certificate that
 * `<cert-dir>/kubelet-client-current.pem` points to.
 */
export async function writeKubeletKubeconfig(path: string, bootstrap: Kubeconfig, certificatePath: string): Promise<void> {
  const contextName = bootstrap['current-context'];
  const context = bootstrap.contexts.find(({ name }) => name === contextName)?.context;
  const cluster = bootstrap.clusters.find(({ name }) => name === context?.cluster)?.cluster ?? {};
  const caFile = cluster['certificate-authority'];
  const directory = bootstrap.origin?.directory ?? dirname(path);
  const config: Kubeconfig = {
    clusters: [
      {
        name: 'default-cluster',
        cluster: {
          ...(caFile && { 'certificate-authority': isAbsolute(caFile) ? caFile : resolve(directory, caFile) }),
          ...(!caFile &&
            cluster['certificate-authority-data'] && { 'certificate-authority-data': cluster['certificate-authority-data'] }),
          ...(cluster['insecure-skip-tls-verify'] && { 'insecure-skip-tls-verify': true }),
          server: cluster.server,
          ...(cluster['tls-server-name'] && { 'tls-server-name': cluster['tls-server-name'] }),
        },
      },
    ],
    contexts: [{ name: 'default-context', context: { cluster: 'default-cluster', namespace: 'default', user: 'default-auth' } }],
    'current-context': 'default-context',
    users: [{ name: 'default-auth', user: { 'client-certificate': certificatePath, 'client-key': certificatePath } }],
  };
  await writeFileAtomic(path, formatKubeconfig(config), { mode: 0o600 });
}
