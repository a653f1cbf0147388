import type { IncomingMessage } from 'node:http';
import { serviceUnavailable } from '../../api/machinery/status-error.ts';
import { request as httpRequest } from '../../std/http.ts';
import type { ServerRequest, ServerResponse } from '../contracts.ts';
import { type Backend, hostAndPort } from './backend.ts';
import type { BackendAgents } from './backend-agents.ts';
import { describeDialFailure } from './dial-failure.ts';
import { passedAnswerHeaders, passedRequestHeaders } from './passed-headers.ts';
import { encodePath, type ProxyLocation, rewriteLink } from './proxy-location.ts';
import { rewriteAnswer } from './rewrite-answer.ts';

const MOST_READ_BYTES = 32 * 1024 * 1024;
/** Who may read an answer is this server's to say. */
const OF_ORIGINS: ReadonlySet<string> = new Set([
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
]);

/**
 * Passes a request on and its answer back, both as they come and no faster than they are read
 * (apimachinery/pkg/util/proxy/upgradeaware.go). Links in headers and HTML are made to lead back here.
 *
 * @throws StatusError 503 when the backend does not answer
 */
export async function proxyRequest(
  agents: BackendAgents,
  { backend, location, caller }: { readonly backend: Backend; readonly location: ProxyLocation; readonly caller?: string },
  request: ServerRequest,
  response: ServerResponse,
): Promise<void> {
  const { method, signal } = request;
  if (location.path === '' && (method === 'GET' || method === 'HEAD')) {
    // Relative links of the first page would lead beside it.
    response.writeHead(301, { location: `${encodePath(location.prefix)}/${location.query}`, 'content-length': '0' });
    return response.end();
  }
  const host = hostAndPort(backend);
  const place = agents.enter(backend, caller);
  try {
    const answer = await ask(
      place.agent,
      { method, path: `${encodePath(location.path) || '/'}${location.query}`, host },
      request,
      location.prefix,
    ).catch((error: unknown) => {
      signal.throwIfAborted();
      throw serviceUnavailable(`error trying to reach service: ${describeDialFailure(error, backend)}`);
    });
    const abort = () => answer.destroy();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await sendAnswer(answer, { method, prefix: location.prefix, hosts: [host, request.headers['host'] ?? ''] }, response);
    } finally {
      signal.removeEventListener('abort', abort);
      answer.destroy();
    }
  } finally {
    place.leave();
  }
}

async function ask(
  agent: ReturnType<BackendAgents['enter']>['agent'],
  { method, path, host }: { readonly method: string; readonly path: string; readonly host: string },
  request: ServerRequest,
  prefix: string,
): Promise<IncomingMessage> {
  const { signal, headers, bodyStream } = request;
  const isReading = method === 'GET' || method === 'HEAD';
  // By HTTP/2 a body need not be announced.
  const hasBody = !isReading || headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  const whole = hasBody && bodyStream === undefined ? await request.readBody(MOST_READ_BYTES) : undefined;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const asking = httpRequest({
      agent,
      method,
      path,
      // Go's client, too, takes lines that end without a carriage return; each connection serves one caller of one backend.
      insecureHTTPParser: true,
      headers: {
        ...passedRequestHeaders(request),
        host,
        'x-forwarded-uri': `${encodePath(prefix)}${path.split('?', 1)[0]}`,
        ...(whole && { 'content-length': String(whole.length) }),
        // Without a length the client's chunks go on as chunks.
        ...(hasBody && !whole && headers['content-length'] === undefined && { 'transfer-encoding': 'chunked' }),
      },
    });
    const abort = () => asking.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    asking.on('error', reject);
    asking.once('close', () => signal.removeEventListener('abort', abort));
    asking.once('response', (answer) => {
      const odd = oddHeader(answer);
      if (odd === undefined) return resolve(answer);
      answer.destroy();
      reject(new Error(`net/http: HTTP/1.x transport connection broken: malformed MIME header line: ${odd}`));
    });
    asking.once('upgrade', (answer, socket) => {
      socket.destroy();
      const protocol = JSON.stringify(answer.headers.upgrade ?? '');
      reject(new Error(`backend tried to switch protocol ${protocol} when "" was requested`));
    });
    if (hasBody && bodyStream) {
      const body = request.bodyStream!();
      body.once('error', (error) => asking.destroy(error));
      body.once('close', () => !body.readableEnded && asking.destroy(new Error('the client went away')));
      body.pipe(asking);
    } else asking.end(whole);
  });
}

/** The name of a header that has characters in its value that none may have: the parser that takes bare lines lets them through. */
const oddHeader = ({ rawHeaders }: IncomingMessage): string | undefined => {
  const at = rawHeaders.findIndex((text, i) => i % 2 === 1 && !/^[\t\x20-\x7e\x80-\xff]*$/.test(text));
  return at < 0 ? undefined : rawHeaders[at - 1];
};

async function sendAnswer(
  answer: IncomingMessage,
  { method, prefix, hosts }: { readonly method: string; readonly prefix: string; readonly hosts: readonly string[] },
  response: ServerResponse,
): Promise<void> {
  const headers = passedAnswerHeaders(answer.headersDistinct);
  for (const name of OF_ORIGINS) delete headers[name];
  const redirect = headers['location']?.[0];
  if (redirect) headers['location'] = [rewriteLink(redirect, prefix, hosts)];
  const bodyless = method === 'HEAD' || answer.statusCode === 204 || answer.statusCode === 304;
  const body = redirect || bodyless ? answer : rewriteAnswer(answer, headers, (link) => rewriteLink(link, prefix, hosts));
  response.writeHead(answer.statusCode ?? 502, headers);
  await pourBody(body, response);
}

/** Sends what comes, as it comes, to its end. Rejects when it is cut short. */
export async function pourBody(body: AsyncIterable<Uint8Array>, response: ServerResponse): Promise<void> {
  response.write(''); // the client shall see the head before the first byte of a stream
  for await (const chunk of body) if (!response.write(chunk)) await response.drained();
  response.end();
}
