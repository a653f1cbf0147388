import { type Status, StatusError, type StatusReason } from '../api/machinery/status-error.ts';
import { CodedError } from '../std/coded-error.ts';

/** What was asked, for messages about answers that say nothing themselves. */
export interface RequestedThing {
  readonly verb: string;
  /** `nodes` or `certificatesigningrequests.certificates.k8s.io`; the path for requests outside the verbs. */
  readonly resource: string;
  readonly name?: string;
}

const GENERIC: Readonly<Record<number, { reason: StatusReason; message: string }>> = {
  400: { reason: 'BadRequest', message: 'the server rejected our request for an unknown reason' },
  401: { reason: 'Unauthorized', message: 'the server has asked for the client to provide credentials' },
  403: { reason: 'Forbidden', message: 'the server does not allow access to the requested resource' },
  404: { reason: 'NotFound', message: 'the server could not find the requested resource' },
  405: { reason: 'MethodNotAllowed', message: 'the server does not allow this method on the requested resource' },
  406: { reason: 'NotAcceptable', message: 'the server was unable to respond with a content type that the client supports' },
  409: { reason: 'Conflict', message: 'the server reported a conflict' },
  410: { reason: 'Gone', message: 'the requested resource is gone' },
  413: { reason: 'RequestEntityTooLarge', message: 'the request was too large for the server' },
  415: { reason: 'UnsupportedMediaType', message: 'the body of the request was in an unknown format' },
  422: { reason: 'Invalid', message: 'the server rejected our request due to an error in our request' },
  429: { reason: 'TooManyRequests', message: 'the server has received too many requests and has asked us to try again later' },
  503: { reason: 'ServiceUnavailable', message: 'the server is currently unable to handle the request' },
  504: { reason: 'Timeout', message: 'the server was unable to return a response in the time allotted' },
};

const MAX_QUOTED = 200;

/** The error of an answer with a status of 300 or more: its Status when it sent one, else upstream's words for the number. */
export function errorOfResponse(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
  asked: RequestedThing,
): StatusError {
  const sent = parseStatus(body);
  const retryAfterSeconds = Number.parseInt(headers['retry-after'] ?? '', 10);
  if (sent) {
    const details = retryAfterSeconds > 0 ? { retryAfterSeconds, ...sent.details } : sent.details;
    return new StatusError({ ...sent, code: sent.code ?? status, ...(details && { details }) });
  }
  const generic = GENERIC[status] ?? {
    reason: status >= 500 ? ('InternalError' as const) : ('' as const),
    message:
      status < 400
        ? redirected(headers['location'] ?? '')
        : `an error on the server (${quote(body) || `status ${status}`}) has prevented the request from succeeding`,
  };
  const what = `${asked.verb} ${asked.resource}${asked.name ? ` ${asked.name}` : ''}`;
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${generic.message} (${what})`,
    reason: generic.reason,
    details: {
      ...(asked.name && { name: asked.name }),
      kind: asked.resource,
      causes: [{ reason: 'UnexpectedServerResponse', message: quote(body) || 'unknown' }],
      ...(retryAfterSeconds > 0 && { retryAfterSeconds }),
    },
    code: status,
  });
}

const redirected = (location: string): string =>
  `the server leads elsewhere${location && `, to ${quote(location)}`}, which is not followed: name the address itself as the server`;

/** What `read` makes of an answer; where it is no JSON, as what stands between us and an API server may say, the error tells what was asked. */
export async function readAnswer<T>(text: string, asked: RequestedThing, read: (text: string) => T | Promise<T>): Promise<T> {
  try {
    return await read(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    // Never the text: an answer may be a Secret that was cut off.
    const what = `${asked.verb} ${asked.resource}${asked.name ? ` ${asked.name}` : ''}`;
    throw new CodedError(`the server's answer is no JSON (${what}, ${text.length} characters)`, {
      code: 'ANSWER_UNREADABLE',
      retryable: true,
    });
  }
}

function parseStatus(body: string): Status | undefined {
  if (!body.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(body) as Partial<Status> | null;
    return value?.kind === 'Status' && value.status === 'Failure' ? (value as Status) : undefined;
  } catch {
    return undefined; // an answer of something between us and the API server
  }
}

function quote(body: string): string {
  const text = body.trim();
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}
