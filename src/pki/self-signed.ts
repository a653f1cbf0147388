import { writeCertificate } from './certificate-writer.ts';
import { generatePrivateKey } from './keys.ts';
import { formatPem } from './pem.ts';

export interface SelfSignedOptions {
  commonName: string;
  dnsNames?: readonly string[];
  ipAddresses?: readonly string[];
  notBeforeMs: number;
  notAfterMs: number;
}

/** A serving certificate that vouches for itself, as a kubelet or API server makes one when it was given none. */
export async function createSelfSigned(options: SelfSignedOptions): Promise<{ certificatePem: string; privateKeyPem: string }> {
  const key = await generatePrivateKey();
  const der = await writeCertificate(
    {
      ...options,
      publicKeyDer: key.publicKeyDer,
      usages: ['digital signature', 'key encipherment', 'server auth'],
    },
    key.keyObject,
  );
  return { certificatePem: formatPem('CERTIFICATE', der), privateKeyPem: key.pem };
}
