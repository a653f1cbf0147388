import { CodedError } from '../../std/coded-error.ts';

/** Bytes that are no DNS message, or what cannot be made one. */
export class MessageError extends CodedError {
  constructor(message: string) {
    super(message, { code: 'DNS_MESSAGE_INVALID' });
    this.name = 'MessageError';
  }
}
