import type { V1APIService } from '../../api/gen/types.ts';
import { serviceUnavailable } from '../../api/machinery/status-error.ts';
import type { Transport, TransportRequest, TransportResponse } from '../../client/transport/transport.ts';
import { TransportError } from '../../client/transport/transport-error.ts';
import type { RequestContext, ServerResponse } from '../contracts.ts';
import { forwardedFor } from '../proxying/passed-headers.ts';
import { sendText } from '../response/send.ts';
import { proxiedHeaders } from './request-headers.ts';

const BODY_LIMIT_BYTES = 32 * 1024 * 1024;
const NOT_PASSED_BACK: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'trailer',
  'audit-id',
]);

export interface ProxyTarget {
  readonly transport: Transport;
  readonly service: V1APIService;
}

/** Passes a request on to an extension server and its answer back, chunk by chunk, no faster than the receiver reads. */
export async function proxyRequest(
  { transport }: ProxyTarget,
  context: RequestContext,
  response: ServerResponse,
  {
    rejectRedirects,
    isFrontProxyHeader,
  }: { readonly rejectRedirects: boolean; readonly isFrontProxyHeader: (name: string) => boolean },
): Promise<void> {
  const { request, user, auditId } = context;
  const { headers, repeatedHeaders } = proxiedHeaders(request.headers, user, isFrontProxyHeader);
  if (auditId) headers['audit-id'] = auditId;
  headers['x-forwarded-for'] = forwardedFor(request);
  headers['x-forwarded-proto'] = 'https';
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
  const body = hasBody ? await request.readBody(BODY_LIMIT_BYTES) : undefined;
  const path = request.uri ?? `${encodeURI(request.path)}${request.query.size ? `?${request.query}` : ''}`;
  const sent = { method: request.method, path, headers, repeatedHeaders, signal: request.signal, ...(body?.length && { body }) };
  const answer = await sendAgainWhenLost(transport, sent).catch((error: Error) => {
    throw serviceUnavailable(`error trying to reach service: ${error.message}`);
  });
  if (rejectRedirects && answer.status >= 300 && answer.status < 400 && answer.headers['location'] !== undefined) {
    await drain(answer.body);
    return sendText(response, 502, 'the backend attempted to redirect this request, which is not permitted\n');
  }
  const passed = Object.entries(answer.headers).filter(([name]) => !NOT_PASSED_BACK.has(name) && !name.startsWith(':'));
  response.writeHead(answer.status, Object.fromEntries(passed));
  response.write(''); // a watch's client shall see the head before the first event
  for await (const chunk of answer.body) {
    if (!response.write(chunk)) await response.drained();
    if (request.signal.aborted) break;
  }
  response.end();
}

/** So many kept connections may have been closed by their server in the moment in which they are used again. */
const MOST_LOST = 4;

/** As Go's http.Transport: a read whose connection is lost before the answer begins goes to another one, at once. */
async function sendAgainWhenLost(transport: Transport, request: TransportRequest): Promise<TransportResponse> {
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  for (let lost = 0; ; lost++) {
    try {
      return await transport.request(request);
    } catch (error) {
      const interrupted = error instanceof TransportError && error.code === 'TRANSPORT_INTERRUPTED';
      if (!interrupted || lost >= MOST_LOST || !(isRead || error.unsent)) throw error;
    }
  }
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body) return;
}
