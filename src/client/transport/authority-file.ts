import { readFileSync } from 'node:fs';
import { parseCertificates } from '../../pki/certificate.ts';

/**
 * Authorities of a file that is read again for each connection, so that a rotation needs no restart (client-go/transport/ca_rotation.go).
 * While it is gone, empty or half written, what was good before goes on.
 *
 * @param pem what it held when it was read first
 */
export function createAuthorityFile(path: string, pem: string): () => string {
  let last = pem;
  return () => {
    try {
      const newer = readFileSync(path, 'utf8');
      if (newer !== last && parseCertificates(newer).length > 0) last = newer;
    } catch {
      // The old ones may still be good, and the connection says so when they are not.
    }
    return last;
  };
}

/** The same for what a kubeconfig's context says: embedded authorities stay as they are. */
export const authorityOf = ({ caPem, caFile }: { readonly caPem?: string; readonly caFile?: string }) =>
  caPem !== undefined && caFile !== undefined ? createAuthorityFile(caFile, caPem) : caPem;
