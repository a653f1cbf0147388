import { CodedError } from '../coded-error.ts';

/** By number, as Go prints them: https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const NAMES = [
  ...['OK', 'Canceled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound', 'AlreadyExists', 'PermissionDenied'],
  ...['ResourceExhausted', 'FailedPrecondition', 'Aborted', 'OutOfRange', 'Unimplemented', 'Internal', 'Unavailable', 'DataLoss'],
  'Unauthenticated',
] as const;

export type GrpcStatus = (typeof NAMES)[number];

/** A call that failed, in the words that Go's clients use: `rpc error: code = NotFound desc = …`. `code` is `GRPC_<STATUS>`. */
export class GrpcError extends CodedError {
  readonly status: GrpcStatus;
  /** What the server said. */
  readonly detail: string;

  constructor(status: GrpcStatus, detail: string, cause?: unknown) {
    super(`rpc error: code = ${status} desc = ${detail}`, {
      code: `GRPC_${status.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase()}`,
      retryable: status === 'Unavailable' || status === 'DeadlineExceeded' || status === 'Aborted',
      cause,
    });
    this.name = 'GrpcError';
    this.status = status;
    this.detail = detail;
  }
}

/** The name of a status by its number; `Unknown` for numbers that mean nothing. */
export function grpcStatusName(code: number): GrpcStatus {
  return NAMES[code] ?? 'Unknown';
}

export function isGrpcStatus(error: unknown, ...statuses: readonly GrpcStatus[]): error is GrpcError {
  return error instanceof GrpcError && statuses.includes(error.status);
}
