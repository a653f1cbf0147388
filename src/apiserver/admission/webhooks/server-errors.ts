/** What client-go makes of an answer that is no success (apimachinery/pkg/api/errors, client-go/rest). */
import { isJsonMap } from '../../../api/machinery/clone.ts';
import type { Status } from '../../../api/machinery/status-error.ts';
import { parseExactJson } from '../../../std/exact-json.ts';

const SHOWN_BODY = 2048;
const LAST_SUCCESS = 206;

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** A webhook's server answered, and not with a success. */
export class ServerError extends Error {
  /** HTTP's, or what the Status in the body says. */
  readonly code: number;
  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

export const isSuccess = (status: number): boolean => status >= 200 && status <= LAST_SUCCESS;

export function serverError({ status, contentType, text }: HttpAnswer): ServerError {
  const said = statusIn(text);
  if (said) return new ServerError(said.message ?? '', said.code ?? 0);
  return new ServerError(generic(status, isText(contentType) ? text.slice(0, SHOWN_BODY).trim() : 'unknown'), status);
}

/** A body that does not say what it is counts as a Status. */
function statusIn(text: string): Partial<Status> | undefined {
  let body: unknown;
  try {
    body = parseExactJson(text);
  } catch {
    return undefined; // it is shown as the text that it is
  }
  if (!isJsonMap(body)) return undefined;
  const { kind = 'Status', apiVersion = 'v1', status, message = '', code = 0 } = body;
  if (kind !== 'Status' || apiVersion !== 'v1' || status !== 'Failure') return undefined;
  return typeof message === 'string' && Number.isInteger(code) ? { message, code: code as number } : undefined;
}

const isText = (contentType: string) => contentType === '' || /^\s*text\//i.test(contentType);

const WORDS: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  409: 'the server reported a conflict',
  422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
};

function generic(status: number, said: string): string {
  if (status === 403 || status === 415) return said;
  if (status === 406)
    return said && said !== 'unknown' ? said : 'the server was unable to respond with a content type that the client supports';
  if (WORDS[status]) return WORDS[status];
  if (status >= 500) return `an error on the server (${JSON.stringify(said)}) has prevented the request from succeeding`;
  return `the server responded with the status code ${status} but did not return more information`;
}
