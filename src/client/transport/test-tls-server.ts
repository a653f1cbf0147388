import { createSecureServer, type Http2SecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { type Authority, createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';

/** The part of a request that the tests' handlers look at; HTTP/1.1 and HTTP/2 alike. */
export type TestHandler = (request: Http2ServerRequest, response: Http2ServerResponse) => void;

export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly authority: Authority;
  /** How many connections were made. */
  readonly connections: { count: number };
  readonly sockets: ReadonlySet<Socket>;
  issueClient(commonName: string): Promise<{ certificatePem: string; privateKeyPem: string }>;
  close(): Promise<void>;
}

export interface TestServerOptions {
  handler: TestHandler;
  http1Only?: boolean;
  port?: number;
  authority?: Authority;
  ipAddresses?: string[];
  dnsNames?: string[];
  requireClientCertificate?: boolean;
  notAfterMs?: number;
}

const DAY_MS = 86_400_000;

/** A TLS server of a new authority on a free port of the loopback, closed after the test. */
export async function startTestServer(t: TestContext, options: TestServerOptions): Promise<TestServer> {
  const now = Date.now();
  const validity = { notBeforeMs: now - 2 * DAY_MS, notAfterMs: now + DAY_MS };
  const authority = options.authority ?? (await createAuthority({ commonName: 'test-ca', ...validity }));
  const issue = async (commonName: string, usage: string, more: object) => {
    const key = await generatePrivateKey();
    const usages = ['digital signature', usage];
    const request = { publicKeyDer: key.publicKeyDer, commonName, usages, ...validity, ...more };
    return { certificatePem: await authority.issue(request), privateKeyPem: key.pem };
  };
  const { ipAddresses = ['127.0.0.1'], dnsNames = [], notAfterMs = validity.notAfterMs } = options;
  const serving = await issue('server', 'server auth', { ipAddresses, dnsNames, notAfterMs });
  const tls = {
    cert: serving.certificatePem,
    key: serving.privateKeyPem,
    ca: authority.certificatePem,
    requestCert: true,
    rejectUnauthorized: options.requireClientCertificate ?? false,
  };
  const server = options.http1Only
    ? (createServer(tls, options.handler as never) as unknown as Http2SecureServer)
    : createSecureServer({ ...tls, allowHTTP1: true }, options.handler);
  const connections = { count: 0 };
  const sockets = new Set<Socket>();
  server.on('secureConnection', (socket: TLSSocket) => {
    connections.count++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('sessionError', () => undefined);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  t.after(close);
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    authority,
    connections,
    sockets,
    issueClient: (commonName) => issue(commonName, 'client auth', {}),
    close,
  };
}
