import { readFile } from 'node:fs/promises';
import type { ResolvedContext } from '../pki/kubeconfig.ts';
import { CodedError } from '../std/coded-error.ts';

const DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The way to the cluster from inside one of its pods, by what every pod is given (kubernetes.io/docs/tasks/run-application/access-api-from-pod):
 * the address in two environment variables, authority and token in files. Undefined outside of a pod.
 *
 * @throws CodedError POD_CREDENTIALS_MISSING when the variables are there and the files are not
 */
export async function podContext(
  env: Readonly<Record<string, string | undefined>>,
  directory = DIRECTORY,
): Promise<ResolvedContext | undefined> {
  const [host, port] = [env['KUBERNETES_SERVICE_HOST'], env['KUBERNETES_SERVICE_PORT']];
  if (!host || !port) return undefined;
  const tokenFile = `${directory}/token`;
  try {
    const [caPem] = await Promise.all([readFile(`${directory}/ca.crt`, 'utf8'), readFile(tokenFile)]);
    return { server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, caPem, tokenFile };
  } catch (cause) {
    throw new CodedError(`this pod has no token of a service account: ${(cause as Error).message}`, {
      code: 'POD_CREDENTIALS_MISSING',
      cause,
    });
  }
}
