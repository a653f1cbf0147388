import { badRequest, internalError, StatusError, type StatusReason } from '../../api/machinery/status-error.ts';

/** A node must not fill our memory (registry/generic/rest/response_checker.go). */
const LONGEST_TEXT_BYTES = 50_000;

/** Reason and sentence of apimachinery's NewGenericServerResponse; where no sentence stands, the server's own words are kept. */
const KNOWN: Readonly<Record<number, readonly [StatusReason, string?]>> = {
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  403: ['Forbidden'],
  404: ['NotFound', 'the server could not find the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  409: ['Conflict', 'the server reported a conflict'],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  429: ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', 'the server was unable to return a response in the time allotted, but may still be processing the request'],
};

/** What a kubelet's failure to give a log is told as. Reads its body up to a limit. */
export async function kubeletFailure(body: AsyncIterable<Uint8Array>, code: number, name: string): Promise<StatusError> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= LONGEST_TEXT_BYTES) break;
  }
  const text = Buffer.concat(chunks).subarray(0, LONGEST_TEXT_BYTES).toString('utf8');
  if (code === 500) return internalError(text);
  if (code === 400) return badRequest(text);
  const [reason, sentence] = KNOWN[code] ?? otherFailure(code, text);
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `${sentence ?? text} ( pods/log ${name})`,
    reason,
    details: { name, kind: 'pods/log' },
    code,
  });
}

function otherFailure(code: number, text: string): readonly [StatusReason, string] {
  if (code < 500) return ['', `the server responded with the status code ${code} but did not return more information`];
  return ['InternalError', `an error on the server (${JSON.stringify(text)}) has prevented the request from succeeding`];
}
