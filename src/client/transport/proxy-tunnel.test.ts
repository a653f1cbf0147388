import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import { shakeHands } from '../peer-certificate.ts';
import { createHttpsTransport } from './https.ts';
import { openTunnel } from './proxy-tunnel.ts';
import { startTestServer } from './test-tls-server.ts';

/** An HTTP proxy on the loopback; `answer` says what a request gets instead of a way through. */
async function startProxy(t: TestContext, answer?: string) {
  const seen = { heads: [] as string[], open: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    seen.open++;
    sockets.add(client);
    client.on('error', () => undefined);
    client.on('close', () => {
      seen.open--;
    });
    client.once('data', (head) => {
      const text = head.toString('latin1');
      seen.heads.push(text);
      if (answer !== undefined) {
        client.resume();
        if (answer === '') client.end();
        else client.write(answer);
        return;
      }
      const [host = '', port = ''] = /^CONNECT (\S+) /.exec(text)![1]!.split(':');
      const far = connect({ host, port: Number(port) });
      sockets.add(far);
      far.on('error', () => client.destroy());
      far.on('close', () => client.destroy());
      client.on('close', () => far.destroy());
      far.once('connect', () => {
        client.write('HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n');
        client.pipe(far).pipe(client);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { seen, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('requests go to the server through the proxy, whose user only the proxy hears of', async (t) => {
  const server = await startTestServer(t, {
    handler: (request, response) => response.end(request.headers['proxy-authorization'] ?? 'ok'),
  });
  const proxy = await startProxy(t);
  const transport = createHttpsTransport({
    server: server.url,
    caPem: server.authority.certificatePem,
    proxyUrl: `http://me:p%40ss@${proxy.host}`,
  });
  const { body } = await transport.request({ method: 'GET', path: '/', headers: {} });
  assert.equal(String(Buffer.concat(await Array.fromAsync(body))), 'ok');
  assert.deepEqual(proxy.seen.heads, [
    `CONNECT 127.0.0.1:${server.port} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nProxy-Authorization: Basic ${btoa('me:p@ss')}\r\n\r\n`,
  ]);
  await transport.close({ final: true });
  await until('nothing is open at the proxy', () => proxy.seen.open === 0);
});

test('a server whose certificate is not trusted leaves nothing open', async (t) => {
  const server = await startTestServer(t, { handler: (_request, response) => response.end() });
  const other = await startTestServer(t, { handler: (_request, response) => response.end() });
  const proxy = await startProxy(t);
  const transport = createHttpsTransport({
    server: server.url,
    caPem: other.authority.certificatePem,
    proxyUrl: `http://${proxy.host}`,
  });
  await assert.rejects(transport.request({ method: 'GET', path: '/', headers: {} }), { code: 'TRANSPORT_TLS' });
  await transport.close({ final: true });
  await until('nothing is open at the proxy', () => proxy.seen.open === 0);
});

test('a certificate can be looked at through it', async (t) => {
  const server = await startTestServer(t, { handler: (_request, response) => response.end() });
  const proxy = await startProxy(t);
  const { certificate } = await shakeHands({
    ...{ host: '127.0.0.1', port: server.port, timeoutMs: 60_000 },
    proxyUrl: `http://${proxy.host}`,
  });
  assert.deepEqual(certificate.ipAddresses, ['127.0.0.1']);
  assert.equal(proxy.seen.heads.length, 1);
});

test('a proxy that does not let through is told with what it says, and never with its user', async (t) => {
  const target = { host: 'fd00::1', port: 6443 };
  for (const [answer, problem] of [
    [
      'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n',
      /does not connect to \[fd00::1\]:6443: it answers 407/,
    ],
    ['HTTP/1.1 302\r\n\r\n', /it answers 302/],
    ['SSH-2.0-OpenSSH\r\n\r\n', /its answer is no answer of HTTP/],
    ['x'.repeat(20_000), /its answer is no answer of HTTP/],
    ['', /it closed the connection/],
  ] as const) {
    const proxy = await startProxy(t, answer);
    await assert.rejects(
      openTunnel(`http://me:secret@${proxy.host}`, target, { signal: new AbortController().signal }),
      (error: Error) => {
        assert.match(error.message, problem);
        assert.match(error.message, new RegExp(`^proxy ${proxy.host}`));
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
    await until('nothing is open at the proxy', () => proxy.seen.open === 0);
  }
  const silent = await startProxy(t, 'HTTP/1.1 200');
  const ended = new AbortController();
  const opening = openTunnel(`http://${silent.host}`, target, { signal: ended.signal });
  await until('the proxy has heard it', () => silent.seen.heads.length === 1);
  ended.abort();
  await assert.rejects(opening, /it does not answer in time/);
  await assert.rejects(
    openTunnel('http://127.0.0.1:1', target, { signal: new AbortController().signal }),
    /^Error: proxy 127\.0\.0\.1:1: /,
  );
});
