import { readFile, unlink } from 'node:fs/promises';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { StatusError } from '../../api/machinery/status-error.ts';
import type { PrivateKey } from '../../pki/keys.ts';
import { type Kubeconfig, type ResolvedContext, readKubeconfig, resolveContext } from '../../pki/kubeconfig.ts';
import { Backoff } from '../../std/backoff.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { ConnectToApi } from '../api-connection.ts';
import { judgeFailure } from '../api-failure.ts';
import { warnOfClock } from '../certificates/certificate-manager.ts';
import { createCertificateStore, type KeyPair, readPair } from '../certificates/certificate-store.ts';
import { awaitCertificate, fileSigningRequest, type SigningDependencies, SigningError } from '../certificates/signing-request.ts';
import { judgeKubeconfig, writeKubeletKubeconfig } from './client-identity.ts';
import { digestedName } from './digested-name.ts';
import { loadOrCreateKey, temporaryKeyPath } from './private-key-file.ts';

export const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
/** With key encipherment, which an elliptic key does not need, because approvers before 1.27 insist on it. */
export const CLIENT_USAGES = ['digital signature', 'key encipherment', 'client auth'] as const;

export interface BootstrapOptions {
  readonly nodeName: string;
  /** Of the kubelet's own; written here when it has to be obtained. */
  readonly kubeconfig: string;
  readonly bootstrapKubeconfig?: string;
  readonly certificateDirectory: string;
  readonly connect: ConnectToApi;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** How long the request may stay unsigned before the kubelet gives up (and is started again). Default one hour, as upstream. */
  readonly requestTimeoutMs?: number;
}

/** Who the kubelet is to the API server. */
export interface ClientIdentity {
  readonly context: ResolvedContext;
  /** Whether the certificate was obtained just now, rather than found. */
  readonly bootstrapped: boolean;
  /** Undefined when the kubeconfig carries a token only. */
  readonly pair?: KeyPair;
  /**
   * Settles when certificate, link and kubeconfig are on disk. The identity can be used before: until then the key and the
   * issued request lead a restarted kubelet to the same certificate.
   */
  readonly persisted: Promise<void>;
}

export const nodeUserName = (nodeName: string) => `system:node:${nodeName}`;
export const NODES_GROUP = 'system:nodes';

const HOUR_MS = 3_600_000;

/**
 * TLS bootstrap: with a usable kubeconfig nothing is asked for; else the bootstrap kubeconfig's token buys a certificate.
 * Rejects, with upstream's words, when the request is refused, denied or not signed in time, or a file is missing.
 */
export async function obtainClientIdentity(options: BootstrapOptions, signal: AbortSignal): Promise<ClientIdentity> {
  const { logger, clock } = options;
  if (!options.bootstrapKubeconfig) return fromKubeconfig(options.kubeconfig);
  const verdict = await judgeKubeconfig(options.kubeconfig, clock.now());
  if (verdict.usable) {
    logger.debug(2, 'Current kubeconfig file contents are still valid, no bootstrap necessary');
    return identityOf(verdict.context, options.kubeconfig);
  }
  if (verdict.why) logger.error(verdict.why);
  logger.debug(2, 'Using bootstrap kubeconfig to generate TLS client cert, key and kubeconfig file');
  const [bootstrap, context] = await readBootstrapKubeconfig(options.bootstrapKubeconfig);
  const store = createCertificateStore({ directory: options.certificateDirectory, prefix: 'kubelet-client', clock });
  const keyPath = temporaryKeyPath(options.certificateDirectory);
  const key = await loadOrCreateKey(store, keyPath, (message) => logger.debug(2, message));
  const certificatePem = await requestFirstCertificate(options, context, key, signal);
  const pair = readPair(certificatePem, key.pem, 'the issued certificate');
  warnOfClock(pair, clock.now(), logger);
  const persist = async () => {
    await store.save(certificatePem, key.pem);
    await writeKubeletKubeconfig(options.kubeconfig, bootstrap, store.currentPath);
    // Last, so that a crash before leaves the way to the same request open.
    await unlink(keyPath).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') logger.debug(2, 'Failed cleaning up private key file', { path: keyPath, err: error });
    });
  };
  const persisted = persist();
  persisted.catch(() => undefined); // whoever uses the identity awaits it; this only keeps node from calling it unhandled first
  return { context: { ...context, token: undefined, tokenFile: undefined }, bootstrapped: true, pair, persisted };
}

async function fromKubeconfig(path: string): Promise<ClientIdentity> {
  let context: ResolvedContext;
  try {
    context = await resolveContext(await readKubeconfig(path));
  } catch (cause) {
    throw new CodedError(`unable to load kubeconfig: ${(cause as Error).message}`, { code: 'KUBECONFIG_UNUSABLE', cause });
  }
  return identityOf(context, path);
}

function identityOf(context: ResolvedContext, path: string): ClientIdentity {
  const { clientCertificatePem: certificate, clientKeyPem: key } = context;
  const pair = certificate && key ? readPair(certificate, key, path) : undefined;
  return { context, bootstrapped: false, ...(pair && { pair }), persisted: Promise.resolve() };
}

async function readBootstrapKubeconfig(path: string): Promise<[Kubeconfig, ResolvedContext]> {
  try {
    const kubeconfig = await readKubeconfig(path);
    return [kubeconfig, await resolveContext(kubeconfig)];
  } catch (cause) {
    throw new CodedError(`unable to load bootstrap kubeconfig: ${(cause as Error).message}`, {
      code: 'KUBECONFIG_UNUSABLE',
      cause,
    });
  }
}

async function requestFirstCertificate(
  options: BootstrapOptions,
  context: ResolvedContext,
  key: PrivateKey,
  signal: AbortSignal,
): Promise<string> {
  const { clock, logger, random } = options;
  const { clientCertificatePem: certificatePem, clientKeyPem: privateKeyPem } = context;
  const token = context.tokenFile ? (await readFile(context.tokenFile, 'utf8')).trim() : context.token;
  const connection = options.connect(context, () => ({ certificatePem, privateKeyPem, token }), {
    userAgent: options.userAgent,
    clock,
  });
  const deps = { client: connection.client, clock, logger, random };
  try {
    const filed = await fileWhenReachable(deps, options.nodeName, key, signal);
    logger.debug(2, 'Waiting for client certificate to be issued');
    return await awaitCertificate(deps, filed, { timeoutMs: options.requestTimeoutMs ?? HOUR_MS, signal });
  } finally {
    await connection.close();
  }
}

async function fileWhenReachable(
  deps: SigningDependencies,
  nodeName: string,
  key: PrivateKey,
  signal: AbortSignal,
): Promise<V1CertificateSigningRequest> {
  const template = { commonName: nodeUserName(nodeName), organizations: [NODES_GROUP] };
  const usages = CLIENT_USAGES;
  const name = digestedName({ publicKeyDer: key.publicKeyDer, ...template, usages });
  const backoff = new Backoff({ initialMs: 500, maxMs: 15_000, jitter: 0.2, random: deps.random });
  for (;;) {
    try {
      return await fileSigningRequest(deps, { name, key, template, signerName: CLIENT_SIGNER, usages, signal });
    } catch (error) {
      if (signal.aborted) throw error;
      const failure = judgeFailure(error, deps.clock.now());
      // What the server refused, or somebody else's request under our name, would be the same next time.
      if (error instanceof StatusError ? !failure.passing : error instanceof SigningError) throw error;
      if (!failure.passing)
        throw new CodedError(`cannot create certificate signing request: ${failure.message}`, {
          code: 'API_UNTRUSTED',
          cause: error,
        });
      deps.logger.warn('Failed to connect to apiserver', { err: failure.message });
    }
    await deps.clock.sleep(backoff.next(), signal);
  }
}
