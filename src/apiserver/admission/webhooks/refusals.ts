/** What clients are told when a webhook refuses, or cannot be asked (apiserver/pkg/admission/plugin/webhook/errors). */
import { badRequest, internalError, type Status, StatusError } from '../../../api/machinery/status-error.ts';

/** A webhook said no. */
export function refusedBy(webhook: string, result: Partial<Status> = {}): StatusError {
  const denied = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const why = result.message || result.reason;
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    ...result,
    // Success is no way to refuse.
    status: result.status && result.status !== 'Success' ? result.status : 'Failure',
    message: why ? `${denied}: ${why}` : `${denied} without explanation`,
    code: Math.min(Math.max(result.code ?? 0, 400), 599),
  });
}

export const dryRunUnsupported = (webhook: string) =>
  badRequest(`admission webhook ${JSON.stringify(webhook)} does not support dry run`);

/** The request's own time was up before a webhook was asked. */
export const requestTimedOut = () =>
  new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Timeout: request did not complete within requested timeout',
    reason: 'Timeout',
    details: {},
    code: 504,
  });

const UNAVAILABLE = 503;

/** A webhook could not be asked, or its answer is none: what its failure policy is about. */
export class CallFailure extends Error {
  readonly webhook: string;
  /** As metrics have it; clients are told 500. */
  readonly code: number;
  constructor(webhook: string, why: string, { code = UNAVAILABLE, ...options }: ErrorOptions & { readonly code?: number } = {}) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${why}`, options);
    this.webhook = webhook;
    this.code = code;
  }
  asStatus(): StatusError {
    return internalError(this.message);
  }
}
