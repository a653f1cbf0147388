import type { Duplex } from 'node:stream';
import type { V1APIService } from '../../api/gen/types.ts';
import { serviceUnavailable } from '../../api/machinery/status-error.ts';
import { connectTls } from '../../client/transport/tls-connect.ts';
import type { CertificatePair } from '../configuration.ts';
import type { RequestContext, ServerResponse } from '../contracts.ts';
import { proxiedHeaders } from './request-headers.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const LONGEST_HEAD = 64 * 1024;

export interface UpgradeTarget {
  readonly url: string;
  readonly spec: NonNullable<V1APIService['spec']>;
  readonly client: CertificatePair | undefined;
  readonly isFrontProxyHeader: (name: string) => boolean;
}

/** Passes a request that wants another protocol (WebSocket, SPDY) on, and then every byte both ways until one side ends. */
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
    backend.write(requestHead(target, context), 'latin1');
    if (head.length) backend.write(head);
    const answer = await readHead(backend).catch((error: Error) => {
      throw serviceUnavailable(`error trying to reach service: ${error.message}`);
    });
    response.writeHead(answer.status, answer.headers);
    if (answer.rest.length) response.write(answer.rest);
    await tunnel(client, backend);
  } finally {
    request.signal.removeEventListener('abort', end);
    backend.destroy();
  }
}

function requestHead(target: UpgradeTarget, { request, user, auditId }: RequestContext): string {
  const { headers, repeatedHeaders } = proxiedHeaders(request.headers, user, target.isFrontProxyHeader);
  if (auditId) headers['audit-id'] = auditId;
  headers['host'] = new URL(target.url).host;
  headers['connection'] = 'Upgrade';
  headers['upgrade'] = request.headers['upgrade'] ?? '';
  const lines = [
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...Object.entries(repeatedHeaders).flatMap(([name, values]) => values.map((value) => `${name}: ${value}`)),
  ];
  return `${request.method} ${request.uri ?? request.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** What has come behind the head. */
  readonly rest: Buffer;
}

/** Reads the head of an answer off a connection. Rejects when there is none. */
function readHead(backend: Duplex): Promise<AnswerHead> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const fail = () => settle(() => reject(new Error('the connection ended before there was an answer')));
    const settle = (act: () => void) => {
      backend.off('data', take);
      backend.off('close', fail);
      backend.pause();
      act();
    };
    const take = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const at = bytes.indexOf('\r\n\r\n');
      if (at < 0) {
        if (bytes.length > LONGEST_HEAD) settle(() => reject(new Error('the head of the answer is too long')));
        return;
      }
      const [first = '', ...lines] = bytes.toString('latin1', 0, at).split('\r\n');
      const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1]);
      if (!status) return settle(() => reject(new Error('the answer is no HTTP')));
      settle(() => resolve({ status, headers: readHeaders(lines), rest: bytes.subarray(at + 4) }));
    };
    backend.on('data', take);
    backend.on('close', fail);
  });
}

function readHeaders(lines: readonly string[]): Record<string, readonly string[]> {
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const at = line.indexOf(':');
    const name = line.slice(0, at).trim().toLowerCase();
    if (at > 0 && name !== 'audit-id') headers.set(name, [...(headers.get(name) ?? []), line.slice(at + 1).trim()]);
  }
  return Object.fromEntries(headers);
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
