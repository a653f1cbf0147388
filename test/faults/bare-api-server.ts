import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { startApiServer } from '../../src/apiserver/apiserver.ts';
import type { ApiServer, ApiServerConfig } from '../../src/apiserver/configuration.ts';
import { createTestPki } from '../../src/apiserver/test-api.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface BareRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** An API server without controllers and nodes, for a user called `alice` who may do everything but is no master. */
export interface BareApiServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly port: number;
  readonly caPem: string;
  /** Of alice; everybody may write it in an `Authorization` header. */
  readonly token: string;
  /** Over a connection of its own, by HTTP/1.1. */
  send(request: BareRequest): Promise<Answer>;
}

export async function startBareApiServer(config: Partial<ApiServerConfig> = {}): Promise<BareApiServer> {
  const directory = await temporaryDirectory();
  const pki = await createTestPki();
  const token = 'alices-token';
  await writeFile(directory.file('tokens.csv'), `${token},alice,1\n`, { mode: 0o600 });
  const clock = systemClock;
  const store = config.store ?? createMemoryStore({ clock });
  const server = await startApiServer({
    clock,
    logger: silentLogger,
    random: Math.random,
    bindAddress: '127.0.0.1',
    port: 0,
    tls: pki.serving,
    clientCaPem: pki.caPem,
    serviceClusterIpRange: '10.96.0.0/12',
    security: { tokenAuthFile: directory.file('tokens.csv'), authorizationModes: ['AlwaysAllow'] },
    ...config,
    store,
  });
  return {
    server,
    port: server.port,
    caPem: pki.caPem,
    token,
    send: ({ method = 'GET', path, headers, body }) =>
      new Promise((resolve, reject) => {
        const outgoing = request(
          {
            host: '127.0.0.1',
            port: server.port,
            ca: pki.caPem,
            agent: false,
            method,
            path,
            headers: {
              authorization: `Bearer ${token}`,
              ...(body !== undefined && { 'content-type': 'application/json' }),
              ...headers,
            },
          },
          (incoming) => {
            let text = '';
            incoming.setEncoding('utf8').on('data', (chunk: string) => {
              text += chunk;
            });
            incoming.once('end', () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }));
            incoming.once('error', reject);
          },
        );
        outgoing.once('error', reject);
        outgoing.end(body);
      }),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}
