import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { transportFromContext } from '../../src/client/kubeconfig-client.ts';
import { parseKubeconfig, resolveContext } from '../../src/pki/kubeconfig.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** A request that has been answered. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly sent: string;
  readonly answered: string;
  readonly status: number;
  /** How much of the answer has come so far. */
  bytes: number;
}

export interface ProtobufOnlyProxy extends AsyncDisposable {
  readonly url: string;
  /** What has gone through, by the heads of the answers. */
  readonly exchanges: readonly Exchange[];
  /** Ends the answers that go on and on, as a server's time limit would. */
  endStreams(): void;
}

/**
 * Stands between a client and an API server and takes JSON away from every client that reads protobuf: kubectl takes both, and would
 * be answered in JSON. Speaks plain HTTP on loopback, and to the server with the kubeconfig's credentials.
 */
export async function startProtobufOnlyProxy(kubeconfig: string): Promise<ProtobufOnlyProxy> {
  const transport = transportFromContext(await resolveContext(await parseKubeconfig(kubeconfig, '/')));
  const exchanges: Exchange[] = [];
  const open = new Set<AbortController>();
  const forward = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const accept = request.headers.accept ?? '';
    const sent = request.headers['content-type'] ?? '';
    const user = request.headers['impersonate-user'];
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const abort = new AbortController();
    open.add(abort);
    response.once('close', () => abort.abort(new DOMException('the client is gone', 'AbortError')));
    const [method, path] = [request.method ?? 'GET', request.url ?? '/'];
    const answer = await transport.request({
      method,
      path,
      headers: {
        accept: accept.includes(PROTOBUF) ? PROTOBUF : accept,
        ...(sent && { 'content-type': sent }),
        ...(typeof user === 'string' && { 'impersonate-user': user }),
      },
      ...(chunks.length && { body: Buffer.concat(chunks) }),
      signal: abort.signal,
    });
    const answered = answer.headers['content-type'] ?? '';
    const exchange: Exchange = { method, path, sent, answered, status: answer.status, bytes: 0 };
    exchanges.push(exchange);
    response.writeHead(answer.status, { 'content-type': answered });
    response.flushHeaders();
    try {
      for await (const chunk of answer.body) {
        response.write(chunk);
        exchange.bytes += chunk.length;
      }
    } catch (error) {
      if (!abort.signal.aborted) throw error;
    }
    open.delete(abort);
    response.end();
  };
  const server = createServer((request, response) => void forward(request, response).catch(() => response.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges,
    endStreams() {
      for (const abort of open) abort.abort(new DOMException('enough', 'AbortError'));
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await transport.close({ final: true });
    },
  };
}
