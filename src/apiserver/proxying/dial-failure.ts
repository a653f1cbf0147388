import { type Backend, hostAndPort } from './backend.ts';

/** How Go names what the system reports. */
const CONNECT_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};
const READ_WORDS: Readonly<Record<string, string>> = { ECONNRESET: 'connection reset by peer', EPIPE: 'broken pipe' };

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Why a backend did not answer, in the words that Go's net and TLS have for it and that users know. */
export function describeDialFailure(error: unknown, backend: Backend): string {
  const at = hostAndPort(backend);
  for (let cause = error; cause instanceof Error; cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (UNKNOWN_AUTHORITY.has(code)) return 'x509: certificate signed by unknown authority';
    if (CONNECT_WORDS[code]) return `dial tcp ${at}: ${CONNECT_WORDS[code]}`;
    if (READ_WORDS[code]) return `read tcp ${at}: ${READ_WORDS[code]}`;
    if (code === 'ENOTFOUND') return `dial tcp: lookup ${backend.host}: no such host`;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (/cannot connect: no answer within/.test(message)) return `dial tcp ${at}: i/o timeout`;
  return message.replace(/^\S+: (cannot connect|connection lost): /, '');
}
