import type { V1CertificateSigningRequest } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { certificateSigningRequestColumns } from './certificate-signing-request-columns.ts';

export const certificateSigningRequestKind = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  resource: 'certificatesigningrequests',
  namespaced: false,
  shortNames: ['csr'],
  parts: [statusPart()],
  nameRule: 'path-segment',
  columns: certificateSigningRequestColumns,
  selectableFields: { 'spec.signerName': (object) => (object as unknown as V1CertificateSigningRequest).spec?.signerName ?? '' },
});
