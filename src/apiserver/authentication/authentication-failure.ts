import { CodedError } from '../../std/coded-error.ts';

/** Credentials that are this authenticator's and bad. The message is for the server's log; the caller hears only "Unauthorized". */
export class AuthenticationFailure extends CodedError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, { code: 'UNAUTHENTICATED', ...options });
    this.name = 'AuthenticationFailure';
  }
}

/** One failure for those of several authenticators. */
export function joinFailures(failures: readonly unknown[]): unknown {
  if (failures.length === 1) return failures[0];
  const texts = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)));
  return new AuthenticationFailure(`[${texts.join(', ')}]`, { cause: failures });
}
