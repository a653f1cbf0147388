import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { V1APIService } from '../../api/gen/types.ts';
import { serviceUnavailable } from '../../api/machinery/status-error.ts';
import { connectTls } from '../../client/transport/tls-connect.ts';
import type { CertificatePair } from '../configuration.ts';
import type { RequestContext, ServerResponse } from '../contracts.ts';
import { proxiedHeaders } from './request-headers.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const LONGEST_HEAD = 64 * 1024;

const OWN: ReadonlySet<string> = new Set(['audit-id']);
const NOT_BEHIND_REFUSAL: ReadonlySet<string> = new Set([
  ...OWN,
  'connection',
  'keep-alive',
  'transfer-encoding',
  'trailer',
  'upgrade',
]);

export interface UpgradeTarget {
  readonly url: string;
  readonly spec: NonNullable<V1APIService['spec']>;
  readonly client: CertificatePair | undefined;
  readonly isFrontProxyHeader: (name: string) => boolean;
}

/**
 * Passes a request that wants another protocol (WebSocket, SPDY) on, and then every byte both ways until one side ends.
 *
 * Nothing of what the client sends behind its request goes on before the extension server has changed protocols: on a connection that
 * still speaks HTTP it would be taken for requests of this server, in anybody's name (CVE-2018-1002105).
 */
export async function proxyUpgrade(target: UpgradeTarget, context: RequestContext, response: ServerResponse): Promise<void> {
  const { request } = context;
  const { socket: client, head } = request.takeOver!();
  const { service, caBundle, insecureSkipTLSVerify } = target.spec;
  const backend = await connectTls(
    {
      server: target.url,
      tlsServerName: `${service?.name}.${service?.namespace}.svc`,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      ...(insecureSkipTLSVerify && { insecureSkipTlsVerify: true }),
      ...(caBundle && { caPem: Buffer.from(caBundle, 'base64').toString('utf8') }),
    },
    { ...target.client },
    ['http/1.1'],
  ).catch((error: Error) => {
    throw serviceUnavailable(`error trying to reach service: ${error.message}`);
  });
  const end = () => {
    backend.destroy();
    client.destroy();
  };
  backend.on('error', end);
  client.on('error', end);
  if (request.signal.aborted) end();
  else request.signal.addEventListener('abort', end, { once: true });
  try {
    const answer = await ask(backend, target, context).catch((error: Error) => {
      throw serviceUnavailable(`error trying to reach service: ${error.message}`);
    });
    response.writeHead(answer.status, passedBack(answer));
    if (!answer.switched) {
      for await (const chunk of answer.message) if (!response.write(chunk as Uint8Array)) await response.drained();
      response.end();
      return;
    }
    if (answer.rest.length) response.write(answer.rest);
    if (head.length) backend.write(head);
    await tunnel(client, backend);
  } finally {
    request.signal.removeEventListener('abort', end);
    backend.destroy();
  }
}

interface Answer {
  readonly status: number;
  readonly message: IncomingMessage;
  /** Whether the connection speaks another protocol from here on. */
  readonly switched: boolean;
  /** What has come behind the head in that protocol. */
  readonly rest: Buffer;
}

/** Sends the request's head on a connection. Rejects when no answer comes. */
function ask(backend: Duplex, target: UpgradeTarget, { request, user, auditId }: RequestContext): Promise<Answer> {
  const { headers, repeatedHeaders } = proxiedHeaders(request.headers, user, target.isFrontProxyHeader);
  if (auditId) headers['audit-id'] = auditId;
  return new Promise((resolve, reject) => {
    const asking = httpRequest({
      createConnection: () => backend,
      method: request.method,
      path: request.uri ?? request.path,
      headers: {
        ...headers,
        ...repeatedHeaders,
        host: new URL(target.url).host,
        connection: 'Upgrade',
        upgrade: request.headers['upgrade'] ?? '',
      },
      maxHeaderSize: LONGEST_HEAD,
    });
    const told = (message: IncomingMessage, switched: boolean, rest: Buffer) =>
      resolve({ status: message.statusCode ?? 502, message, switched, rest });
    asking.on('upgrade', (message, _socket, rest) => told(message, message.statusCode === 101, rest));
    asking.on('response', (message) => told(message, false, Buffer.alloc(0)));
    asking.on('error', reject);
    asking.end();
  });
}

/** The answer's headers. How long a refusal is, is told by the end of the connection. */
function passedBack({ message, switched }: Answer): Record<string, readonly string[]> {
  const dropped = switched ? OWN : NOT_BEHIND_REFUSAL;
  const headers = Object.entries(message.headersDistinct).filter(([name]) => !dropped.has(name));
  return Object.fromEntries(headers.map(([name, values = []]) => [name, values]));
}

/** Every byte both ways, no faster than they are read; resolves when either side has ended. */
function tunnel(client: Duplex, backend: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const close = () => {
      client.destroy();
      backend.destroy();
      resolve();
    };
    client.on('close', close);
    backend.on('close', close);
    client.pipe(backend);
    backend.pipe(client);
    if (client.destroyed || backend.destroyed) close();
  });
}
