import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { leadsToAuthority } from '../../pki/lead-to-authority.ts';

type Shown = Pick<TLSSocket, 'authorized' | 'authorizationError' | 'getPeerCertificate'>;

/** Nobody's chain is longer. */
const LONGEST_CHAIN = 8;

/**
 * Why what the other side of a connection has shown leads to none of the authorities, in OpenSSL's code for it; undefined when it does. OpenSSL's yes
 * counts; where it finds no way, Go's is tried, which clients and webhooks of Kubernetes were made for. Names are not looked at.
 *
 * @param socket of a connection with `rejectUnauthorized: false`, whose handshake is over
 * @param caPem what OpenSSL was given; undefined: the authorities of the system, by which it alone judges
 */
export function distrustOf(socket: Shown, caPem: string | undefined, purpose: 'client auth' | 'server auth'): string | undefined {
  if (socket.authorized) return undefined;
  // Node has an error here, whatever its types say.
  const complaint: unknown = socket.authorizationError;
  const code = String((complaint as NodeJS.ErrnoException | null)?.code ?? complaint ?? 'unknown');
  const leaf = socket.getPeerCertificate(true);
  if (caPem === undefined || !leaf?.raw) return code;
  const trusted = leadsToAuthority({ leaf: leaf.raw, between: chainOf(leaf), authoritiesPem: caPem, purpose, nowMs: Date.now() });
  return trusted ? undefined : code;
}

/** What a side has shown besides its own certificate, in DER, the issuer of each behind it. */
export function chainOf(leaf: DetailedPeerCertificate | undefined): Buffer[] {
  const chain: Buffer[] = [];
  let issuer = leaf?.issuerCertificate;
  // A root is its own issuer.
  for (let last = leaf; issuer?.raw && issuer !== last && chain.length < LONGEST_CHAIN; issuer = issuer.issuerCertificate) {
    chain.push(issuer.raw);
    last = issuer;
  }
  return chain;
}
