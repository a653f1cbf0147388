import { CodedError } from '../coded-error.ts';

/** Bytes that are no message of the kind that they should be, or a value that cannot be written as one. */
export class ProtobufError extends CodedError {
  constructor(message: string, cause?: unknown) {
    super(`proto: ${message}`, { code: 'PROTOBUF_MALFORMED', cause });
    this.name = 'ProtobufError';
  }
}
