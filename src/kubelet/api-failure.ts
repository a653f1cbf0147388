import { StatusError } from '../api/machinery/status-error.ts';

/** OpenSSL's and node's codes of a server that is not who we trust; waiting does not heal that. */
const UNTRUSTED = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

const WRONG_CLOCK: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID: "the API server's certificate is not yet valid",
  CERT_HAS_EXPIRED: "the API server's certificate has expired",
};

export interface ApiFailure {
  /** Whether the same request may succeed later without anybody changing a file. */
  readonly passing: boolean;
  readonly message: string;
}

/** What a failed request means for a caller that could try again. */
export function judgeFailure(error: unknown, nowMs: number): ApiFailure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof StatusError) return { passing: error.code >= 500 || error.code === 429, message };
  const codes = codesOf(error);
  const untrusted = codes.find((code) => UNTRUSTED.has(code));
  if (untrusted) return { passing: false, message: `the API server's certificate is not trusted (${untrusted}): ${message}` };
  const clock = codes.find((code) => code in WRONG_CLOCK);
  if (clock)
    return {
      passing: true,
      message: `${WRONG_CLOCK[clock]} by this machine's clock (${new Date(nowMs).toISOString()}): ${message}`,
    };
  return { passing: true, message };
}

function codesOf(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error) || depth > 5) return [];
  const { code } = error as { code?: unknown };
  const inner = error instanceof AggregateError ? [...error.errors, error.cause] : [error.cause];
  return [...(typeof code === 'string' ? [code] : []), ...inner.flatMap((cause) => codesOf(cause, depth + 1))];
}
