import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { after, test } from 'node:test';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import type { V1Container, V1Probe } from '../../api/gen/types.ts';
import { createAuthority } from '../../pki/authority.ts';
import { systemClock } from '../../std/clock.ts';
import { GrpcError } from '../../std/grpc/grpc-error.ts';
import type { ContainerStreams } from '../runtime/runtime-abilities.ts';
import { decodeResponse } from './grpc-health.ts';
import { httpGetOf, urlOf } from './http-get.ts';
import { resolveContainerPort } from './probe-target.ts';
import { tryProbe } from './probe-try.ts';

const seen: IncomingMessage[] = [];
function answer(request: IncomingMessage, response: ServerResponse): void {
  seen.push(request);
  const [path = '', query = ''] = (request.url ?? '').split('?');
  if (path === '/slow') return;
  if (path === '/cut') return void request.socket.destroy();
  if (path === '/switch') return void request.socket.write('HTTP/1.1 101 x\r\nUpgrade: y\r\nConnection: Upgrade\r\n\r\nrest');
  if (path === '/go-on') return void request.socket.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000));
  if (path === '/simple') return void request.socket.end('HTTP/1.0 204 x\nContent-Type: text/plain\n\n');
  if (path === '/large') return void response.end('x'.repeat(1 << 20));
  if (path === '/to') return void response.writeHead(302, { location: decodeURIComponent(query) }).end('moved');
  if (path === '/loop') return void response.writeHead(301, { location: '/loop' }).end();
  response.writeHead(Number(path.slice(1)) || 200).end('body');
}
const server = createServer(answer);
await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
const clock = systemClock;
const authority = await createAuthority({
  commonName: 'x',
  notBeforeMs: clock.now() - 1000,
  notAfterMs: clock.now() + 3_600_000,
});
const secure = createHttpsServer({ cert: authority.certificatePem, key: authority.privateKeyPem }, answer);
await new Promise<void>((resolve) => void secure.listen(0, '127.0.0.1', resolve));
const closed = createTcpServer();
await new Promise<void>((resolve) => void closed.listen(0, '127.0.0.1', resolve));
const closedPort = (closed.address() as AddressInfo).port;
await new Promise((resolve) => closed.close(resolve));
after(() => {
  server.closeAllConnections();
  secure.closeAllConnections();
  server.close();
  secure.close();
});

const container: V1Container = { name: 'c', ports: [{ name: 'web', containerPort: port }] };
const tools = (execSync?: ContainerStreams['execSync']) => ({
  streams: execSync && { execSync },
  setTimer: clock.setTimer,
  nowMs: clock.now,
});
const attempt = (probe: V1Probe, execSync?: ContainerStreams['execSync']) =>
  tryProbe({ probe, container, containerId: 'id', podIp: '127.0.0.1' }, tools(execSync));
const get = (path: string, more: object = {}) => attempt({ httpGet: { port, path, ...more } });

for (const [path, result, output] of [
  ['/200', 'success', 'body'],
  ['/399', 'warning', 'Probe terminated redirects, Response body: body'],
  ['/304', 'warning', 'Probe terminated redirects, Response body: '],
  ['/400', 'failure', 'HTTP probe failed with statuscode: 400'],
  ['/500', 'failure', 'HTTP probe failed with statuscode: 500'],
  ['/switch', 'failure', 'HTTP probe failed with statuscode: 101'],
  ['/to?/200', 'success', 'body'],
  ['/to?/503', 'failure', 'HTTP probe failed with statuscode: 503'],
  ['/to?http%3A%2F%2Felsewhere.example%2F', 'warning', 'Probe terminated redirects, Response body: moved'],
] as const)
  test(`an HTTP probe of ${path} is a ${result}`, async () => {
    assert.deepEqual(await get(path), { result, output });
  });

test('redirects that go round end as a failure', async () => {
  const { result, output } = await get('/loop');
  assert.equal(result, 'failure');
  assert.match(output, /^Get "http:\/\/127\.0\.0\.1:\d+\/loop": stopped after 10 redirects$/);
});

test('of a large answer only the start is read', async () => {
  const { result, output } = await get('/large');
  assert.deepEqual([result, output.length], ['success', 10 * 1024]);
});

test('failures of connections are told in the words of Go', async () => {
  assert.equal(
    (await get('/', { port: closedPort })).output,
    `Get "http://127.0.0.1:${closedPort}/": dial tcp 127.0.0.1:${closedPort}: connect: connection refused`,
  );
  assert.equal((await get('/cut')).output, `Get "http://127.0.0.1:${port}/cut": EOF`);
  const slow = await attempt({ httpGet: { port, path: '/slow' }, timeoutSeconds: 1 });
  assert.equal(
    slow.output,
    `Get "http://127.0.0.1:${port}/slow": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  );
});

test('a probe says who it is, and takes headers and the host that it is given', async () => {
  seen.length = 0;
  await get('/200?x=1');
  await get('/200', {
    port: 'web',
    httpHeaders: [
      { name: 'Host', value: 'shop.example' },
      { name: 'X-A', value: '1' },
      { name: 'x-a', value: '2' },
      { name: 'accept', value: '' },
      { name: 'User-Agent', value: 'me' },
    ],
  });
  const [plain, own] = seen;
  assert.equal(plain!.url, '/200?x=1');
  assert.deepEqual(
    [plain!.headers['user-agent'], plain!.headers.accept, plain!.headers.host, plain!.headers.connection],
    ['kube-probe/1.36', '*/*', `127.0.0.1:${port}`, 'close'],
  );
  assert.deepEqual(
    [own!.headers['user-agent'], own!.headers.accept, own!.headers.host, own!.headers['x-a']],
    ['me', undefined, 'shop.example', '1, 2'],
  );
});

test('thousands of headers are put together once each', () => {
  const httpHeaders = Array.from({ length: 100_000 }, (_, i) => ({ name: i % 2 === 0 ? `X-${i}` : 'x-same', value: 'v' }));
  const { headers } = httpGetOf({ port, httpHeaders }, { name: 'c' }, '127.0.0.1', 'probe');
  assert.equal(Object.keys(headers).length, 50_003);
  assert.equal(headers['x-same']!.length, 50_000);
});

test('a server that answers that the request may go on, again and again, has failed', async () => {
  const tried = await attempt({ httpGet: { port, path: '/go-on' }, timeoutSeconds: 3600 });
  assert.deepEqual(
    [tried.result, tried.output],
    ['failure', `Get "http://127.0.0.1:${port}/go-on": net/http: too many 1xx informational responses`],
  );
});

test('HTTPS is spoken without looking at the certificate', async () => {
  const { port: securePort } = secure.address() as AddressInfo;
  assert.equal((await get('/200', { port: securePort, scheme: 'HTTPS' })).result, 'success');
});

test('headers that HTTP forbids, and paths of any text, break nothing', async () => {
  assert.equal((await get('/200', { httpHeaders: [{ name: 'X', value: 'a\r\nY: b' }] })).result, 'failure');
  await fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (path) => {
      const url = urlOf(httpGetOf({ port, path }, container, '10.0.0.5', 'probe'));
      assert.match(url, new RegExp(`^http://10\\.0\\.0\\.5:${port}/[\\x21-\\x7e]*$`));
    }),
    { verbose: 1 },
  );
});

test('a TCP probe passes when somebody listens', async () => {
  assert.deepEqual(await attempt({ tcpSocket: { port } }), { result: 'success', output: '' });
  assert.deepEqual(await attempt({ tcpSocket: { port: closedPort } }), {
    result: 'failure',
    output: `dial tcp 127.0.0.1:${closedPort}: connect: connection refused`,
  });
});

test('a simple server that ends its lines without a carriage return is understood, as by upstream', async () => {
  assert.equal((await get('/simple')).result, 'success');
});

test('ports are numbers, names, or numbers as text', () => {
  assert.equal(resolveContainerPort('web', container), port);
  assert.equal(resolveContainerPort('81', container), 81);
  assert.throws(() => resolveContainerPort('nope', container), /parsing "nope": invalid syntax/);
  assert.throws(() => resolveContainerPort(70_000, container), /invalid port number: 70000/);
  assert.throws(() => resolveContainerPort('0', container), /invalid port number: 0/);
});

test('a command says by its exit status how the container is', async () => {
  const run = (exitCode: number) => async () => ({ stdout: Buffer.from('out'), stderr: Buffer.from('err'), exitCode });
  const probe = { exec: { command: ['check'] }, timeoutSeconds: 3 };
  assert.deepEqual(await attempt(probe, run(0)), { result: 'success', output: 'outerr' });
  assert.deepEqual(await attempt(probe, run(1)), { result: 'failure', output: 'outerr' });
  const timedOut = new GrpcError('DeadlineExceeded', 'x');
  assert.deepEqual(await attempt(probe, () => Promise.reject(timedOut)), {
    result: 'failure',
    output: 'command timed out: "check" timed out after 3s',
  });
  await assert.rejects(
    attempt(probe, () => Promise.reject(new Error('no such container'))),
    /no such container/,
  );
  await assert.rejects(attempt(probe), /cannot run commands/);
});

test('a command knows the variables that the container names by value', async () => {
  let ran: readonly string[] = [];
  const run: ContainerStreams['execSync'] = async (_id, command) => {
    ran = command;
    return { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), exitCode: 0 };
  };
  await tryProbe(
    {
      probe: { exec: { command: ['test', '$(PORT)', '$(NOBODY)', '$$(PORT)'] } },
      container: { name: 'c', env: [{ name: 'PORT', value: '80' }] },
      containerId: 'id',
      podIp: '',
    },
    tools(run),
  );
  assert.deepEqual(ran, ['test', '80', '$(NOBODY)', '$(PORT)']);
});

test('a gRPC service says how it is', async (t) => {
  const grpc = new Server();
  const answers: Record<string, (callback: (error: object | null, value?: Buffer) => void) => void> = {
    '': (callback) => callback(null, Buffer.from([0x08, 1])),
    ill: (callback) => callback(null, Buffer.from([0x08, 2])),
    gone: (callback) => callback({ code: status.NOT_FOUND, details: 'unknown service' }),
    silent: () => undefined,
  };
  const definition = {
    Check: {
      path: '/grpc.health.v1.Health/Check',
      requestStream: false,
      responseStream: false,
      requestDeserialize: (bytes: Buffer) => ({ service: bytes.subarray(2).toString() }),
      requestSerialize: (bytes: Buffer) => bytes,
      responseSerialize: (bytes: Buffer) => bytes,
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  };
  grpc.addService(definition, {
    Check: (call: { request: { service: string } }, callback: (error: object | null, value?: Buffer) => void) =>
      answers[call.request.service]!(callback),
  });
  const grpcPort = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  t.after(() => grpc.forceShutdown());
  const check = async (service: string, at = grpcPort) => attempt({ grpc: { port: at, service }, timeoutSeconds: 1 });
  assert.deepEqual(await check(''), { result: 'success', output: '' });
  assert.equal((await check('ill')).output, 'service unhealthy (responded with "NOT_SERVING")');
  assert.equal((await check('gone')).output, 'error: health rpc probe failed: rpc error: code = NotFound desc = unknown service');
  assert.equal((await check('silent')).output, 'timeout: health rpc did not complete within 1s');
  assert.equal(
    (await check('', closedPort)).output,
    `timeout: failed to connect service "127.0.0.1:${closedPort}" within 1s: context deadline exceeded`,
  );
});

test('any bytes are an answer of the health protocol or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        assert.ok(Number.isFinite(decodeResponse(Buffer.from(bytes))));
      } catch (error) {
        assert.match((error as Error).message, /no message|cut off/);
      }
    }),
    { verbose: 1 },
  );
  assert.equal(decodeResponse(Buffer.from([0x12, 1, 0, 0x08, 1])), 1);
});
