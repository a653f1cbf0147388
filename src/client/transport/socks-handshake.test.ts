import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import { createHttpsTransport } from './https.ts';
import { openTunnel } from './proxy-tunnel.ts';
import { startTestServer } from './test-tls-server.ts';

/** What a proxy of the loopback does with each thing that it hears: says something, says the last thing, or leads to a port. */
interface Answer {
  readonly say?: Buffer;
  readonly last?: Buffer;
  readonly leadTo?: number;
}

async function startProxy(t: TestContext, answer: (heard: Buffer) => Answer | undefined) {
  const seen = { heard: [] as string[], open: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    seen.open++;
    sockets.add(client);
    client.on('error', () => undefined);
    client.on('close', () => {
      seen.open--;
    });
    client.on('data', function onData(heard: Buffer) {
      seen.heard.push(heard.toString('hex'));
      const { say = Buffer.alloc(0), last, leadTo } = answer(heard) ?? {};
      if (last) client.end(last);
      else if (leadTo === undefined) client.write(say);
      else {
        client.off('data', onData);
        const far = connect({ host: '127.0.0.1', port: leadTo });
        sockets.add(far);
        far.on('error', () => client.destroy());
        far.on('close', () => client.destroy());
        client.on('close', () => far.destroy());
        far.once('connect', () => {
          // In two parts, as networks may have it.
          client.write(say.subarray(0, 3));
          setImmediate(() => {
            client.write(say.subarray(3));
            client.pipe(far).pipe(client);
          });
        });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { seen, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const bytes = (...values: number[]) => Buffer.from(values);
const hex = (text: string) => Buffer.from(text).toString('hex');
/** The connection comes from an address; from a name; from an IPv6 address. */
const BOUND = [
  bytes(5, 0, 0, 1, 10, 0, 0, 1, 4, 56),
  Buffer.concat([bytes(5, 0, 0, 3, 5), Buffer.from('proxy'), bytes(4, 56)]),
  Buffer.concat([bytes(5, 0, 0, 4), Buffer.alloc(16), bytes(4, 56)]),
];

test('the proxy is told the name of the server and looks it up itself', async (t) => {
  const server = await startTestServer(t, { handler: (_request, response) => response.end('ok'), dnsNames: ['api.far.example'] });
  for (const say of BOUND) {
    const proxy = await startProxy(t, ({ length }) => (length === 3 ? { say: bytes(5, 0) } : { leadTo: server.port, say }));
    const transport = createHttpsTransport({
      server: 'https://api.far.example:6443',
      caPem: server.authority.certificatePem,
      proxyUrl: `socks5://${proxy.host}`,
    });
    const { body } = await transport.request({ method: 'GET', path: '/', headers: {} });
    assert.equal(String(Buffer.concat(await Array.fromAsync(body))), 'ok');
    assert.deepEqual(proxy.seen.heard, ['050100', `050100030f${hex('api.far.example')}192b`]);
    await transport.close({ final: true });
    await until('nothing is open at the proxy', () => proxy.seen.open === 0);
  }
});

test('a user is told where the proxy asks for one, and addresses are sent as addresses', async (t) => {
  const heard: Buffer[] = [];
  const proxy = await startProxy(t, (said) => {
    heard.push(said);
    return { say: [bytes(5, 2), bytes(1, 0), BOUND[0]][heard.length - 1] };
  });
  const { signal } = new AbortController();
  const socket = await openTunnel(`socks5://me:p%40ss@${proxy.host}`, { host: 'fd00::1', port: 443 }, { signal });
  assert.deepEqual(proxy.seen.heard, [
    '05020002',
    `0102${hex('me')}04${hex('p@ss')}`,
    '05010004fd00000000000000000000000000000101bb',
  ]);
  socket.destroy();
  const open = await startProxy(t, (said) => ({ say: said.length === 4 ? bytes(5, 0) : BOUND[0] }));
  (await openTunnel(`socks5://me:secret@${open.host}`, { host: '10.1.2.3', port: 443 }, { signal })).destroy();
  assert.deepEqual(open.seen.heard, ['05020002', '050100010a01020301bb']);
});

test('a proxy that does not let through is told with what it says, and never with its user', async (t) => {
  const { signal } = new AbortController();
  const target = { host: 'fd00::1', port: 6443 };
  for (const [answers, problem] of [
    [[{ say: bytes(5, 255) }], /it wants another way to say who the user is/],
    [[{ say: bytes(5, 2) }, { say: bytes(1, 1) }], /it refuses the user/],
    [[{ say: bytes(5, 0) }, { say: bytes(5, 5, 0, 1) }], /it does not connect to \[fd00::1\]:6443: connection refused/],
    [[{ say: bytes(5, 0) }, { say: bytes(5, 99, 0, 1) }], /it does not connect to \[fd00::1\]:6443: code 99/],
    [[{ say: bytes(5, 0) }, { say: bytes(5, 0, 0, 9, 0, 0) }], /its answer is no answer of SOCKS5/],
    [[{ say: Buffer.from('HTTP/1.1 400 Bad Request') }], /its answer is no answer of SOCKS5/],
    [[{ last: bytes(5) }], /it closed the connection/],
    [[{ last: Buffer.alloc(0) }], /it closed the connection/],
  ] as const) {
    let turn = 0;
    const proxy = await startProxy(t, () => answers[turn++]);
    await assert.rejects(openTunnel(`socks5://me:secret@${proxy.host}`, target, { signal }), (error: Error) => {
      assert.match(error.message, problem);
      assert.match(error.message, new RegExp(`^proxy ${proxy.host}: `));
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    await until('nothing is open at the proxy', () => proxy.seen.open === 0);
  }
  const silent = await startProxy(t, () => ({ say: bytes(5) }));
  const ended = new AbortController();
  const opening = openTunnel(`socks5://${silent.host}`, target, { signal: ended.signal });
  await until('the proxy has heard it', () => silent.seen.heard.length === 1);
  ended.abort();
  await assert.rejects(opening, /it does not answer in time/);
  await until('nothing is open at the proxy', () => silent.seen.open === 0);
});

test('a name or a user that is too long for the protocol is refused before anything is asked', async (t) => {
  const proxy = await startProxy(t, () => ({ say: bytes(5, 0) }));
  const { signal } = new AbortController();
  const open = (user: string, host: string) => openTunnel(`socks5://${user}${proxy.host}`, { host, port: 1 }, { signal });
  await assert.rejects(open('', `${'a'.repeat(255)}.b`), /the name of the server has more than 255 bytes/);
  await assert.rejects(open(`${'u'.repeat(256)}:p@`, 'a'), /the user has more than 255 bytes/);
  await assert.rejects(open(`u:${'secret'.repeat(50)}@`, 'a'), /the password has more than 255 bytes$/);
  await assert.rejects(open(':p@', 'a'), /a password without a user/);
  assert.deepEqual(proxy.seen.heard, []);
});
