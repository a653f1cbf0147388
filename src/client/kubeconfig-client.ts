import { readFileSync } from 'node:fs';
import type { Environment } from '../pki/environment-proxy.ts';
import { type ResolvedContext, readKubeconfig, resolveContext } from '../pki/kubeconfig.ts';
import type { ExecPlugin } from '../pki/kubeconfig-exec.ts';
import { type Clock, systemClock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import type { Client } from './client.ts';
import { createClient } from './create-client.ts';
import { authorityOf } from './transport/authority-file.ts';
import { createTokenFile } from './transport/credentials.ts';
import { type Credentials, createHttpsTransport, type HttpsTransportOptions } from './transport/https.ts';
import { withImpersonation } from './transport/impersonation.ts';
import { withRetry } from './transport/retry.ts';
import type { Transport } from './transport/transport.ts';

export interface KubeconfigClientOptions {
  /** Default: the current one. */
  readonly contextName?: string;
  readonly clock?: Clock;
  /** For the program that a kubeconfig's user may name. Who gives none reaches clusters directly and as himself; what else a kubeconfig asks is refused. */
  readonly environment?: Environment;
}

/**
 * The way to the cluster of a kubeconfig's context, with retries as client-go has them. Certificates, keys and authorities that the kubeconfig names by path
 * are read again for each connection; a token file every minute. Rejects with a CodedError that names the field and the file that is wrong.
 */
export async function transportFromKubeconfig(path: string, options: KubeconfigClientOptions = {}): Promise<Transport> {
  const { contextName, clock, environment } = options;
  const context = await resolveContext(await readKubeconfig(path), contextName, {
    everyWay: environment !== undefined,
    environment,
  });
  return transportFromContext(context, clock, environment);
}

export async function clientFromKubeconfig(
  path: string,
  options: KubeconfigClientOptions & { userAgent?: string; requestTimeoutMs?: number } = {},
): Promise<Client> {
  const transport = await transportFromKubeconfig(path, options);
  return createClient({ transport, userAgent: options.userAgent, requestTimeoutMs: options.requestTimeoutMs });
}

/** The same from a context that has been resolved; `environment` where it was resolved with `everyWay`. */
export function transportFromContext(
  context: ResolvedContext,
  clock: Clock = systemClock,
  environment: Environment = {},
): Transport {
  const { server, tlsServerName, insecureSkipTlsVerify, proxyUrl, actingAs } = context;
  const target = { server, caPem: authorityOf(context), tlsServerName, insecureSkipTlsVerify, proxyUrl, clock };
  const transport = context.exec
    ? execTransport(context.exec, { target, clock, environment })
    : ownTransport(context, target, clock);
  return withRetry(actingAs ? withImpersonation(transport, actingAs) : transport, { clock });
}

function ownTransport(context: ResolvedContext, target: HttpsTransportOptions, clock: Clock): Transport {
  const tokenFile = context.tokenFile ? createTokenFile(context.tokenFile, clock) : undefined;
  return createHttpsTransport({
    ...target,
    credentials: () => readClientCertificate(context),
    token: () => tokenFile?.read() ?? context.token,
  });
}

interface ExecSurroundings {
  readonly target: HttpsTransportOptions;
  readonly clock: Clock;
  readonly environment: Environment;
}

/** What runs the program is loaded with the first request. */
function execTransport(plugin: ExecPlugin, { target, clock, environment }: ExecSurroundings): Transport {
  let loading: Promise<Transport> | undefined;
  const load = async () => {
    const { createExecTransport } = await import('./exec-credentials.ts');
    const connect = (credentials: () => Credentials) => createHttpsTransport({ ...target, credentials });
    return createExecTransport({ plugin, clock, environment, connect });
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
