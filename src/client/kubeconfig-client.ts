import { readFileSync } from 'node:fs';
import { type ResolvedContext, readKubeconfig, resolveContext } from '../pki/kubeconfig.ts';
import type { ExecPlugin } from '../pki/kubeconfig-exec.ts';
import { type Clock, systemClock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import type { Client } from './client.ts';
import { createClient } from './create-client.ts';
import { createTokenFile } from './transport/credentials.ts';
import { type Credentials, createHttpsTransport, type HttpsTransportOptions } from './transport/https.ts';
import { withRetry } from './transport/retry.ts';
import type { Transport } from './transport/transport.ts';

/**
 * The way to the cluster of a kubeconfig's context, the current one unless named, with retries as client-go has them.
 * Certificates and keys that the kubeconfig names by path are read again for each connection; a token file every minute.
 * Rejects with a CodedError that names the field and the file that is wrong.
 */
export async function transportFromKubeconfig(
  path: string,
  contextName?: string,
  clock: Clock = systemClock,
): Promise<Transport> {
  return transportFromContext(await resolveContext(await readKubeconfig(path), contextName, { everyWay: true }), clock);
}

export async function clientFromKubeconfig(
  path: string,
  options: { userAgent?: string; contextName?: string; requestTimeoutMs?: number; clock?: Clock } = {},
): Promise<Client> {
  const transport = await transportFromKubeconfig(path, options.contextName, options.clock);
  return createClient({ transport, userAgent: options.userAgent, requestTimeoutMs: options.requestTimeoutMs });
}

/** The same from a context that has been resolved. */
export function transportFromContext(context: ResolvedContext, clock: Clock = systemClock): Transport {
  const { server, caPem, tlsServerName, insecureSkipTlsVerify, proxyUrl } = context;
  const target = { server, caPem, tlsServerName, insecureSkipTlsVerify, proxyUrl, clock };
  if (context.exec) return withRetry(execTransport(context.exec, target, clock), { clock });
  const tokenFile = context.tokenFile ? createTokenFile(context.tokenFile, clock) : undefined;
  const transport = createHttpsTransport({
    ...target,
    credentials: () => readClientCertificate(context),
    token: () => tokenFile?.read() ?? context.token,
  });
  return withRetry(transport, { clock });
}

/** What runs the program is loaded with the first request. */
function execTransport(plugin: ExecPlugin, target: HttpsTransportOptions, clock: Clock): Transport {
  let loading: Promise<Transport> | undefined;
  const load = async () => {
    const { createExecTransport } = await import('./exec-credentials.ts');
    const connect = (credentials: () => Credentials) => createHttpsTransport({ ...target, credentials });
    return createExecTransport({ plugin, clock, environment: process.env, connect });
  };
  return {
    async request(request) {
      loading ??= load();
      return (await loading).request(request);
    },
    close: async (how) => (await loading)?.close(how),
  };
}

function readClientCertificate(context: ResolvedContext): Credentials {
  const { clientCertificateFile, clientKeyFile } = context;
  const certificatePem = clientCertificateFile ? readCredential(clientCertificateFile) : context.clientCertificatePem;
  const privateKeyPem = clientKeyFile ? readCredential(clientKeyFile) : context.clientKeyPem;
  return { certificatePem, privateKeyPem };
}

function readCredential(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CodedError(`unable to read ${file}: ${(cause as Error).message}`, {
      code: 'CREDENTIALS_UNREADABLE',
      retryable: true,
      cause,
    });
  }
}
