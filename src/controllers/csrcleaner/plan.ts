import { isIssued } from '../../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';

const HOUR_MS = 3_600_000;
const DECIDED_KEPT_MS = HOUR_MS;
const PENDING_KEPT_MS = 24 * HOUR_MS;

/**
 * When the request is to be deleted, or undefined while something else has to happen first (pkg/controller/certificates/cleaner):
 * an hour after it was approved and issued, denied or failed; a day after it was filed when nobody decided; as soon as what was
 * issued has expired.
 *
 * @param certificateNotAfterMs the end of the issued certificate, when there is one and it can be read
 */
export function planDeletionMs(csr: V1CertificateSigningRequest, certificateNotAfterMs?: number): number | undefined {
  const due: number[] = [];
  const conditions = csr.status?.conditions ?? [];
  for (const { type, lastUpdateTime } of conditions) {
    const kept = type === 'Denied' || type === 'Failed' || (type === 'Approved' && isIssued(csr));
    if (kept && lastUpdateTime) due.push(Date.parse(lastUpdateTime) + DECIDED_KEPT_MS);
    if (type === 'Approved' && certificateNotAfterMs !== undefined) due.push(certificateNotAfterMs);
  }
  if (conditions.length === 0 && csr.metadata?.creationTimestamp)
    due.push(Date.parse(csr.metadata.creationTimestamp) + PENDING_KEPT_MS);
  return due.length > 0 ? Math.min(...due) : undefined;
}
