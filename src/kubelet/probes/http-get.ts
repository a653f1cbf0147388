import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { V1Container, V1HTTPGetAction } from '../../api/gen/types.ts';
import { request as requestHttp } from '../../std/http.ts';
import { KUBERNETES_MAJOR, KUBERNETES_MINOR } from '../../std/version.ts';
import { dialFailure, joinHostPort, resolveContainerPort } from './probe-target.ts';

/** What a probe or a hook asks over HTTP. */
export interface HttpGet {
  readonly scheme: 'http' | 'https';
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

export interface HttpAnswer {
  readonly status: number;
  /** Its first 10 kB. */
  readonly body: string;
}

const LARGEST_BODY = 10 * 1024;
const MOST_REDIRECTS = 10;
/** Go's client: who says `100 Continue` without end keeps the kubelet busy for as long as its pod lets the try take. */
const MOST_INTERIM_ANSWERS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * The request of an `httpGet` action. `purpose` is the last word of the User-Agent: `probe`, `lifecycle`.
 *
 * @throws Error when its port cannot be found
 */
export function httpGetOf(action: V1HTTPGetAction, container: V1Container, podIp: string, purpose: string): HttpGet {
  // By their names in lower case: a pod may have thousands of them, for each try.
  const headers = new Map<string, { readonly name: string; readonly values: string[] }>();
  for (const { name, value } of action.httpHeaders ?? []) {
    const known = headers.get(name.toLowerCase());
    if (known) known.values.push(value);
    else headers.set(name.toLowerCase(), { name, values: [value] });
  }
  if (!headers.has('user-agent'))
    headers.set('user-agent', { name: 'User-Agent', values: [`kube-${purpose}/${KUBERNETES_MAJOR}.${KUBERNETES_MINOR}`] });
  const accept = headers.get('accept');
  if (!accept) headers.set('accept', { name: 'Accept', values: ['*/*'] });
  else if (accept.values[0] === '') headers.delete('accept');
  return {
    scheme: action.scheme?.toLowerCase() === 'https' ? 'https' : 'http',
    host: action.host || podIp,
    port: resolveContainerPort(action.port, container),
    path: targetOf(action.path ?? ''),
    headers: Object.fromEntries([...headers.values()].map(({ name, values }) => [name, values])),
  };
}

/** As it goes on the wire: with a slash before it, without a fragment, nothing in it that HTTP forbids. */
function targetOf(path: string): string {
  const [wanted = ''] = path.split('#', 1);
  const escaped = wanted.replace(/[^\x21-\x7e]/gu, (c) => encodeURIComponent(c.isWellFormed() ? c : '\ufffd'));
  return escaped.startsWith('/') ? escaped : `/${escaped}`;
}

export function urlOf({ scheme, host, port, path }: HttpGet): string {
  return `${scheme}://${joinHostPort(host, port)}${path}`;
}

/**
 * Asks, following redirects on the same host (those to another are answered as they are), without looking at certificates and without
 * a proxy. Each try has a connection of its own.
 *
 * @throws Error in the words of Go's client: `Get "http://…": dial tcp …: connect: connection refused`
 */
export async function sendHttpGet(get: HttpGet, timeoutMs: number, setTimer: SetTimer): Promise<HttpAnswer> {
  const end = new AbortController();
  const timer = setTimer(timeoutMs, () => end.abort());
  try {
    let current = get;
    for (let redirects = 0; ; redirects++) {
      const { status, body, location } = await once(current, end.signal);
      const next = REDIRECTS.has(status) && location ? redirected(current, location) : undefined;
      if (!next || next.host !== get.host) return { status, body };
      if (redirects + 1 >= MOST_REDIRECTS) throw new Error(`Get "${urlOf(next)}": stopped after ${MOST_REDIRECTS} redirects`);
      current = next;
    }
  } finally {
    timer.cancel();
  }
}

export type SetTimer = (delayMs: number, fn: () => void) => { cancel(): void };

function redirected(from: HttpGet, location: string): HttpGet | undefined {
  const target = URL.parse(location, urlOf(from));
  if (!target || (target.protocol !== 'http:' && target.protocol !== 'https:')) return undefined;
  const scheme = target.protocol === 'https:' ? 'https' : 'http';
  const relative = !/^([a-z][a-z0-9+.-]*:)?\/\//i.test(location);
  // A Host of the probe's own goes on only to what is said to be on the same server.
  const headers = relative ? from.headers : withoutHost(from.headers);
  return {
    scheme,
    host: target.hostname.replace(/^\[|\]$/g, ''),
    port: Number(target.port) || (scheme === 'https' ? 443 : 80),
    path: target.pathname + target.search,
    headers,
  };
}

const withoutHost = (headers: HttpGet['headers']) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'host'));

function once(get: HttpGet, signal: AbortSignal): Promise<HttpAnswer & { readonly location?: string }> {
  const { scheme, host, port, path, headers } = get;
  const hostHeader = Object.entries(headers).find(([name]) => name.toLowerCase() === 'host')?.[1][0];
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer & { location?: string }>();
  const failed = (why: string) => reject(new Error(`Get "${urlOf(get)}": ${why}`));
  const options = {
    host,
    port,
    path,
    method: 'GET',
    agent: false as const,
    // As lenient as Go's client: lines may end without a carriage return. Each connection has one answer, so none is taken for another's.
    insecureHTTPParser: true,
    setHost: false,
    headers: { ...mutable(withoutHost(headers)), Host: hostHeader || hostOf(get), Connection: 'close' },
    signal,
  };
  let request: ClientRequest;
  try {
    request =
      scheme === 'https'
        ? requestHttps({ ...options, rejectUnauthorized: false, ...(isIP(host) === 0 && { servername: host }) })
        : requestHttp(options);
  } catch (error) {
    failed((error as Error).message);
    return promise;
  }
  request.on('error', (error) => {
    if (signal.aborted) failed('context deadline exceeded (Client.Timeout exceeded while awaiting headers)');
    else if ((error as NodeJS.ErrnoException).code === 'ECONNRESET' && error.message === 'socket hang up') failed('EOF');
    else if ((error as NodeJS.ErrnoException).syscall === undefined) failed(error.message);
    else failed(dialFailure(error, joinHostPort(host, port)));
  });
  // Nobody asked for another protocol: that is an answer as any other, without which the probe would wait for ever.
  request.on('upgrade', ({ statusCode = 0 }, socket) => {
    socket.destroy();
    resolve({ status: statusCode, body: '' });
  });
  let interim = 0;
  request.on('information', () => {
    if (++interim > MOST_INTERIM_ANSWERS) request.destroy(new Error('net/http: too many 1xx informational responses'));
  });
  request.on('response', (response) => {
    readStart(response).then(
      (body) => {
        request.destroy();
        resolve({
          status: response.statusCode ?? 0,
          body,
          ...(response.headers.location && { location: response.headers.location }),
        });
      },
      (error: Error) =>
        reject(
          new Error(
            signal.aborted
              ? 'context deadline exceeded (Client.Timeout or context cancellation while reading body)'
              : error.message,
            { cause: error },
          ),
        ),
    );
  });
  request.end();
  return promise;
}

const mutable = (headers: HttpGet['headers']) =>
  Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, [...values]]));

function hostOf({ scheme, host, port }: HttpGet): string {
  const standard = scheme === 'https' ? 443 : 80;
  return port === standard && !host.includes(':') ? host : joinHostPort(host, port);
}

async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= LARGEST_BODY) break;
  }
  return Buffer.concat(chunks).subarray(0, LARGEST_BODY).toString();
}
