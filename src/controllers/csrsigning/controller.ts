import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { withCondition } from '../../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { type CertificateRequest, parseSpecRequest } from '../../pki/certificate-request.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Component } from '../../std/lifecycle.ts';
import { SIGNER_RULES } from '../csr/request-rules.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { awaitsCertificate, planValidity } from './plan.ts';
import type { AuthoritySource } from './signing-material.ts';

/** How `CertificateRequest` begins another common name. */
const COMMON_NAME = '2.5.4.3=';

export interface CsrSigningOptions {
  /** By signer name. A signer that has none does not run: what is approved for it waits. */
  authorities: Readonly<Partial<Record<string, AuthoritySource>>>;
  /** The longest that a certificate is valid. */
  signingDurationMs: number;
}

/**
 * Issues certificates for approved requests, for those of the built-in signers that were given an authority. A request that breaks its
 * signer's rules becomes Failed with the reason.
 */
export function createCsrSigningController(context: ControllerContext, options: CsrSigningOptions): Component {
  const { client, informers, clock, logger } = context;
  const csrs = informers.of<V1CertificateSigningRequest>(certificateSigningRequestKind);

  const issue = async (csr: V1CertificateSigningRequest, request: CertificateRequest, authoritySource: AuthoritySource) => {
    const authority = await authoritySource();
    const nowMs = clock.now();
    if (authority.notAfterMs <= nowMs)
      throw new CodedError(`the signer has expired: NotAfter=${new Date(authority.notAfterMs).toISOString()}`, {
        code: 'SIGNER_EXPIRED',
        retryable: true,
      });
    const { subjectDer, commonName, organizations, dnsNames, ipAddresses, emailAddresses, uris, publicKeyDer } = request;
    const { signingDurationMs } = options;
    const validity = planValidity({
      nowMs,
      signingDurationMs,
      expirationSeconds: csr.spec.expirationSeconds,
      authorityNotAfterMs: authority.notAfterMs,
    });
    const names = { subjectDer, commonName, organizations, dnsNames, ipAddresses, emailAddresses, uris };
    return authority.issue({ ...names, publicKeyDer, usages: csr.spec.usages ?? [], ...validity });
  };

  const reconcile = async (name: string, signal: AbortSignal): Promise<void> => {
    const csr = csrs.get(name);
    if (!csr || !awaitsCertificate(csr)) return;
    const authority = options.authorities[csr.spec.signerName];
    const rule = SIGNER_RULES[csr.spec.signerName];
    if (!authority || !rule) return;
    const checked = await checkRequest(csr, rule);
    const requests = client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
    if ('wrong' in checked) {
      logger.warn('Refused to sign certificate signing request', { csr: name, signer: csr.spec.signerName, why: checked.wrong });
      const failure = { type: 'Failed', reason: 'SignerValidationFailure', message: checked.wrong, nowMs: clock.now() } as const;
      await unlessReason(requests.update(withCondition(csr, failure), { subresource: 'status', signal }), 'NotFound');
      return;
    }
    const certificate = Buffer.from(await issue(csr, checked.request, authority)).toString('base64');
    const issued = { ...csr, status: { ...csr.status, certificate } };
    if (await unlessReason(requests.update(issued, { subresource: 'status', signal }), 'NotFound'))
      logger.debug(2, 'Issued certificate', { csr: name, signer: csr.spec.signerName, requestor: csr.spec.username });
  };

  const loop = new Reconciler({
    name: context.name,
    reconcile,
    clock,
    logger,
    metrics: context.metrics,
    workers: 16,
    initialBackoffMs: 200,
    maxBackoffMs: 60_000,
  });
  return createController(context, {
    sources: [
      source(csrs, (csr, change) => {
        if (change.type !== 'deleted' && awaitsCertificate(csr)) loop.add(keyOf(csr));
      }),
    ],
    loops: [loop],
  });
}

/** The request when it can be read, is signed by its own key, and keeps to the signer's rules; else what is wrong with it. */
async function checkRequest(
  csr: V1CertificateSigningRequest,
  rule: (typeof SIGNER_RULES)[string],
): Promise<{ request: CertificateRequest } | { wrong: string }> {
  let request: CertificateRequest;
  try {
    request = parseSpecRequest(csr.spec.request);
  } catch (error) {
    return { wrong: `unable to parse csr "${csr.metadata?.name}": ${(error as Error).message}` };
  }
  const wrong = rule(request, csr.spec.usages ?? []) ?? checkSubject(request);
  if (wrong) return { wrong };
  if (!(await request.verifySignature())) return { wrong: 'unable to verify certificate request signature' };
  return { request };
}

/**
 * The subject is carried over to the letter. Several common names are not: readers do not agree which one counts, and so whose
 * certificate it would be.
 */
function checkSubject({ otherSubjectAttributes }: CertificateRequest): string | undefined {
  const ambiguous = otherSubjectAttributes.some((attribute) => attribute.startsWith(COMMON_NAME));
  return ambiguous ? 'subject has more than one common name' : undefined;
}
