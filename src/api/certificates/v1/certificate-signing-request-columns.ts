import type { V1CertificateSigningRequest } from '../../gen/types.ts';
import { ageColumn, NONE, nameColumn, orElse, textColumn } from '../../machinery/columns.ts';
import { humanDuration } from '../../machinery/human-duration.ts';
import type { Column } from '../../machinery/kind.ts';

/** `Pending`, `Approved,Issued`, `Denied`, `Approved,Failed`, … */
export function describeCondition({ status }: V1CertificateSigningRequest): string {
  const has = (type: string) => status?.conditions?.some((condition) => condition.type === type) ?? false;
  const words = [has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'];
  if (has('Failed')) words.push('Failed');
  if (status?.certificate) words.push('Issued');
  return words.join(',');
}

export const certificateSigningRequestColumns: readonly Column[] = [
  nameColumn,
  ageColumn,
  textColumn<V1CertificateSigningRequest>('SignerName', 'Who shall sign it.', ({ spec }) => orElse(spec.signerName, NONE)),
  textColumn<V1CertificateSigningRequest>('Requestor', 'Who asked for it.', ({ spec }) => spec.username ?? ''),
  textColumn<V1CertificateSigningRequest>('RequestedDuration', 'For how long it shall be valid.', ({ spec }) =>
    spec.expirationSeconds === undefined ? NONE : humanDuration(spec.expirationSeconds * 1000),
  ),
  textColumn<V1CertificateSigningRequest>('Condition', 'How far it got.', describeCondition),
];
