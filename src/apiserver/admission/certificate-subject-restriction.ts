import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { parseSpecRequest } from '../../pki/certificate-request.ts';
import { MASTERS } from '../authentication/identities.ts';
import type { AdmissionPlugin } from '../contracts.ts';
import { isAbout, refuse } from './refusal.ts';

const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

/** Nobody gets into `system:masters` by a certificate (plugin/pkg/admission/certificates/subjectrestriction). */
export function createCertificateSubjectRestriction(): AdmissionPlugin {
  return {
    name: 'CertificateSubjectRestriction',
    handles: (attributes) =>
      attributes.operation === 'CREATE' && isAbout(attributes, 'certificatesigningrequests.certificates.k8s.io'),
    async validate(attributes) {
      const { spec } = attributes.object as unknown as V1CertificateSigningRequest;
      if (spec.signerName !== CLIENT_SIGNER) return;
      if (organizationsOf(attributes, spec.request).includes(MASTERS)) {
        throw refuse(attributes, `use of ${CLIENT_SIGNER} signer with ${MASTERS} group is not allowed`);
      }
    },
  };
}

function organizationsOf(attributes: Parameters<typeof refuse>[0], request: string): readonly string[] {
  try {
    return parseSpecRequest(request).organizations;
  } catch (error) {
    throw refuse(attributes, `unable to parse CSR: ${(error as Error).message}`);
  }
}
