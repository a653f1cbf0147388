/** Asks webhooks over HTTPS; connections are kept for the next question (apiserver/pkg/util/webhook/client.go). */

import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AdmissionregistrationV1WebhookClientConfig as ClientConfig } from '../../../api/gen/types.ts';
import type { Dial } from '../../../client/transport/tls-connect.ts';
import { TransportError } from '../../../client/transport/transport-error.ts';
import { VerifyingAgent } from '../../../client/transport/verifying-agent.ts';
import type { Egress } from '../../egress/egress.ts';
import { type HttpAnswer, isSuccess, serverError } from './server-errors.ts';
import type { WebhookIdentity, WebhookUsers } from './webhook-users.ts';

/** Enough for the patch of an object of 3 MiB. */
const LARGEST_ANSWER = 8 * 1024 * 1024;
/** Agents of configurations that are gone fall out of the end. */
const MOST_AGENTS = 100;
/** A server that asks to be asked again later is, this often. */
const MOST_RETRIES = 10;
const LONGEST_WAIT_SECONDS = 86_400;
/** A question never waits longer. */
const LONGEST_CONNECT_MS = 30_000;
/** Connections to one webhook that wait for its next question, as client-go keeps them. */
const MOST_IDLE = 25;

/** Where a Service's connections go: `https://10.0.0.1:443`. Throws an Error with upstream's words. */
export type ResolveService = (namespace: string, name: string, port: number) => string;

export interface Question {
  readonly client: ClientConfig;
  readonly body: string;
  /** The webhook is told of it in whole seconds, rounded up. */
  readonly timeoutMs: number;
}

interface Target {
  /** As messages name it. */
  readonly url: URL;
  readonly host: string;
  readonly port: number;
  readonly servername: string | undefined;
}

interface Answered extends HttpAnswer {
  /** Says by being there that the question is to be asked again. */
  readonly retryAfterSeconds: number | undefined;
}

function answeredBy({ statusCode: status = 0, headers }: IncomingMessage, text: string): Answered {
  const after = headers['retry-after'] ?? '';
  const busy = (status === 429 || status >= 500) && /^\d{1,9}$/.test(after);
  return { status, contentType: headers['content-type'] ?? '', text, retryAfterSeconds: busy ? Number(after) : undefined };
}

const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

interface Addressed {
  readonly target: Target;
  readonly caBundle: string | undefined;
  readonly identity: WebhookIdentity | undefined;
}

/** What users are found by. */
const hostAndPort = ({ service }: ClientConfig, { host, port }: URL): string =>
  service ? `${service.name}.${service.namespace}.svc:${service.port ?? 443}` : port ? host : `${host}:443`;

function agentFor({ target: { host, port, servername }, caBundle, identity }: Addressed, dial: Dial | undefined): VerifyingAgent {
  const { cert, key } = identity?.certificate ?? {};
  const target = {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    connectTimeoutMs: LONGEST_CONNECT_MS,
    ...(dial && { dial }),
    ...(caBundle && { caPem: Buffer.from(caBundle, 'base64').toString('latin1') }),
    ...(servername && { tlsServerName: servername }),
  };
  return new VerifyingAgent(target, { ...(cert && { certificatePem: cert }), ...(key && { privateKeyPem: key }) }, MOST_IDLE);
}

/** Questions that are under way are answered; no connection waits for another. */
function retire(agent: VerifyingAgent): void {
  agent.keepsIdle = false;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

export class WebhookConnections {
  readonly #resolve: ResolveService;
  readonly #users: WebhookUsers | undefined;
  readonly #egress: Egress;
  readonly #agents = new Map<string, VerifyingAgent>();

  /** Without `users` webhooks are not told who asks. */
  constructor(resolve: ResolveService, users?: WebhookUsers, egress: Egress = {}) {
    this.#resolve = resolve;
    this.#users = users;
    this.#egress = egress;
  }

  /**
   * The answer's text. Rejects with an Error that says why there is none, as Go's client would: a ServerError where the server said so
   * itself.
   */
  async ask({ client, body, timeoutMs }: Question): Promise<string> {
    const address = `${addressOf(client)}?timeout=${Math.ceil(timeoutMs / 1000)}s`;
    const url = new URL(address);
    const named = (why: string, cause?: unknown) => new Error(`Post ${JSON.stringify(address)}: ${why}`, { cause });
    let target: Target;
    try {
      target = this.#target(client, url);
    } catch (error) {
      throw named((error as Error).message, error);
    }
    const signal = AbortSignal.timeout(Math.ceil(timeoutMs));
    const identity = await this.#users?.(hostAndPort(client, url));
    const sent = { target, caBundle: client.caBundle, identity };
    const answered = await this.#askUntilAnswered(sent, body, signal).catch((error: NodeJS.ErrnoException) => {
      throw named(signal.aborted ? 'context deadline exceeded' : failureText(error, target), error);
    });
    if (!isSuccess(answered.status)) throw serverError(answered);
    if (answered.text === '')
      throw new Error(`0-length response with status code: ${answered.status} and content type: ${answered.contentType}`);
    return answered.text;
  }

  /** Waits for as long as a server that is busy wants, and asks again. */
  async #askUntilAnswered(sent: Addressed, body: string, signal: AbortSignal): Promise<HttpAnswer> {
    for (let retries = 0; ; retries++) {
      const answered = await this.#post(sent, body, signal);
      const { retryAfterSeconds } = answered;
      if (retryAfterSeconds === undefined || retries === MOST_RETRIES) return answered;
      // No timer of Node's is longer than that; the time for the question is over long before.
      await sleep(Math.min(retryAfterSeconds, LONGEST_WAIT_SECONDS) * 1000, undefined, { signal });
    }
  }

  #target({ service }: ClientConfig, url: URL): Target {
    if (!service) {
      const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
      return { url, host, port: Number(url.port || 443), servername: undefined };
    }
    const found = new URL(this.#resolve(service.namespace, service.name, service.port ?? 443));
    return {
      url,
      host: found.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(found.port || 443),
      servername: `${service.name}.${service.namespace}.svc`,
    };
  }

  #agent(addressed: Addressed): VerifyingAgent {
    const { target, caBundle, identity } = addressed;
    const { host, port, url } = target;
    const key = `${host}:${port} ${url.host} ${caBundle ?? ''} ${identity?.connectionKey ?? ''}`;
    const known = this.#agents.get(key);
    if (known) {
      this.#agents.delete(key);
      this.#agents.set(key, known);
      return known;
    }
    // Only Services have a name of their own.
    const { cluster, controlPlane } = this.#egress;
    const agent = agentFor(addressed, target.servername === undefined ? controlPlane : cluster);
    this.#agents.set(key, agent);
    for (const [oldest, idle] of this.#agents) {
      if (this.#agents.size <= MOST_AGENTS) break;
      retire(idle);
      this.#agents.delete(oldest);
    }
    return agent;
  }

  #post(addressed: Addressed, body: string, signal: AbortSignal): Promise<Answered> {
    const { url, host, port } = addressed.target;
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          method: 'POST',
          host,
          port,
          path: url.pathname + url.search,
          headers: {
            host: url.host,
            'content-type': 'application/json',
            accept: 'application/json, */*',
            'user-agent': 'kube-apiserver-admission',
            'content-length': Buffer.byteLength(body),
            ...addressed.identity?.headers,
          },
          agent: this.#agent(addressed),
          signal,
        },
        (answer) => {
          const chunks: Buffer[] = [];
          let size = 0;
          answer.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > LARGEST_ANSWER) answer.destroy(new Error(`the answer is larger than ${LARGEST_ANSWER} bytes`));
            else chunks.push(chunk);
          });
          answer.on('end', () => resolve(answeredBy(answer, Buffer.concat(chunks).toString('utf8'))));
          answer.on('error', reject);
        },
      );
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The other side has just closed a connection that was idle: nobody has seen the question. Ends with a new connection.
        if (sent.reusedSocket && CLOSED.has(error.code ?? '') && !signal.aborted) resolve(this.#post(addressed, body, signal));
        else reject(error);
      });
      // Without this nothing would ever come of it, not even the end of the time.
      sent.on('upgrade', ({ statusCode = 0 }, socket) => {
        socket.destroy();
        resolve({ status: statusCode, contentType: '', text: '', retryAfterSeconds: undefined });
      });
      sent.end(body);
    });
  }
}

/** As messages name it: with the port of a Service even where it is the usual one. */
function addressOf({ url = '', service }: ClientConfig): string {
  if (!service) return new URL(url).pathname === '/' && !url.endsWith('/') ? `${url}/` : url;
  const { name, namespace, port = 443, path = '/' } = service;
  return `https://${name}.${namespace}.svc:${port}${path.startsWith('/') ? path : `/${path}`}`;
}

const TLS_FAILURES: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'x509: certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'x509: certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'x509: certificate signed by unknown authority',
  CERT_HAS_EXPIRED: 'x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'x509: certificate has expired or is not yet valid',
};

function failureText(failure: NodeJS.ErrnoException, { host, port }: Target): string {
  const error = failure instanceof TransportError ? (failure.cause as NodeJS.ErrnoException) : failure;
  const code = error.code ?? '';
  if (code === 'ECONNREFUSED') return `dial tcp ${host}:${port}: connect: connection refused`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${host}: no such host`;
  if (code === 'EHOSTUNREACH') return `dial tcp ${host}:${port}: connect: no route to host`;
  if (code === 'ECONNRESET') return 'EOF';
  const tls = Object.hasOwn(TLS_FAILURES, code) ? TLS_FAILURES[code] : undefined;
  if (tls) return `tls: failed to verify certificate: ${tls}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `tls: failed to verify certificate: x509: ${error.message}`;
  return error.message;
}
