import type { TLSSocket } from 'node:tls';
import { chainOf, distrustOf } from '../../client/transport/distrust.ts';
import type { CertificateJudge } from '../../pki/judge-by-clock.ts';
import type { PeerCertificate } from '../contracts.ts';

/** What a TLS connection says of its client. */
export interface Peer {
  readonly address: string;
  readonly certificate?: PeerCertificate;
  /** Why a certificate that was presented counts for nothing. */
  readonly error?: string;
}

type Subject = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Reads the client's certificate off a connection.
 *
 * @param clientCaPem what it must lead to
 * @param judge whose judgement counts instead
 */
export function peerOf(
  socket: Pick<
    TLSSocket,
    'authorized' | 'authorizationError' | 'getPeerCertificate' | 'getPeerX509Certificate' | 'remoteAddress'
  >,
  clientCaPem: string | undefined,
  judge?: CertificateJudge,
): Peer {
  const address = socket.remoteAddress ?? '';
  const opened = socket.getPeerX509Certificate();
  if (!opened) return { address };
  const certificate = opened.toLegacyObject();
  const error = judge ? complaintOf(certificate.raw, judge) : distrustOf(socket, clientCaPem, 'client auth');
  if (error !== undefined) return { address, error };
  const subject = certificate.subject as unknown as Subject;
  return {
    address,
    certificate: {
      raw: certificate.raw,
      commonName: many(subject['CN']).at(-1) ?? '',
      organizations: many(subject['O']),
      organizationalUnits: many(subject['OU']),
      notAfterMs: Date.parse(certificate.valid_to),
      opened,
      chain: () => chainOf(socket.getPeerCertificate(true)),
    },
  };
}

function many(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

/** Whatever a stranger's bytes make the parser say counts against them. */
function complaintOf(raw: Buffer, judge: CertificateJudge): string | undefined {
  try {
    return judge(raw);
  } catch (error) {
    return (error as Error).message;
  }
}
