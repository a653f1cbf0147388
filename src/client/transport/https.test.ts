import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { createAuthority } from '../../pki/authority.ts';
import { createHttpsTransport } from './https.ts';
import { startTestServer, type TestHandler, type TestServer } from './test-tls-server.ts';
import type { Transport } from './transport.ts';
import { type ContractSubject, transportContract } from './transport-contract.ts';
import { TransportError } from './transport-error.ts';

/** Answers as the contract wants it, and lets tests wait for the end of endless answers. */
function contractHandler(): { handler: TestHandler; ended: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const handler: TestHandler = (request, response) => {
    const { pathname } = new URL(request.url, 'https://x');
    response.setHeader('content-type', 'application/json');
    if (pathname === '/endless') {
      response.write('{"first":true}\n');
      response.once('close', resolve);
    } else if (pathname === '/short') response.end('{"short":true}');
    else if (pathname === '/write') request.pipe(response);
    else {
      response.statusCode = 404;
      response.end('{"kind":"Status","status":"Failure","code":404}');
    }
  };
  return { handler, ended: promise };
}

for (const http1Only of [false, true]) {
  transportContract(http1Only ? 'https over HTTP/1.1' : 'https over HTTP/2', async (t): Promise<ContractSubject> => {
    const { handler, ended } = contractHandler();
    const server = await startTestServer(t, { handler, http1Only });
    return {
      transport: createHttpsTransport({ server: server.url, caPem: server.authority.certificatePem }),
      shortPath: '/short',
      missingPath: '/missing',
      endlessPath: '/endless',
      writePath: '/write',
      writeBody: (name) => JSON.stringify({ metadata: { name } }),
      endlessEnded: () => ended,
    };
  });
}

async function read(transport: Transport, path = '/short', headers: Record<string, string> = {}): Promise<string> {
  const response = await transport.request({ method: 'GET', path, headers });
  let text = '';
  for await (const chunk of response.body) text += Buffer.from(chunk).toString();
  return text;
}

async function open(t: TestContext, handler: TestHandler, more: Partial<Parameters<typeof startTestServer>[1]> = {}) {
  const server = await startTestServer(t, { handler, ...more });
  const connect = (options: Partial<Parameters<typeof createHttpsTransport>[0]> = {}) => {
    const transport = createHttpsTransport({ server: server.url, caPem: server.authority.certificatePem, ...options });
    t.after(() => transport.close({ final: true }));
    return transport;
  };
  return { server, connect };
}

const whoIsThere: TestHandler = (request, response) => {
  const socket = (request.stream?.session?.socket ?? request.socket) as TLSSocket;
  const subject = socket.getPeerCertificate().subject as { CN?: string } | undefined;
  response.end(
    JSON.stringify({ cn: subject?.CN ?? '', authorization: request.headers.authorization ?? '', version: request.httpVersion }),
  );
};

test('HTTP/2 is spoken when the server can, on one connection', async (t) => {
  const { server, connect } = await open(t, whoIsThere);
  const transport = connect();
  const answers = await Promise.all(Array.from({ length: 20 }, () => read(transport)));
  assert.equal(JSON.parse(answers[0]!).version, '2.0');
  assert.equal(server.connections.count, 1);
});

test('HTTP/1.1 is spoken when the server wants it, and its connections are used again', async (t) => {
  const { server, connect } = await open(t, whoIsThere, { http1Only: true });
  const transport = connect();
  assert.equal(JSON.parse(await read(transport)).version, '1.1');
  await read(transport);
  await read(transport);
  assert.equal(server.connections.count, 1);
});

test('close() makes the next request connect with the credentials that are then valid', async (t) => {
  const { server, connect } = await open(t, whoIsThere);
  let credentials = { ...(await server.issueClient('first')), token: 'one' };
  const transport = connect({ credentials: () => credentials });
  assert.deepEqual(JSON.parse(await read(transport)), { cn: 'first', authorization: 'Bearer one', version: '2.0' });
  credentials = { ...(await server.issueClient('second')), token: 'two' };
  assert.equal(JSON.parse(await read(transport)).cn, 'first');
  await transport.close();
  assert.deepEqual(JSON.parse(await read(transport)), { cn: 'second', authorization: 'Bearer two', version: '2.0' });
  assert.equal(server.connections.count, 2);
});

test('a token that is asked for anew is sent without a new connection', async (t) => {
  const { server, connect } = await open(t, whoIsThere);
  let token = 'one';
  const transport = connect({ token: () => token });
  assert.equal(JSON.parse(await read(transport)).authorization, 'Bearer one');
  token = 'two';
  assert.equal(JSON.parse(await read(transport)).authorization, 'Bearer two');
  assert.equal(server.connections.count, 1);
});

test('a path in the server address stands before every path', async (t) => {
  const { server, connect } = await open(t, (request, response) => response.end(request.url));
  assert.equal(await read(connect({ server: `${server.url}/prefix/` }), '/api?x=1'), '/prefix/api?x=1');
});

test('after the server went away and came back, requests work again', async (t) => {
  const { server, connect } = await open(t, whoIsThere);
  const transport = connect();
  await read(transport);
  await server.close();
  // The end of the connection may be seen only when it is used.
  await assert.rejects(read(transport), TransportError);
  await assert.rejects(read(transport), (error: unknown) => {
    assert.ok(error instanceof TransportError);
    assert.equal(error.code, 'TRANSPORT_CONNECT');
    assert.equal(error.message, `${server.url}: cannot connect: connection refused`);
    assert.equal(error.retryable, true);
    return true;
  });
  await startTestServer(t, { handler: whoIsThere, port: server.port, authority: server.authority });
  assert.equal(JSON.parse(await read(transport)).version, '2.0');
});

test('a connection that ends while an answer is read says so and names the server', async (t) => {
  const { server, connect } = await open(t, (_, response) => response.write('part'));
  const response = await connect().request({ method: 'GET', path: '/', headers: {} });
  await assert.rejects(
    async () => {
      for await (const _ of response.body) for (const socket of server.sockets) socket.destroy();
    },
    (error: unknown) =>
      error instanceof TransportError && error.code === 'TRANSPORT_INTERRUPTED' && error.message.startsWith(server.url),
  );
});

/** Passes bytes on in both directions until it is frozen. */
async function startFreezableProxy(t: TestContext, port: number): Promise<{ url: string; freeze(): void }> {
  const sockets: Socket[] = [];
  const proxy = createTcpServer((incoming) => {
    const outgoing = connectTcp(port, '127.0.0.1');
    incoming.pipe(outgoing).pipe(incoming);
    sockets.push(incoming, outgoing);
    for (const socket of [incoming, outgoing]) socket.on('error', () => undefined);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  const freeze = () => {
    for (const socket of sockets) socket.unpipe().pause();
  };
  return { url: `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`, freeze };
}

test('a peer that no longer answers is noticed', async (t) => {
  const { server, connect } = await open(t, (_, response) => response.write('part'));
  const proxy = await startFreezableProxy(t, server.port);
  const transport = connect({ server: proxy.url, pingIntervalMs: 20, pingTimeoutMs: 200 });
  await assert.rejects(async () => {
    // On a busy machine even the first ping may come back too late.
    const response = await transport.request({ method: 'GET', path: '/', headers: {} });
    for await (const _ of response.body) proxy.freeze();
  }, /no answer to a ping within 200 ms/);
});

const certificateFailures: [
  string,
  (server: TestServer) => Promise<object>,
  Partial<Parameters<typeof startTestServer>[1]>,
  RegExp,
][] = [
  [
    'signed by another authority',
    async () => ({
      caPem: (await createAuthority({ commonName: 'other', notBeforeMs: 0, notAfterMs: Date.now() + 1e9 })).certificatePem,
    }),
    {},
    /tls: failed to verify certificate: x509: certificate signed by unknown authority/,
  ],
  ['for another address', async () => ({}), { ipAddresses: ['10.9.9.9'] }, /failed to verify certificate: x509: .*127\.0\.0\.1/],
  ['that has expired', async () => ({}), { notAfterMs: Date.now() - 86_400_000 }, /x509: certificate has expired/],
  ['for another name', async () => ({ tlsServerName: 'other.example' }), { dnsNames: ['a.example'] }, /other\.example/],
];
for (const [what, options, serverOptions, message] of certificateFailures) {
  test(`a server certificate ${what} is refused with the reason`, async (t) => {
    const { server, connect } = await open(t, whoIsThere, serverOptions);
    await assert.rejects(read(connect(await options(server))), (error: unknown) => {
      assert.ok(error instanceof TransportError);
      assert.equal(error.code, 'TRANSPORT_TLS');
      assert.match(error.message, message);
      assert.ok(error.message.startsWith(server.url));
      return true;
    });
  });
}

test('tlsServerName is the name that is checked', async (t) => {
  const { connect } = await open(t, whoIsThere, { dnsNames: ['kubernetes'], ipAddresses: ['10.0.0.1'] });
  assert.equal(JSON.parse(await read(connect({ tlsServerName: 'kubernetes' }))).version, '2.0');
  assert.equal(JSON.parse(await read(connect({ tlsServerName: '10.0.0.1' }))).version, '2.0');
});

test('insecureSkipTlsVerify takes any certificate', async (t) => {
  const { connect } = await open(t, whoIsThere, { ipAddresses: ['10.9.9.9'] });
  assert.equal(JSON.parse(await read(connect({ caPem: undefined, insecureSkipTlsVerify: true }))).version, '2.0');
});

test('a server that refuses the client certificate is told apart from one that is away', async (t) => {
  const { connect } = await open(t, whoIsThere, { requireClientCertificate: true });
  await assert.rejects(read(connect()), (error: unknown) => {
    assert.ok(error instanceof TransportError, String(error));
    assert.match(error.message, /tls: certificate required|connection lost|bad certificate/);
    return true;
  });
});

test('a server that accepts and then says nothing is given up after the connect time', async (t) => {
  const server = createTcpServer(() => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const transport = createHttpsTransport({ server: `https://127.0.0.1:${port}`, connectTimeoutMs: 30 });
  await assert.rejects(read(transport), { code: 'TRANSPORT_CONNECT', message: /no answer within 30 ms/ });
});

test('a key that does not belong to its certificate is an error of the request, not of the process', async (t) => {
  const { server, connect } = await open(t, whoIsThere);
  const one = await server.issueClient('one');
  const two = await server.issueClient('two');
  const transport = connect({ credentials: () => ({ ...one, privateKeyPem: two.privateKeyPem }) });
  await assert.rejects(read(transport), TransportError);
});

test('many requests at once on a lost connection make one new connection', async (t) => {
  const { server, connect } = await open(t, whoIsThere);
  const transport = connect();
  await read(transport);
  for (const socket of server.sockets) socket.destroy();
  await Promise.allSettled(Array.from({ length: 10 }, () => read(transport)));
  await Promise.all(Array.from({ length: 10 }, () => read(transport)));
  assert.equal(server.connections.count, 2);
});

test('a server that says it will end gets new requests on a new connection, and old answers run on until close()', async (t) => {
  const sessions: { goaway(): void }[] = [];
  const { server, connect } = await open(t, (request, response) => {
    if (request.url !== '/endless') return void response.end('ok');
    sessions.push(request.stream.session!);
    response.write('x');
  });
  const transport = connect();
  const { body } = await transport.request({ method: 'GET', path: '/endless', headers: {} });
  const reading = body[Symbol.asyncIterator]();
  await reading.next();
  sessions[0]!.goaway();
  while (server.connections.count < 2) assert.equal(await read(transport), 'ok');
  const rest = reading.next();
  await transport.close({ final: true });
  await assert.rejects(rest, TransportError);
});

test('a request that is given up ends at once, also on a connection that takes nothing more', async (t) => {
  const { server, connect } = await open(t, (request, response) => {
    const { session } = request.stream;
    session!.setLocalWindowSize(2 ** 30);
    session!.settings({ initialWindowSize: 2 ** 30 }, () => response.end('wide open'));
  });
  const proxy = await startFreezableProxy(t, server.port);
  const transport = connect({ server: proxy.url });
  await read(transport);
  proxy.freeze();
  const controller = new AbortController();
  const { signal } = controller;
  const body = 'x'.repeat(64_000_000);
  const sent = transport.request({ method: 'POST', path: '/', headers: {}, body, signal });
  // Until what the connection holds is full.
  for (let turn = 0; turn < 100; turn++) await setImmediate();
  controller.abort(new Error('given up'));
  await assert.rejects(sent, /given up/);
});
