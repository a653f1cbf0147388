import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, constants, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { Agent, request as httpsRequest } from 'node:https';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { silentLogger } from '../../std/logger.ts';
import { type CertificatePair, createTestPki, startTestApi, type TestApi } from '../test-api.ts';
import { type Listener, openListener } from './listener.ts';

let api: TestApi;
before(async () => {
  api = await startTestApi({ keepsAnonymousConnections: true });
});
after(() => api.stop());

interface HttpsAnswer {
  status: number;
  text: string;
  version: string;
  headers: NodeJS.Dict<string | string[]>;
}

function https(
  path: string,
  options: { pair?: CertificatePair; method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<HttpsAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port: api.server.port,
        path,
        method: options.method ?? 'GET',
        ca: api.pki.caPem,
        agent: false,
        ...(options.headers && { headers: options.headers }),
        ...(options.pair && { cert: options.pair.certificatePem, key: options.pair.privateKeyPem }),
      },
      async (answer) => {
        let text = '';
        for await (const chunk of answer) text += chunk;
        resolve({ status: answer.statusCode ?? 0, text, version: answer.httpVersion, headers: answer.headers });
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}

test('HTTP/1.1 is served over TLS', async () => {
  const answer = await https('/readyz');
  assert.deepEqual([answer.status, answer.text, answer.version], [200, 'ok', '1.1']);
});

test('HTTP/2 is served on the same port, with many requests on one connection', async () => {
  const session = connect(`https://127.0.0.1:${api.server.port}`, { ca: api.pki.caPem });
  const get = (path: string) =>
    new Promise<[number, string]>((resolve, reject) => {
      const stream = session.request({ ':path': path });
      let status = 0;
      let text = '';
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        text += chunk;
      });
      stream.on('end', () => resolve([status, text]));
      stream.on('error', reject);
    });
  const answers = await Promise.all(Array.from({ length: 20 }, () => get('/api/v1/namespaces/default')));
  for (const [status, text] of answers) {
    assert.equal(status, 200);
    assert.equal(JSON.parse(text).metadata.name, 'default');
  }
  await new Promise<void>((resolve) => session.close(resolve));
});

interface Http2Answered {
  status: number;
  text: string;
  headers: IncomingHttpHeaders;
}

/** One request on a session of its own. */
async function http2(headers: OutgoingHttpHeaders, body?: string): Promise<Http2Answered> {
  const session = connect(`https://127.0.0.1:${api.server.port}`, { ca: api.pki.caPem });
  try {
    const stream = session.request(headers, { endStream: body === undefined });
    let head: IncomingHttpHeaders = {};
    stream.on('response', (answered) => {
      head = answered;
    });
    if (body !== undefined) stream.end(body);
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    return { status: Number(head[':status']), text, headers: head };
  } finally {
    session.destroy();
  }
}

test('a head may have as many headers as it has room for, and the last of them counts', async (t) => {
  const counts: (readonly [number, readonly string[]])[] = [];
  const listener = await openListener({
    ...{ bindAddress: '127.0.0.1', port: 0, tls: api.pki.serving, logger: silentLogger },
    serve: async (request, response) => {
      counts.push([request.headerValues!('impersonate-group').length, request.headerValues!('impersonate-user')]);
      response.writeHead(204);
      response.end();
    },
  });
  t.after(() => {
    listener.close();
    return listener.destroy();
  });
  const groups = (count: number) => Array.from({ length: count }, (_, i) => `g${i}`);
  const lines = groups(30_000).map((group) => `Impersonate-Group: ${group}\r\n`);
  const options = { host: '127.0.0.1', port: listener.port, ca: api.pki.caPem };
  const socket = connectTls({ ...options, ALPNProtocols: ['http/1.1'] });
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines.join('')}Impersonate-User: u\r\n\r\n`);
  await once(socket.resume(), 'close');
  const session = connect(`https://127.0.0.1:${listener.port}`, { ca: api.pki.caPem, maxSendHeaderBlockLength: 1 << 20 });
  const stream = session.request({ ':path': '/', 'impersonate-group': groups(6_000), 'impersonate-user': 'u' });
  await once(stream.resume(), 'close');
  session.destroy();
  assert.deepEqual(counts, [
    [30_000, ['u']],
    [6_000, ['u']],
  ]);
});

test('HTTP/2 requests with a body, without one, for the head only and with a broken path are answered as those of HTTP/1.1', async () => {
  const body = JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'two' },
    data: { a: 'x'.repeat(300_000) },
  });
  const path = '/api/v1/namespaces/default/configmaps';
  const json = { 'content-type': 'application/json' };
  const created = await http2({ ':method': 'POST', ':path': path, ...json }, body);
  assert.deepEqual([created.status, JSON.parse(created.text).metadata.name], [201, 'two']);
  const patch = JSON.stringify({ data: { a: 'short' } });
  const patchType = { 'content-type': 'application/merge-patch+json' };
  const patched = await http2({ ':method': 'PATCH', ':path': `${path}/two`, expect: '100-continue', ...patchType }, patch);
  assert.deepEqual([patched.status, JSON.parse(patched.text).data.a], [200, 'short']);
  assert.equal(patched.headers['content-length'], String(patched.text.length));
  assert.ok(patched.headers['audit-id']);
  const head = await http2({ ':method': 'HEAD', ':path': '/readyz' });
  assert.equal(head.text, '');
  assert.equal(head.status, (await https('/readyz', { method: 'HEAD' })).status);
  const broken = await http2({ ':path': '/api/%zz' });
  assert.deepEqual([broken.status, broken.text], [400, '400 Bad Request: malformed escape in the path']);
  const tooLarge = await http2({ ':method': 'POST', ':path': path, ...json }, 'x'.repeat(4 << 20));
  assert.equal(tooLarge.status, 413);
});

test('an HTTP/2 client that resets a request, half sent or watching, is let go', async () => {
  const session = connect(`https://127.0.0.1:${api.server.port}`, { ca: api.pki.caPem });
  const half = session.request({
    ':method': 'POST',
    ':path': '/api/v1/namespaces/default/configmaps',
    'content-type': 'application/json',
  });
  half.on('error', () => undefined);
  half.write('{"metadata":');
  const watching = session.request({ ':path': '/api/v1/configmaps?watch=1' });
  watching.on('error', () => undefined);
  await new Promise((resolve) => watching.once('response', resolve));
  half.close(constants.NGHTTP2_CANCEL);
  watching.close(constants.NGHTTP2_CANCEL);
  await Promise.all([half, watching].map((stream) => new Promise((resolve) => stream.once('close', resolve))));
  await new Promise<void>((resolve) => session.close(resolve));
  assert.equal((await http2({ ':path': '/readyz' })).text, 'ok');
});

test('curl and browsers get indented answers, programs do not', async () => {
  const curl = await https('/version', { headers: { 'user-agent': 'curl/7.88.1' } });
  assert.match(curl.text, /^\{\n {2}"major": "1",\n/);
  assert.doesNotMatch((await https('/version')).text, /\n/);
});

test('a client certificate that does not verify is refused, one that does is not', async () => {
  const good = await api.pki.clientPair('jane', ['dev']);
  assert.equal((await https('/api/v1/namespaces', { pair: good })).status, 200);
  const foreign = await (await createTestPki()).clientPair('jane', ['dev']);
  const refused = await https('/api/v1/namespaces', { pair: foreign });
  assert.equal(refused.status, 401);
  assert.equal(JSON.parse(refused.text).reason, 'Unauthorized');
});

test('a path with a broken escape and a body that is too large are answered, not fatal', async () => {
  assert.equal((await https('/api/%zz')).status, 400);
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { a: 'x'.repeat(4 << 20) } });
  const answer = await https('/api/v1/namespaces/default/configmaps', { method: 'POST', body });
  assert.equal(answer.status, 413);
  assert.equal((await https('/readyz')).status, 200);
});

test('large answers are compressed for those who accept it', async () => {
  for (let i = 0; i < 4; i++)
    await api.call('POST', '/api/v1/namespaces/default/configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `large-${i}` },
      data: { a: 'x'.repeat(50_000) },
    });
  const answer = await https('/api/v1/namespaces/default/configmaps', { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(answer.headers['content-encoding'], 'gzip');
  assert.ok(Number(answer.headers['content-length']) < 20_000);
});

test('a list that is sent in slices is whole by every protocol, also when many are sent at a time', async () => {
  await api.call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'slices' } });
  const path = '/api/v1/namespaces/slices/configmaps';
  for (let i = 0; i < 12; i++)
    await api.call('POST', path, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `large-${i}` },
      data: { a: `${i}`.repeat(40_000 + i) },
    });
  const withoutSockets = await api.transport.request({ method: 'GET', path, headers: {} });
  let expected = '';
  for await (const chunk of withoutSockets.body) expected += Buffer.from(chunk).toString();
  // The list's own revision goes on while the server writes what it writes at its start.
  const itemsOf = (text: string) => text.slice(text.indexOf('"items":'));
  const isWhole = (text: string) => text.startsWith('{"kind":"ConfigMapList"') && itemsOf(text) === itemsOf(expected);
  const http1 = await Promise.all(Array.from({ length: 5 }, () => https(path)));
  for (const { text, headers } of http1) {
    assert.ok(isWhole(text), text.slice(0, 200));
    assert.equal(Number(headers['content-length']), text.length);
  }
  const session = connect(`https://127.0.0.1:${api.server.port}`, { ca: api.pki.caPem });
  const texts = await Promise.all(
    Array.from({ length: 5 }, async () => {
      let text = '';
      for await (const chunk of session.request({ ':path': path }).setEncoding('utf8')) text += chunk;
      return text;
    }),
  );
  for (const text of texts) assert.ok(isWhole(text), text.slice(0, 200));
  await new Promise<void>((resolve) => session.close(resolve));
});

test('a client that leaves in the middle of a long answer is let go', async () => {
  const path = '/api/v1/namespaces/slices/configmaps';
  const leaving = httpsRequest({ host: '127.0.0.1', port: api.server.port, path, ca: api.pki.caPem, agent: false }, (answer) =>
    answer.once('data', () => leaving.destroy()),
  );
  leaving.on('error', () => undefined);
  leaving.end();
  await new Promise((resolve) => leaving.once('close', resolve));
  const session = connect(`https://127.0.0.1:${api.server.port}`, { ca: api.pki.caPem });
  const stream = session.request({ ':path': path });
  stream.once('data', () => stream.close());
  await new Promise((resolve) => stream.once('close', resolve));
  await new Promise<void>((resolve) => session.close(resolve));
  assert.equal((await https(path)).status, 200);
});

test('a warning may name a field in any script', async () => {
  const body = JSON.stringify({ metadata: { name: 'scripts' }, 日本: 1 });
  const headers = { 'content-type': 'application/json' };
  const answer = await https('/api/v1/namespaces/default/configmaps', { method: 'POST', body, headers });
  assert.equal(answer.status, 201);
  const warning = Buffer.from(String(answer.headers['warning']), 'latin1').toString('utf8');
  assert.equal(warning, '299 - "unknown field \\"日本\\""');
});

test('a head that is too long or no HTTP is told so before the connection ends', async () => {
  const say = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port: api.server.port, ca: api.pki.caPem, servername: 'localhost' });
      let heard = '';
      socket.on('data', (chunk) => {
        heard += chunk;
      });
      socket.on('close', () => resolve(heard.split('\r\n')[0]!));
      socket.on('error', reject);
      socket.write(text);
    });
  assert.equal(await say('no HTTP\r\n\r\n'), 'HTTP/1.1 400 Bad Request');
  const get = (bytes: number) => `GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\na: ${'x'.repeat(bytes)}\r\n\r\n`;
  assert.equal(await say(get(1_100_000)), 'HTTP/1.1 431 Request Header Fields Too Large');
  // `kubectl exec` puts the whole command into the path.
  assert.equal(await say(get(1_000_000)), 'HTTP/1.1 200 OK');
  // What two readers could take for two different requests is none.
  const smuggled = 'POST /readyz HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n';
  assert.equal(await say(smuggled), 'HTTP/1.1 400 Bad Request');
  const ask = (target: string, hosts: string) => say(`GET ${target} HTTP/1.1\r\n${hosts}connection: close\r\n\r\n`);
  assert.equal(await ask('/readyz', 'host: a\r\nHost: a\r\n'), 'HTTP/1.1 400 Bad Request');
  assert.equal(await ask('/readyz', 'host: a/b\r\n'), 'HTTP/1.1 400 Bad Request');
  // As it is said to proxies.
  assert.equal(await ask('https://elsewhere/readyz', 'host: a\r\n'), 'HTTP/1.1 200 OK');
});

test('a port that is taken is named', async () => {
  const { port } = api.server;
  await assert.rejects(
    openListener({ bindAddress: '127.0.0.1', port, tls: api.pki.serving, logger: silentLogger, serve: async () => undefined }),
    new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: the port is taken`),
  );
});

test('two servers share a port where both want to; streams of HTTP/2 have their limit, or there is no HTTP/2', async () => {
  const common = { bindAddress: '127.0.0.1', tls: api.pki.serving, logger: silentLogger, serve: async () => undefined };
  const end = (listener: Listener) => {
    listener.close();
    return listener.destroy();
  };
  const first = await openListener({ ...common, port: 0, sharesPort: true, http2MaxStreams: 7 });
  try {
    const { port } = first;
    await assert.rejects(openListener({ ...common, port }), /the port is taken/);
    const second = await openListener({ ...common, port, sharesPort: true });
    await end(second);
    const session = connect(`https://127.0.0.1:${port}`, { ca: api.pki.caPem });
    const [settings] = await once(session, 'remoteSettings');
    session.destroy();
    assert.equal(settings.maxConcurrentStreams, 7);
  } finally {
    await end(first);
  }
  const plain = await openListener({ ...common, port: 0, disableHttp2: true });
  try {
    const offer = (ALPNProtocols: string[]) =>
      connectTls({ host: '127.0.0.1', port: plain.port, ca: api.pki.caPem, servername: 'localhost', ALPNProtocols });
    const socket = offer(['h2', 'http/1.1']);
    await once(socket, 'secureConnect');
    assert.equal(socket.alpnProtocol, 'http/1.1');
    socket.destroy();
    await assert.rejects(once(offer(['h2']), 'secureConnect'), /no application protocol/i);
  } finally {
    await end(plain);
  }
});

test('clients in the cluster are served at an address of their own, at the same port, over HTTP/1.1 and HTTP/2', async () => {
  const clusterAddress = '127.86.7.5';
  const other = await startTestApi({ keepsAnonymousConnections: true, clusterAddress });
  const { port } = other.server;
  const options = { ca: other.pki.caPem, servername: 'localhost' };
  try {
    const kept = new Agent({ keepAlive: true });
    const status = await new Promise((resolve, reject) => {
      const request = httpsRequest({ ...options, host: clusterAddress, port, path: '/readyz', agent: kept }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode));
      });
      request.on('error', reject);
      request.end();
    });
    assert.equal(status, 200);
    kept.destroy();
    const session = connect(`https://${clusterAddress}:${port}`, options);
    const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes';
    const text = await new Promise<string>((resolve, reject) => {
      let heard = '';
      const stream = session.request({ ':path': slices });
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        heard += chunk;
      });
      stream.on('end', () => resolve(heard));
      stream.on('error', reject);
    });
    assert.deepEqual(JSON.parse(text).endpoints[0].addresses, [clusterAddress]);
    assert.equal(other.server.url, `https://10.1.2.3:${port}`);
    await new Promise<void>((resolve) => session.close(resolve));
  } finally {
    await other.stop();
  }
  await assert.rejects(
    openListener({
      ...{ bindAddress: '127.0.0.1', port, moreAddresses: ['203.0.113.7'], tls: api.pki.serving, logger: silentLogger },
      serve: async () => undefined,
    }),
    new RegExp(`cannot listen on 203\\.0\\.113\\.7:${port}: this machine has no such address`),
  );
});

test('a server that stops lets running requests end and refuses new ones', async () => {
  const other = await startTestApi({ keepsAnonymousConnections: true });
  const watching = await other.transport.request({ method: 'GET', path: '/api/v1/pods?watch=1', headers: {} });
  await other.stop();
  for await (const chunk of watching.body) assert.fail(`nothing was to come, but ${chunk}`);
  const late = await other.transport.request({ method: 'GET', path: '/api/v1/nodes', headers: {} });
  assert.equal(late.status, 503);
});
