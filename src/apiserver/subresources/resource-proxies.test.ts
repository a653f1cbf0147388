import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../../../test/harness/until.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { createTestPki, startTestApi, type TestApi } from '../test-api.ts';
import { startTestKubelet, type TestKubelet } from './test-kubelet.ts';

const NAMESPACE = '/api/v1/namespaces/default';
let api: TestApi;
let kubelet: TestKubelet;

before(async () => {
  const pki = await createTestPki();
  kubelet = await startTestKubelet(pki);
  api = await startTestApi({
    kubelet: {
      client: await pki.clientPair('kubernetes'),
      caPem: pki.caPem,
      isProxyable: (address) => address.startsWith('127.0.0.1'),
    },
  });
  await kubelet.register(api);
});
after(async () => {
  await api.stop();
  await kubelet.close();
});

async function backend(t: TestContext, answer: RequestListener) {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { server, port, path: `${NAMESPACE}/pods/p:${port}/proxy` };
}

/** Over the network, as bodies that stream and cut connections need it. */
function ask(path: string, { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {}) {
  const asking = httpsRequest({
    host: '127.0.0.1',
    port: api.server.port,
    ca: api.pki.caPem,
    path,
    method,
    headers,
    agent: false,
  });
  const answered = once(asking, 'response').then(([answer]) => answer as IncomingMessage);
  return { asking, answered };
}

test('a request reaches a pod with its method, path, query and headers, and without credentials', async (t) => {
  const { path, port } = await backend(t, async (request, response) => {
    response.setHeader('set-cookie', ['a=1', 'b=2']);
    response.setHeader('access-control-allow-origin', '*');
    response.statusCode = 418;
    response.end(
      JSON.stringify({ line: `${request.method} ${request.url}`, headers: request.headers, body: await text(request) }),
    );
  });
  const sent = {
    authorization: 'Bearer secret',
    'x-remote-user': 'root',
    'impersonate-user': 'root',
    cookie: 'c=3',
    'x-own': '1',
    connection: 'x-own',
    'content-length': '4',
  };
  const { asking, answered } = ask(`${path}/a%20b/%2e?x=1&y=%2F`, { method: 'PUT', headers: sent });
  asking.end('body');
  const answer = await answered;
  const { line, headers, body } = JSON.parse(await text(answer)) as {
    line: string;
    headers: Record<string, string>;
    body: string;
  };
  assert.equal(answer.statusCode, 418);
  assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
  assert.deepEqual([line, body], ['PUT /a%20b/.?x=1&y=%2F', 'body']);
  assert.equal(headers['host'], `127.0.0.1:${port}`);
  assert.equal(headers['cookie'], 'c=3');
  assert.equal(headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(headers['x-forwarded-uri'], `${path}/a%20b/.`);
  for (const name of ['authorization', 'x-remote-user', 'impersonate-user', 'x-own'])
    assert.equal(headers[name], undefined, name);
});

test('links that lead back to the pod’s root are rewritten in redirects and HTML, compressed or not', async (t) => {
  const page =
    '<a href="/next?a=b&amp;c">x</a><img src=pic.png><a href="https://elsewhere/y">y</a><script>"</a href=/z>"</script>';
  const { path } = await backend(t, (request, response) => {
    if (request.url === '/go') return void response.writeHead(302, { location: '/there#top' }).end();
    response.setHeader('content-type', 'text/html; charset=utf-8');
    if (request.url !== '/zipped') return void response.end(page);
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(page));
  });
  const rewritten = page.replace('/next', `${path}/next`);
  const plain = await api.call('GET', `${path}/`);
  assert.equal(plain.text, rewritten);
  const { asking, answered } = ask(`${path}/zipped`);
  asking.end();
  const chunks: Buffer[] = [];
  for await (const chunk of await answered) chunks.push(chunk as Buffer);
  assert.equal(gunzipSync(Buffer.concat(chunks)).toString(), rewritten);
  const redirect = await api.call('GET', `${path}/go`);
  assert.deepEqual([redirect.status, redirect.headers['location']], [302, `${path}/there#top`]);
  const root = await api.call('GET', `${path}?a=1`);
  assert.deepEqual([root.status, root.headers['location']], [301, `${path}/?a=1`]);
});

test('an answer that goes on streams at once, and ends at the backend with the client', async (t) => {
  let ended = false;
  const { path } = await backend(t, (_request, response) => {
    response.write('first\n');
    response.once('close', () => {
      ended = true;
    });
  });
  const { asking, answered } = ask(`${path}/`);
  asking.end();
  const answer = await answered;
  assert.equal(String((await once(answer, 'data'))[0]), 'first\n');
  asking.destroy();
  await until('the backend hears of it', () => ended);
});

test('a body streams to the backend before it is whole', async (t) => {
  let heard = '';
  const { path } = await backend(t, (request, response) => {
    request.on('data', (chunk) => {
      heard += chunk;
    });
    request.on('end', () => response.end(`all of ${heard}`));
  });
  const { asking, answered } = ask(`${path}/`, { method: 'POST' });
  asking.write('one ');
  await until('the first part is there', () => heard === 'one ');
  asking.end('two');
  assert.equal(await text(await answered), 'all of one two');
});

test('a body by HTTP/2 needs no length', async (t) => {
  const { path } = await backend(t, async (request, response) => void response.end(`${request.method} ${await text(request)}`));
  for (const method of ['POST', 'DELETE']) {
    // Who does not say who he is has one answer on a connection.
    const session = connectHttp2(`https://127.0.0.1:${api.server.port}`, { ca: api.pki.caPem });
    t.after(() => session.destroy());
    const stream = session.request({ ':method': method, ':path': `${path}/` }, { endStream: false });
    stream.end('whole');
    assert.equal(await text(stream), `${method} whole`);
  }
});

test('an answer that is cut short is not taken for whole', async (t) => {
  const { path } = await backend(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('part');
    setImmediate(() => response.destroy());
  });
  const { asking, answered } = ask(`${path}/`);
  asking.end();
  await assert.rejects(text(await answered));
});

test('WebSockets go through to pods', async (t) => {
  const { path, server } = await backend(t, (_request, response) => void response.end());
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`heard ${data}`)));
  const socket = new WebSocket(`wss://127.0.0.1:${api.server.port}${path}/chat`, { ca: api.pki.caPem });
  await once(socket, 'open');
  socket.send('this');
  assert.equal(String((await once(socket, 'message'))[0]), 'heard this');
  socket.close();
  await once(socket, 'close');
});

test('a pod is reached at its first port unless another is named, and nowhere that is not a pod’s', async (t) => {
  const { port } = await backend(t, (_request, response) => void response.end('fine'));
  await kubelet.register(api, {
    pod: 'ported',
    spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: port }] }] },
  });
  assert.equal((await api.call('GET', `${NAMESPACE}/pods/ported/proxy/`)).text, 'fine');
  assert.equal((await api.call('GET', `${NAMESPACE}/pods/http:ported:/proxy/`)).text, 'fine');
  assert.equal(
    (await api.call<Status>('GET', `${NAMESPACE}/pods/ftp:ported:1/proxy/`)).body.message,
    'invalid pod request "ftp:ported:1"',
  );
  const closed = await api.call<Status>('GET', `${NAMESPACE}/pods/p:1/proxy/`);
  assert.equal(closed.status, 503);
  assert.equal(closed.body.message, 'error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused');
  for (const [name, podIp] of [
    ['local', '127.0.0.2'],
    ['linked', '169.254.169.254'],
  ] as const) {
    await kubelet.register(api, { pod: name, podIp });
    const refused = await api.call<Status>('GET', `${NAMESPACE}/pods/${name}:80/proxy/`);
    assert.deepEqual([refused.status, refused.body.message], [400, 'address not allowed']);
  }
});

test('a Service without endpoints, or that is not there, is told of', async () => {
  const { body } = await api.call<Status>('GET', `${NAMESPACE}/services/none/proxy/`);
  assert.equal(body.message, 'services "none" not found');
  await api.call('POST', `${NAMESPACE}/services`, { metadata: { name: 'web' }, spec: { ports: [{ name: 'http', port: 80 }] } });
  const none = await api.call<Status>('GET', `${NAMESPACE}/services/web:http/proxy/path`);
  assert.deepEqual([none.status, none.body.message], [503, 'no endpoints available for service "web:http"']);
  const other = await api.call<Status>('GET', `${NAMESPACE}/services/web:81/proxy/path`);
  assert.deepEqual([other.status, other.body.message], [503, 'no service port 81 found for service "web"']);
});

test('a node’s kubelet sees this server’s certificate, other ports of the node do not', async (t) => {
  const { port } = await backend(t, (request, response) => void response.end(`plain ${request.url}`));
  const configz = await api.call('GET', '/api/v1/nodes/n1/proxy/configz?a=b', undefined, { authorization: 'Bearer secret' });
  assert.equal(configz.text, 'GET /configz?a=b');
  const { user, headers } = kubelet.requests.at(-1)!;
  assert.deepEqual([user, headers.authorization], ['kubernetes', undefined]);
  assert.equal((await api.call('GET', `/api/v1/nodes/https:n1:${kubelet.port}/proxy/healthz`)).text, 'GET /healthz');
  assert.equal((await api.call('GET', `/api/v1/nodes/n1:${port}/proxy/x`)).text, 'plain /x');
  const head = await api.call('HEAD', '/api/v1/nodes/n1/proxy/healthz');
  assert.deepEqual([head.status, head.text], [200, '']);
  const options = ask('/api/v1/nodes/n1/proxy/healthz', { method: 'OPTIONS' });
  options.asking.end();
  assert.equal(await text(await options.answered), 'OPTIONS /healthz');
});

test('nothing said behind a wish for another protocol reaches a backend that does not grant it', async (t) => {
  const lines: string[] = [];
  const { path } = await backend(t, (request, response) => {
    lines.push(request.url ?? '');
    response.writeHead(403).end('no');
  });
  const asking = httpsRequest({
    host: '127.0.0.1',
    port: api.server.port,
    ca: api.pki.caPem,
    path: `${path}/`,
    headers: { connection: 'Upgrade', upgrade: 'websocket' },
    agent: false,
  });
  asking.end();
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  asking.socket?.write('GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.deepEqual([answer.statusCode, await text(answer)], [403, 'no']);
  assert.deepEqual(lines, ['/']);
});
