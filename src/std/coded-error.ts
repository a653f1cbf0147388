export interface CodedErrorOptions {
  /** Stable, upper-case, for programs: `TOKEN_MALFORMED`. */
  code: string;
  /** Whether the same call may succeed later. Default false. */
  retryable?: boolean;
  cause?: unknown;
}

/** The base of Muster's own errors: a message for people that names the value that was wrong, and a code for programs. */
export class CodedError extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor(message: string, options: CodedErrorOptions) {
    super(message, { cause: options.cause });
    this.name = 'CodedError';
    this.code = options.code;
    this.retryable = options.retryable ?? false;
  }
}
