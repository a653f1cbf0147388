import { isDeepStrictEqual } from 'node:util';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import type { AdmissionPlugin, Authorizer } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';
import { mayUseSigner } from './signer-access.ts';

const REQUESTS = 'certificatesigningrequests.certificates.k8s.io';

/** Who approves or denies must be allowed to for the request's signer (plugin/pkg/admission/certificates/approval). */
export function createCertificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    handles: (attributes) => attributes.operation === 'UPDATE' && isAbout(attributes, REQUESTS, 'approval'),
    async validate(attributes) {
      const { signerName } = (attributes.oldObject as unknown as V1CertificateSigningRequest).spec;
      if (await mayUseSigner(authorizer, attributes.user, { verb: 'approve', signerName })) return;
      throw refuse(attributes, `user not permitted to approve requests with signerName "${signerName}"`);
    },
  };
}

/** Who puts a certificate or a failure into the status must be allowed to sign for the signer (plugin/pkg/admission/certificates/signing). */
export function createCertificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    handles: (attributes) => attributes.operation === 'UPDATE' && isAbout(attributes, REQUESTS, 'status'),
    async validate(attributes) {
      const before = attributes.oldObject as unknown as V1CertificateSigningRequest;
      const after = attributes.object as unknown as V1CertificateSigningRequest;
      const sameCertificate = (before.status?.certificate ?? '') === (after.status?.certificate ?? '');
      if (sameCertificate && isDeepStrictEqual(before.status?.conditions ?? [], after.status?.conditions ?? [])) return;
      const { signerName } = before.spec;
      if (await mayUseSigner(authorizer, attributes.user, { verb: 'sign', signerName })) return;
      throw refuse(attributes, `user not permitted to sign requests with signerName "${signerName}"`);
    },
  };
}
