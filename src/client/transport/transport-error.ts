import { CodedError } from '../../std/coded-error.ts';

export type TransportFailure =
  /** No connection: refused, no such host, no route, time out. */
  | 'TRANSPORT_CONNECT'
  /** One side refused the other's certificate, or could not agree on TLS. */
  | 'TRANSPORT_TLS'
  /** The connection ended while the answer was awaited or read. */
  | 'TRANSPORT_INTERRUPTED'
  /** `close({ final: true })` was called before. */
  | 'TRANSPORT_CLOSED';

/** Why there is no answer, or no whole one. The message names the server. */
export class TransportError extends CodedError {
  declare readonly code: TransportFailure;
  /** True when the server cannot have begun with the request: any request may be sent again. */
  readonly unsent: boolean;

  constructor(message: string, options: { code: TransportFailure; unsent: boolean; cause?: unknown }) {
    super(message, { code: options.code, retryable: options.code !== 'TRANSPORT_CLOSED', cause: options.cause });
    this.name = 'TransportError';
    this.unsent = options.unsent;
  }
}

/** The words that Go, and so upstream's logs, have for what went wrong. */
const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EPIPE: 'broken pipe',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'i/o timeout',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'temporary failure in name resolution',
};

/** How OpenSSL calls what Go calls otherwise. */
const VERIFY_WORDS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate signed by unknown authority (self-signed)',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate signed by unknown authority (self-signed)',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate signed by unknown authority',
  CERT_SIGNATURE_FAILURE: 'certificate signed by unknown authority (its signature is wrong)',
  CERT_HAS_EXPIRED: 'certificate has expired',
  CERT_NOT_YET_VALID: 'certificate is not yet valid',
  INVALID_PURPOSE: 'certificate is not meant for a server',
};

/** OpenSSL's names of the alerts that the other side sent; which prefix depends on the alert and on OpenSSL's version. */
const TLS_ALERT = /^ERR_SSL_(?:TLSV1|TLSV13|SSLV3|SSL\/TLS)_ALERT_(\w+)$/;

/** What a failed TLS handshake is called: OpenSSL's own message names source files and ends its line. `undefined`: TLS did not fail. */
export function tlsFailure(error: unknown): string | undefined {
  const { code = '', message } = unwrap(error);
  return describeTls(code, message);
}

/** Turns what a socket, TLS or HTTP/2 reported into a TransportError. `connected`: the connection had been made before. */
export function toTransportError(error: unknown, server: string, connected: boolean): TransportError {
  if (error instanceof TransportError) return error;
  const { code = '', message } = unwrap(error);
  const tls = describeTls(code, message);
  if (tls) return new TransportError(`${server}: ${tls}`, { code: 'TRANSPORT_TLS', unsent: !connected, cause: error });
  const why = SYSTEM_WORDS[code] ?? message;
  if (connected) {
    const unsent = code === 'ERR_HTTP2_INVALID_SESSION' || code === 'ERR_HTTP2_GOAWAY_SESSION' || /REFUSED_STREAM/.test(message);
    return new TransportError(`${server}: connection lost: ${why}`, { code: 'TRANSPORT_INTERRUPTED', unsent, cause: error });
  }
  return new TransportError(`${server}: cannot connect: ${why}`, { code: 'TRANSPORT_CONNECT', unsent: true, cause: error });
}

/** Several addresses tried (`localhost`) give an AggregateError; its first error says most. */
function unwrap(error: unknown): { code?: string; message: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return unwrap(error.errors[0]);
  if (error instanceof Error) return { code: (error as NodeJS.ErrnoException).code, message: error.message };
  return { message: String(error) };
}

function describeTls(code: string, message: string): string | undefined {
  const verify = VERIFY_WORDS[code];
  if (verify) return `tls: failed to verify certificate: x509: ${verify}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `tls: failed to verify certificate: x509: ${message}`;
  const alert = TLS_ALERT.exec(code)?.[1];
  if (alert) return `remote error: tls: ${alert.toLowerCase().replaceAll('_', ' ')}`;
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_'))
    return `tls: ${code.slice(4).toLowerCase().replaceAll('_', ' ')}`;
  return undefined;
}
