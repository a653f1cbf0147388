import { readFileSync } from 'node:fs';
import { authorityOf } from '../../client/transport/authority-file.ts';
import { createTokenFile } from '../../client/transport/credentials.ts';
import { createHttpsTransport, type Dial } from '../../client/transport/https.ts';
import type { Transport, TransportResponse } from '../../client/transport/transport.ts';
import { TransportError } from '../../client/transport/transport-error.ts';
import { readKubeconfig, resolveContext } from '../../pki/kubeconfig.ts';
import type { Clock } from '../../std/clock.ts';

/** Posts JSON to one place outside, described by a kubeconfig file (apiserver/pkg/util/webhook). */
export interface WebhookClient {
  /** The parsed answer. Rejects with a WebhookFailure when there is none, it is no success, no JSON, too large or too late. */
  post(body: string): Promise<unknown>;
  close(): Promise<void>;
}

export class WebhookFailure extends Error {
  /** Of an answer that was no success. */
  readonly status: number | undefined;
  /** Whether the same might go well a moment later (apiserver/pkg/util/webhook.DefaultShouldRetry): nobody waits for one that is not there. */
  readonly retryable: boolean;

  constructor(
    message: string,
    options: { readonly status?: number; readonly asksForRetry?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'WebhookFailure';
    this.status = options.status;
    this.retryable =
      options.asksForRetry ||
      (options.status === undefined
        ? options.cause instanceof TransportError && options.cause.code === 'TRANSPORT_INTERRUPTED'
        : PASSING.has(options.status));
  }
}

/** Codes of what may be over in a moment: too many requests, an internal error, a timeout. */
const PASSING: ReadonlySet<number> = new Set([429, 500, 504]);

export interface WebhookClientOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Makes connections to it. Default: they are made directly. */
  readonly dial?: Dial | undefined;
  /** Of an answer. */
  readonly limitBytes?: number;
}

const LIMIT_BYTES = 1024 * 1024;

/** Reads the kubeconfig file. Throws a CodedError that names the field and the file that is wrong. */
export async function openWebhookClient(path: string, options: WebhookClientOptions): Promise<WebhookClient> {
  const context = await resolveContext(await readKubeconfig(path));
  const { server, tlsServerName, insecureSkipTlsVerify, clientCertificateFile, clientKeyFile } = context;
  const caPem = authorityOf(context);
  const tokenFile = context.tokenFile ? createTokenFile(context.tokenFile, options.clock) : undefined;
  const read = (file: string | undefined, pem: string | undefined) => (file ? readFileSync(file, 'utf8') : pem);
  const transport = createHttpsTransport({
    server,
    ...(caPem !== undefined && { caPem }),
    ...(tlsServerName !== undefined && { tlsServerName }),
    ...(insecureSkipTlsVerify && { insecureSkipTlsVerify }),
    connectTimeoutMs: options.timeoutMs,
    ...(options.dial && { dial: options.dial }),
    credentials: () => {
      const certificatePem = read(clientCertificateFile, context.clientCertificatePem);
      const privateKeyPem = read(clientKeyFile, context.clientKeyPem);
      return certificatePem !== undefined && privateKeyPem !== undefined ? { certificatePem, privateKeyPem } : {};
    },
    token: () => tokenFile?.read() ?? context.token,
  });
  return createWebhookClient(transport, new URL(server).pathname === '/' ? '/' : '', server, options);
}

/** The same over a transport that is there. `name` is what failures call the other side. */
export function createWebhookClient(
  transport: Transport,
  path: string,
  name: string,
  { timeoutMs, limitBytes = LIMIT_BYTES }: Omit<WebhookClientOptions, 'clock'>,
): WebhookClient {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  return {
    async post(body) {
      const signal = AbortSignal.timeout(timeoutMs);
      try {
        const answer = await transport.request({ method: 'POST', path, headers, body, signal });
        const text = await readText(answer, limitBytes);
        if (answer.status < 200 || answer.status > 299)
          throw new WebhookFailure(`Post "${name}": the server answered ${answer.status}`, {
            status: answer.status,
            asksForRetry: Number(answer.headers['retry-after']) > 0,
          });
        return text.trim() === '' ? undefined : JSON.parse(text);
      } catch (cause) {
        if (cause instanceof WebhookFailure) throw cause;
        if (signal.aborted) throw new WebhookFailure(`Post "${name}": context deadline exceeded (${timeoutMs} ms)`);
        const why = (cause as Error).message;
        throw new WebhookFailure(`Post "${name}": ${why}`, { cause });
      }
    },
    close: () => transport.close({ final: true }),
  };
}

/** A body as text. Rejects when it is larger than the limit. */
export async function readText({ body }: TransportResponse, limitBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limitBytes) throw new Error(`the answer is larger than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export interface RetryOptions {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly random: () => number;
  readonly initialMs: number;
  readonly signal?: AbortSignal;
}

/** Upstream's DefaultRetryBackoff: five attempts, each delay half as long again, with up to a fifth more at random. */
const ATTEMPTS = 5;
const FACTOR = 1.5;
const JITTER = 0.2;

/** Calls again after failures for which `shouldRetry`; rejects with the last one. */
export async function withBackoff<T>(
  { clock, random, initialMs, signal }: RetryOptions,
  shouldRetry: (error: unknown) => boolean,
  call: () => Promise<T>,
): Promise<T> {
  let delayMs = initialMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === ATTEMPTS || !shouldRetry(error) || signal?.aborted) throw error;
    }
    await clock.sleep(delayMs * (1 + JITTER * random()), signal);
    delayMs *= FACTOR;
  }
}
