import { hasCondition, isIssued } from '../../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';

const MINUTE_MS = 60_000;
/** Certificates begin to be valid a little before they are issued, for clocks that are slow. */
const BACKDATE_MS = 5 * MINUTE_MS;
/** Below this lifetime the backdating is not taken off the end. */
const SHORT_LIFETIME_MS = 8 * 60 * MINUTE_MS;
const MIN_REQUESTED_MS = 10 * MINUTE_MS;

/** Whether the request is approved and waits for its certificate. */
export function awaitsCertificate(csr: V1CertificateSigningRequest): boolean {
  return (
    hasCondition(csr, 'Approved') &&
    !hasCondition(csr, 'Denied') &&
    !hasCondition(csr, 'Failed') &&
    !isIssued(csr) &&
    !csr.metadata?.deletionTimestamp
  );
}

export interface ValidityInput {
  nowMs: number;
  /** The signer's own duration: no certificate is valid for longer. */
  signingDurationMs: number;
  /** `spec.expirationSeconds`. Less than ten minutes counts as ten. */
  expirationSeconds?: number;
  /** The end of the authority's certificate, which none of its certificates outlives. */
  authorityNotAfterMs: number;
}

/**
 * From when until when a certificate is to be valid, as upstream's signer decides it (pkg/controller/certificates/authority/policies.go):
 * whole seconds, since certificates hold no fractions.
 */
export function planValidity(input: ValidityInput): { notBeforeMs: number; notAfterMs: number } {
  const { signingDurationMs, expirationSeconds } = input;
  const requestedMs = expirationSeconds === undefined ? signingDurationMs : Math.max(expirationSeconds * 1000, MIN_REQUESTED_MS);
  const lifetimeMs = Math.min(requestedMs, signingDurationMs);
  const nowMs = Math.floor(input.nowMs / 1000) * 1000;
  const endMs = nowMs + (lifetimeMs < SHORT_LIFETIME_MS ? lifetimeMs : lifetimeMs - BACKDATE_MS);
  return { notBeforeMs: nowMs - BACKDATE_MS, notAfterMs: Math.min(endMs, input.authorityNotAfterMs) };
}
