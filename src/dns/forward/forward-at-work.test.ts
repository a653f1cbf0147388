import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import { RCODE, TYPE } from '../message/constants.ts';
import { readMessage } from '../message/read-message.ts';
import { addressRecord } from '../message/records.ts';
import { MessageWriter } from '../message/write-message.ts';
import { createFrameReader, framed } from '../server/tcp-frames.ts';
import { askTcp, askUdp, startTestServer } from '../server/test-server.ts';

type Transport = 'udp' | 'tcp';

/** A server that answers over both with its own address, or as it is told. */
async function startUpstream(t: TestContext, number: number) {
  const asked: string[] = [];
  const state = { silent: new Set<Transport>(), truncates: false, held: undefined as (() => void)[] | undefined };
  const writer = new MessageWriter();
  const answer = (bytes: Buffer, transport: Transport, send: (bytes: Buffer) => void) => {
    const query = readMessage(bytes);
    const { name, type } = query.question!;
    asked.push(`${transport} ${name}${type === TYPE.NS ? ' check' : ''}`);
    if (state.silent.has(transport)) return;
    const truncated = state.truncates && transport === 'udp';
    const answers = type === TYPE.A && !truncated ? [addressRecord(name, `192.0.2.${number}`, 30)!] : [];
    const respond = () => send(Buffer.from(writer.write({ ...query, response: true, truncated, answers }, 65_535)));
    if (state.held && type === TYPE.A) state.held.push(respond);
    else respond();
  };
  const sockets = new Set<Socket>();
  const tcp = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined)); // who asked has hung up
    socket.on(
      'data',
      createFrameReader((bytes) => answer(bytes, 'tcp', (response) => socket.write(framed(response)))),
    );
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  udp.on('message', (bytes, from) => answer(bytes, 'udp', (response) => udp.send(response, from.port, from.address)));
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  t.after(() => {
    udp.close();
    hangUp();
    tcp.close();
  });
  return { at: `127.0.0.1:${port}`, asked, state, hangUp };
}

const startForward = async (t: TestContext, lines: string) => {
  const running = await startTestServer(`. {\n ${lines}\n}`);
  t.after(() => running[Symbol.asyncDispose]());
  const answerOf = ({ rcode, answers }: Awaited<ReturnType<typeof askUdp>>) => {
    const data = answers[0]?.data;
    return rcode === RCODE.NOERROR && data && 'raw' in data ? data.raw[3]! : `rcode ${rcode}`;
  };
  return {
    udp: async (name: string) => answerOf(await askUdp(running.port, name, TYPE.A)),
    tcp: async (name: string) => answerOf(await askTcp(running.port, name, TYPE.A)),
    raw: (name: string) => askUdp(running.port, name, TYPE.A),
  };
};

const inTurn = async <T>(count: number, ask: (i: number) => Promise<T>): Promise<T[]> => {
  const all: T[] = [];
  for (let i = 0; i < count; i++) all.push(await ask(i));
  return all;
};

test('round_robin asks one after the other, sequential the first, random whichever', async (t) => {
  const [one, two, three] = [await startUpstream(t, 1), await startUpstream(t, 2), await startUpstream(t, 3)];
  const to = [one, two, three].map(({ at }) => at).join(' ');
  const by = async (policy: string, count: number) => {
    const { udp } = await startForward(t, `forward . ${to} {\n policy ${policy}\n}`);
    return inTurn(count, (i) => udp(`n${i}.test.`));
  };
  assert.deepEqual(await by('round_robin', 6), [1, 2, 3, 1, 2, 3]);
  assert.deepEqual(await by('sequential', 4), [1, 1, 1, 1]);
  assert.equal(new Set(await by('random', 60)).size, 3);
});

test('names of `except` are left to the next, all others of the zone are asked for', async (t) => {
  const one = await startUpstream(t, 1);
  const lines = `forward example.org ${one.at} {\n except b.example.org\n}\n template ANY ANY {\n rcode NXDOMAIN\n fallthrough\n}`;
  const { udp } = await startForward(t, lines.replace('template ANY ANY', 'template ANY ANY b.example.org example.net'));
  assert.equal(await udp('a.example.org.'), 1);
  assert.deepEqual([await udp('x.b.example.org.'), await udp('example.net.')], ['rcode 3', 'rcode 3']);
  assert.deepEqual(one.asked, ['udp a.example.org.']);
});

test('a query goes on as it came, over UDP first with prefer_udp, over TCP alone with force_tcp', async (t) => {
  const one = await startUpstream(t, 1);
  const plain = await startForward(t, `forward . ${one.at}`);
  assert.deepEqual([await plain.udp('a.'), await plain.tcp('b.')], [1, 1]);
  const prefer = await startForward(t, `forward . ${one.at} {\n prefer_udp\n}`);
  assert.equal(await prefer.tcp('c.'), 1);
  const force = await startForward(t, `forward . ${one.at} {\n force_tcp\n}`);
  assert.equal(await force.udp('d.'), 1);
  assert.deepEqual(one.asked.splice(0), ['udp a.', 'tcp b.', 'udp c.', 'tcp d.']);
  one.state.truncates = true;
  assert.equal((await plain.raw('e.')).truncated, true, 'who asked over UDP comes again');
  assert.equal(await plain.tcp('e.'), 1);
  assert.equal(await prefer.tcp('f.'), 1, 'what was cut off is asked for over TCP');
  assert.deepEqual(one.asked, ['udp e.', 'tcp e.', 'udp f.', 'tcp f.']);
});

test('who is down is asked no more until a check succeeds, and checks go over what is asked over', async (t) => {
  const [one, two] = [await startUpstream(t, 1), await startUpstream(t, 2)];
  const options = 'policy sequential\n max_fails 1\n health_check 50ms no_rec domain check.test\n force_tcp';
  const { udp } = await startForward(t, `forward . ${one.at} ${two.at} {\n ${options}\n}`);
  // It never answers over UDP, which matters to nobody.
  one.state.silent.add('udp');
  assert.equal(await udp('a.'), 1);
  one.state.silent.add('tcp');
  const lost = udp('b.');
  await until('it was asked', () => one.asked.includes('tcp b.'));
  one.hangUp();
  assert.equal(await lost, 2, 'another answers');
  await until('it is checked', () => one.asked.some((line) => line === 'tcp check.test. check'));
  one.hangUp();
  await until('it is down', async () => (await udp('c.')) === 2 && !one.asked.includes('tcp c.'));
  one.state.silent.clear();
  one.hangUp();
  await until('it is back', async () => (await udp('d.')) === 1);
  assert.ok(!one.asked.some((line) => line.startsWith('udp')), one.asked.join());
});

test('max_concurrent refuses what is too much at once, and takes more when there is room', async (t) => {
  const one = await startUpstream(t, 1);
  one.state.held = [];
  const { udp } = await startForward(t, `forward . ${one.at} {\n max_concurrent 2\n max_fails 0\n}`);
  const first = [udp('a.'), udp('b.')];
  await until('both are asked for', () => one.state.held?.length === 2);
  assert.equal(await udp('c.'), `rcode ${RCODE.REFUSED}`);
  for (const respond of one.state.held.splice(0)) respond();
  assert.deepEqual(await Promise.all(first), [1, 1]);
  one.state.held = undefined;
  assert.equal(await udp('d.'), 1);
});
