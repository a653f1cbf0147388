import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { isStatus, StatusError } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { createCertificateRequest, parseSpecRequest } from '../../pki/certificate-request.ts';
import type { PrivateKey } from '../../pki/keys.ts';
import { Backoff } from '../../std/backoff.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { RequestTemplate } from './rotation-plan.ts';

export interface SigningDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

export interface SigningRequest {
  /** Fixed for the first client certificate, so that a restart finds its own request; without one the server makes `csr-…`. */
  readonly name?: string;
  readonly key: PrivateKey;
  readonly template: RequestTemplate;
  readonly signerName: string;
  readonly usages: readonly string[];
  readonly signal: AbortSignal;
}

/** The request was denied, has failed, was deleted or replaced, or nobody signed it in time. */
export class SigningError extends CodedError {
  constructor(
    message: string,
    code: 'CSR_DENIED' | 'CSR_FAILED' | 'CSR_DELETED' | 'CSR_INCOMPATIBLE' | 'CSR_TIMEOUT',
    cause?: unknown,
  ) {
    super(message, { code, retryable: code === 'CSR_TIMEOUT', cause });
    this.name = 'SigningError';
  }
}

/**
 * Files a CertificateSigningRequest, or finds the one that an earlier run filed under the same name. Rejects with the
 * server's StatusError, its message prefixed as upstream does, or with a SigningError when what is there asks for something else.
 */
export async function fileSigningRequest(
  deps: SigningDependencies,
  request: SigningRequest,
): Promise<V1CertificateSigningRequest> {
  const { name, key, template, signal } = request;
  const resource = deps.client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
  const pem = await createCertificateRequest({ key, ...template });
  const wanted: V1CertificateSigningRequest = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: name ? { name } : { generateName: 'csr-' },
    spec: { request: Buffer.from(pem).toString('base64'), signerName: request.signerName, usages: [...request.usages] },
  };
  try {
    return await resource.create(wanted, { signal });
  } catch (error) {
    if (!name || !isStatus(error, 'AlreadyExists')) throw prefixed('cannot create certificate signing request', error);
  }
  deps.logger.info('csr for this node already exists, reusing');
  const existing = await resource.get(name, { signal }).catch((error: unknown) => {
    throw prefixed('cannot retrieve certificate signing request', error);
  });
  const why = await incompatibility(existing, request, deps.clock.now());
  if (why) throw new SigningError(`retrieved csr is not compatible: ${why}`, 'CSR_INCOMPATIBLE');
  deps.logger.info('csr for this node is still valid');
  return existing;
}

/** Why a request found under our name is not ours; undefined when it is. */
async function incompatibility(
  found: V1CertificateSigningRequest,
  wanted: SigningRequest,
  nowMs: number,
): Promise<string | undefined> {
  let request: ReturnType<typeof parseSpecRequest>;
  try {
    request = parseSpecRequest(found.spec.request);
  } catch (error) {
    return `unable to parse new csr: ${(error as Error).message}`;
  }
  const { template, key } = wanted;
  if (request.commonName !== template.commonName || request.organizations.join('\0') !== template.organizations.join('\0'))
    return `csr subjects differ: new: ${request.commonName}, orig: ${template.commonName}`;
  if (found.spec.signerName !== wanted.signerName)
    return `csr signerNames differ: new ${JSON.stringify(found.spec.signerName)}, orig: ${JSON.stringify(wanted.signerName)}`;
  if (!key.publicKeyDer.equals(request.publicKeyDer) || !(await request.verifySignature()))
    return 'error validating signature new CSR against old key';
  for (const { notAfterMs } of found.status?.certificate ? certificatesOf(found) : [])
    if (notAfterMs < nowMs) return `one of the certificates for the CSR has expired: ${new Date(notAfterMs).toISOString()}`;
  return undefined;
}

function certificatesOf(csr: V1CertificateSigningRequest) {
  return parseCertificates(Buffer.from(csr.status!.certificate!, 'base64'));
}

export type SigningProgress = 'pending' | 'approved' | 'issued';

/**
 * How far a request has come.
 *
 * @throws SigningError when it never will be signed
 */
export function signingProgress(csr: V1CertificateSigningRequest, uid: string | undefined): SigningProgress {
  const fail = (code: 'CSR_DENIED' | 'CSR_FAILED' | 'CSR_DELETED', why: string): never => {
    throw new SigningError(`cannot watch on the certificate signing request: ${why}`, code);
  };
  if (csr.metadata?.uid !== uid) fail('CSR_DELETED', `csr ${JSON.stringify(csr.metadata?.name)} changed UIDs`);
  let approved = false;
  for (const { type, reason, message } of csr.status?.conditions ?? []) {
    if (type === 'Denied')
      fail('CSR_DENIED', `certificate signing request is denied, reason: ${reason ?? ''}, message: ${message ?? ''}`);
    if (type === 'Failed')
      fail('CSR_FAILED', `certificate signing request failed, reason: ${reason ?? ''}, message: ${message ?? ''}`);
    if (type === 'Approved') approved = true;
  }
  if (!approved) return 'pending';
  return csr.status?.certificate ? 'issued' : 'approved';
}

/**
 * Waits, watching, until a filed request is signed, and answers the certificate as PEM. The server may go away and come
 * back meanwhile. Rejects with a SigningError, or with the signal's reason.
 */
export async function awaitCertificate(
  deps: SigningDependencies,
  filed: V1CertificateSigningRequest,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<string> {
  const timeout = new AbortController();
  const timer = deps.clock.setTimer(options.timeoutMs, () =>
    timeout.abort(new SigningError('timed out waiting for the condition', 'CSR_TIMEOUT')),
  );
  const signal = AbortSignal.any([options.signal, timeout.signal]);
  try {
    return await follow(deps, filed, signal);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    timer.cancel();
  }
}

async function follow(deps: SigningDependencies, filed: V1CertificateSigningRequest, signal: AbortSignal): Promise<string> {
  const resource = deps.client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
  const { name, uid } = filed.metadata as { name: string; uid?: string };
  const backoff = new Backoff({ initialMs: 250, maxMs: 30_000, random: deps.random });
  let current = filed;
  let logged: SigningProgress = 'pending';
  const look = (csr: V1CertificateSigningRequest): string | undefined => {
    const progress = signingProgress(csr, uid);
    if (progress !== logged) {
      logged = progress;
      const how = progress === 'issued' ? 'issued' : 'approved, waiting to be issued';
      deps.logger.debug(2, `certificate signing request ${name} is ${how}`);
    }
    return progress === 'issued' ? Buffer.from(csr.status!.certificate!, 'base64').toString() : undefined;
  };
  for (;;) {
    signal.throwIfAborted();
    const certificate = look(current);
    if (certificate !== undefined) return certificate;
    try {
      const fieldSelector = `metadata.name=${name}`;
      const resourceVersion = current.metadata?.resourceVersion;
      for await (const event of resource.watch({ fieldSelector, ...(resourceVersion && { resourceVersion }), signal })) {
        if (event.type === 'ERROR') break;
        if (event.type === 'BOOKMARK') continue;
        if (event.type === 'DELETED')
          throw new SigningError(
            `cannot watch on the certificate signing request: csr ${JSON.stringify(name)} was deleted`,
            'CSR_DELETED',
          );
        backoff.reset();
        const issued = look(event.object);
        if (issued !== undefined) return issued;
      }
    } catch (error) {
      if (error instanceof SigningError || signal.aborted) throw error;
      deps.logger.warn('Watching the certificate signing request was interrupted', { csr: name, err: error });
    }
    await deps.clock.sleep(backoff.next(), signal);
    current = await refreshed(deps, current, signal);
  }
}

/** The request as it is now; as it was when the server does not answer. */
async function refreshed(deps: SigningDependencies, csr: V1CertificateSigningRequest, signal: AbortSignal) {
  const name = csr.metadata!.name!;
  try {
    return await deps.client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind).get(name, { signal });
  } catch (error) {
    if (isStatus(error, 'NotFound'))
      throw new SigningError(
        `cannot watch on the certificate signing request: csr ${JSON.stringify(name)} was deleted`,
        'CSR_DELETED',
        error,
      );
    if (signal.aborted) throw error;
    deps.logger.warn('Reading the certificate signing request failed', { csr: name, err: error });
    return csr;
  }
}

function prefixed(prefix: string, error: unknown): unknown {
  if (!(error instanceof StatusError)) return error;
  return new StatusError({ ...error.status, message: `${prefix}: ${error.message}` }, { cause: error });
}
