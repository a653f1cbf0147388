/** A kubelet's streaming endpoints for tests: commands run as processes of this machine, ports lead to loopback. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { SpdyConnection } from '../../client/transport/spdy/spdy-connection.ts';
import type { SpdyStream } from '../../client/transport/spdy/spdy-stream.ts';
import { pod, type TestApi, type TestPki } from '../test-api.ts';

export interface TestKubelet {
  readonly port: number;
  /** `POST /exec/…?…`, with the headers that came. */
  readonly requests: { readonly line: string; readonly headers: IncomingMessage['headers']; readonly user: string | undefined }[];
  /** Commands that run. */
  readonly running: Set<ChildProcess>;
  readonly connections: number;
  /** What terminals were told of their size. */
  readonly sizes: string[];
  /** Cuts all connections, as a kubelet that is killed does. */
  kill(): void;
  /** Registers a node of this kubelet, and a pod on it. */
  register(
    api: TestApi,
    more?: { readonly node?: string; readonly pod?: string; readonly spec?: object; readonly podIp?: string },
  ): Promise<void>;
  close(): Promise<void>;
}

/** @param answer other requests; default: tells the request's line */
export async function startTestKubelet(
  pki: TestPki,
  answer?: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<TestKubelet> {
  const requests: TestKubelet['requests'] = [];
  const running = new Set<ChildProcess>();
  const sizes: string[] = [];
  const sockets = new Set<Duplex>();
  const note = (message: IncomingMessage) => {
    const subject = (message.socket as TLSSocket).getPeerCertificate?.().subject as { CN?: string } | undefined;
    requests.push({ line: `${message.method} ${message.url}`, headers: message.headers, user: subject?.CN });
  };
  const server = createServer(
    {
      cert: pki.serving.certificatePem,
      key: pki.serving.privateKeyPem,
      ca: pki.caPem,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      note(request);
      if (answer) answer(request, response);
      else response.end(`${request.method} ${request.url}`);
    },
  );
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const webSockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    note(message);
    const url = new URL(message.url!, 'https://kubelet');
    if (/\/refused(\/|$)/.test(url.pathname)) {
      const text = 'Forbidden (user=kubernetes, verb=create, resource=nodes, subresource=proxy)';
      socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
      return;
    }
    socket.on('error', () => undefined);
    if (message.headers.upgrade === 'websocket')
      return webSockets.handleUpgrade(message, socket, head, (webSocket) => {
        // Version 4: a channel's number before each message.
        const child = begin(url);
        webSocket.on('message', (data: Buffer) => data[0] === 0 && child.stdin!.write(data.subarray(1)));
        webSocket.on('close', () => child.kill('SIGKILL'));
        child.stdout!.on('data', (bytes: Buffer) => webSocket.send(Buffer.concat([Buffer.from([1]), bytes])));
        child.on('close', (code) => {
          webSocket.send(Buffer.concat([Buffer.from([3]), Buffer.from(statusOf(code))]));
          webSocket.close(1000);
        });
      });
    const offered = String(message.headers['x-stream-protocol-version'] ?? '').split(', ');
    const isForward = url.pathname.startsWith('/portForward/');
    const chosen = isForward ? 'portforward.k8s.io' : 'v4.channel.k8s.io';
    if (!offered.includes(chosen)) return void socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${chosen}\r\n\r\n`,
    );
    if (isForward) serveForward(socket, head);
    else void serveCommand(url, socket, head);
  });

  function begin(url: URL): ChildProcess {
    const [program = 'cat', ...words] = url.searchParams.getAll('command');
    const child = spawn(program, words, { stdio: 'pipe' });
    running.add(child);
    child.once('close', () => running.delete(child));
    child.stdin.on('error', () => undefined);
    return child;
  }

  async function serveCommand(url: URL, socket: Duplex, head: Buffer): Promise<void> {
    const query = url.searchParams;
    const wanted = [
      'error',
      ...(query.has('input') ? ['stdin'] : []),
      ...(query.has('output') ? ['stdout'] : []),
      ...(query.has('error') && !query.has('tty') ? ['stderr'] : []),
      ...(query.has('tty') ? ['resize'] : []),
    ];
    const streams = new Map<string, SpdyStream>();
    const { promise, resolve } = Promise.withResolvers<void>();
    const connection = new SpdyConnection({
      socket,
      head,
      role: 'server',
      onStream(stream) {
        streams.set(stream.headers['streamtype']!, stream);
        if (wanted.every((name) => streams.has(name))) resolve();
      },
    });
    await Promise.race([promise, connection.closed]);
    const child = begin(url);
    void connection.closed.then(() => child.kill('SIGKILL'));
    const [stdin, stdout, stderr] = [streams.get('stdin'), streams.get('stdout'), streams.get('stderr')];
    streams.get('resize')?.on('data', (bytes) => sizes.push(String(bytes)));
    if (stdin) stdin.pipe(child.stdin!);
    else child.stdin!.end();
    if (stdout) child.stdout!.pipe(stdout);
    else child.stdout!.resume();
    if (stderr) child.stderr!.pipe(stderr);
    else child.stderr!.resume();
    const [code] = (await once(child, 'close').catch((error: Error) => [error.message])) as [number | string | null];
    streams.get('error')?.end(statusOf(code));
    await Promise.all(
      [stdout, stderr, streams.get('error')].map(
        (stream) => stream && !stream.writableFinished && !stream.destroyed && once(stream, 'finish'),
      ),
    );
    connection.close();
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kill = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    requests,
    running,
    sizes,
    get connections() {
      return sockets.size;
    },
    kill,
    async register(api, { node = 'n1', pod: name = 'p', spec = {}, podIp = '127.0.0.1' } = {}) {
      const status = {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      };
      const merge = { 'content-type': 'application/merge-patch+json' };
      await api.call('POST', '/api/v1/nodes', { metadata: { name: node } });
      await api.call('PATCH', `/api/v1/nodes/${node}/status`, { status }, merge);
      const made = await api.call('POST', '/api/v1/namespaces/default/pods', pod(name, { spec: { nodeName: node, ...spec } }));
      if (made.status !== 201) throw new Error(made.text);
      const running = { phase: 'Running', podIP: podIp, podIPs: [{ ip: podIp }] };
      await api.call('PATCH', `/api/v1/namespaces/default/pods/${name}/status`, { status: running }, merge);
    },
    async close() {
      for (const child of running) child.kill('SIGKILL');
      webSockets.close();
      kill();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function statusOf(code: number | string | null): string {
  if (code === 0) return JSON.stringify({ metadata: {}, status: 'Success' });
  return JSON.stringify({
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  });
}

function serveForward(socket: Duplex, head: Buffer): void {
  new SpdyConnection({
    socket,
    head,
    role: 'server',
    onStream(stream) {
      if (stream.headers['streamtype'] === 'error') return void stream.end();
      const target = connect({ host: '127.0.0.1', port: Number(stream.headers['port']), allowHalfOpen: true });
      target.on('error', () => stream.destroy());
      stream.on('close', () => target.destroySoon());
      stream.pipe(target).pipe(stream);
    },
  });
}
