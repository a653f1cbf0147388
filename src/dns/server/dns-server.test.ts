import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { freePort } from '../../../test/harness/free-port.ts';
import { until } from '../../../test/harness/until.ts';
import { CLASS, RCODE, TYPE } from '../message/constants.ts';
import { readMessage } from '../message/read-message.ts';
import { askUdp, startTestServer } from './test-server.ts';

const hosts = (count: number) => Array.from({ length: count }, (_, i) => `10.9.${i >> 8}.${i & 255} many.test`).join('\n');

function resolver(port: number): Resolver {
  const own = new Resolver({ timeout: 5000, tries: 2 });
  own.setServers([`127.0.0.1:${port}`]);
  return own;
}

const edns = (size: number, version = 0) => ({ size, version, dnssecOk: false });

test('an answer too long for its datagram says so, and comes whole over TCP or in a larger one', async () => {
  await using running = await startTestServer(`. {\n hosts {\n${hosts(100)}\n }\n loadbalance\n}`);
  const short = await askUdp(running.port, 'many.test.', TYPE.A);
  assert.equal(short.truncated, true);
  assert.ok(short.answers.length < 40);
  const large = await askUdp(running.port, 'many.test.', TYPE.A, { edns: edns(4096) });
  assert.equal(large.truncated, false);
  assert.equal(large.answers.length, 100);
  assert.deepEqual(large.edns, edns(4096));
  assert.equal((await resolver(running.port).resolve4('many.test')).length, 100);
});

test('what is no question is answered by its fault or not at all, and the server goes on', async () => {
  await using running = await startTestServer(
    'example.test {\n hosts {\n 10.0.0.1 a.example.test\n fallthrough\n }\n template ANY ANY b.example.test {\n rcode NXDOMAIN\n }\n}',
  );
  const { port } = running;
  const rcode = async (...args: Parameters<typeof askUdp>) => (await askUdp(...args)).rcode;
  assert.equal(await rcode(port, 'elsewhere.test.', TYPE.A), RCODE.REFUSED);
  assert.equal(await rcode(port, 'a.example.test.', TYPE.AXFR), RCODE.REFUSED);
  assert.equal(await rcode(port, 'a.example.test.', TYPE.A, { opcode: 5 }), RCODE.NOTIMP);
  assert.equal(await rcode(port, 'a.example.test.', TYPE.A, { edns: edns(1232, 1) }), RCODE.BADVERS);
  assert.equal(await rcode(port, '.', TYPE.A, { question: undefined }), RCODE.FORMERR);
  assert.equal(await rcode(port, 'b.example.test.', TYPE.A), RCODE.NXDOMAIN);
  const chaos = { name: 'version.bind.', type: TYPE.TXT, class: CLASS.CH };
  assert.equal(await rcode(port, '.', TYPE.A, { question: chaos }), RCODE.REFUSED);
  const noise = createSocket('udp4');
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(5), Buffer.alloc(12, 0xff), Buffer.alloc(600, 0xc0)])
    noise.send(bytes, port, '127.0.0.1');
  assert.equal((await askUdp(port, 'a.example.test.', TYPE.A)).answers.length, 1);
  noise.close();
});

test('questions of one connection are answered side by side, however they are cut', async () => {
  await using running = await startTestServer('. {\n hosts {\n 10.0.0.1 a.test\n }\n}');
  const socket = connect(running.port, '127.0.0.1');
  const question = Buffer.from('000100000001000000000000016104746573740000010001', 'hex');
  const frame = Buffer.concat([Buffer.from([0, question.length]), question]);
  const both = Buffer.concat([frame, frame]);
  socket.write(both.subarray(0, 7));
  socket.write(both.subarray(7));
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.length >= 2 * (2 + bytes.readUInt16BE(0))) break;
  }
  const length = 2 + bytes.readUInt16BE(0);
  for (const at of [0, length]) assert.equal(readMessage(bytes.subarray(at + 2, at + length)).answers.length, 1);
});

test('what is not known here is asked elsewhere, kept, and asked of another when one is away', async () => {
  await using upstream = await startTestServer(
    `. {\n hosts {\n 192.0.2.1 www.test\n${hosts(100)}\n ttl 60\n fallthrough\n }\n template ANY ANY nobody.test {\n rcode NXDOMAIN\n }\n prometheus 127.0.0.1:${await freePort()}\n}`,
  );
  const nobody = await freePort();
  await using running = await startTestServer(`. {
    forward . 127.0.0.1:${nobody} 127.0.0.1:${upstream.port} {
      policy sequential
      max_fails 1
      health_check 5s
    }
    cache 30
    rewrite name suffix .alias .test answer auto
  }`);
  const first = await askUdp(running.port, 'WWW.test.', TYPE.A);
  assert.deepEqual(
    first.answers.map(({ name, ttl }) => [name, ttl]),
    [['WWW.test.', 30]],
  );
  const denied = await askUdp(running.port, 'nobody.test.', TYPE.A);
  assert.equal(denied.rcode, RCODE.NXDOMAIN);
  assert.equal((await askUdp(running.port, 'www.alias.', TYPE.A)).answers[0]!.name, 'www.alias.');
  assert.equal((await resolver(running.port).resolve4('many.test')).length, 100);
  await upstream[Symbol.asyncDispose]();
  const kept = await askUdp(running.port, 'www.TEST.', TYPE.A);
  assert.equal(kept.answers[0]!.name, 'www.TEST.');
  assert.equal((await askUdp(running.port, 'other.test.', TYPE.A)).rcode, RCODE.SERVFAIL);
});

test('an answer of another than was asked, or to another question, is not taken', async () => {
  const liar = createSocket('udp4');
  liar.on('message', (bytes, { port, address }) => {
    const wrongId = Buffer.from(bytes);
    wrongId.writeUInt16BE(bytes.readUInt16BE(0) ^ 1, 0);
    wrongId.writeUInt8(0x80, 2);
    const wrongName = Buffer.from(bytes);
    wrongName.writeUInt8(0x80, 2);
    wrongName.write('b', 13);
    // Of no name: whoever guesses a number alone could deny all.
    const nameless = Buffer.alloc(12);
    nameless.writeUInt16BE(bytes.readUInt16BE(0), 0);
    nameless.writeUInt16BE(0x8000 | RCODE.NXDOMAIN, 2);
    for (const lie of [wrongId, wrongName, nameless]) liar.send(lie, port, address);
    const refused = Buffer.from(bytes);
    refused.writeUInt8(0x81, 2);
    refused.writeUInt8(RCODE.REFUSED, 3);
    setImmediate(() => liar.send(refused, port, address));
  });
  liar.bind(0, '127.0.0.1');
  await once(liar, 'listening');
  await using running = await startTestServer(`. {\n forward . 127.0.0.1:${liar.address().port}\n}`);
  assert.equal((await askUdp(running.port, 'a.test.', TYPE.A)).rcode, RCODE.REFUSED);
  liar.close();
});

test('a server that is its own upstream ends, and says why', async () => {
  await using running = await startTestServer('. {\n loop\n forward . 127.0.0.1:PORT\n}');
  await assert.rejects(running.server.done, /Loop detected for zone "\."/);
  await using next = await startTestServer('. {\n hosts {\n 10.0.0.1 a.test\n }\n}', { port: running.port });
  assert.deepEqual(await resolver(next.port).resolve4('a.test'), ['10.0.0.1'], 'its place is free');
});

test('a Corefile that cannot be used changes nothing; one that can takes the place of the other', async () => {
  const page = await freePort();
  await using running = await startTestServer('. {\n hosts {\n 10.0.0.1 a.test\n }\n reload\n}');
  const { port } = running;
  running.change('. {\n hosts {\n 10.0.0.2 a.test\n }\n dnssec\n}');
  await until('the mistake is told', () =>
    running.logged.some((line) => /Corefile:5 - plugin 'dnssec' is not supported/.test(line)),
  );
  running.change('. {\n hosts {\n 10.0.0.2 a.test\n }\n bind 192.0.2.77\n reload\n}');
  await until('the place is told', () => running.logged.some((line) => /cannot listen on 192\.0\.2\.77/.test(line)));
  assert.deepEqual(await resolver(port).resolve4('a.test'), ['10.0.0.1']);
  running.change(`.:PORT test:PORT {\n hosts {\n 10.0.0.3 a.test\n }\n ready 127.0.0.1:${page}\n}`);
  await until('the new one is in use', async () => (await resolver(port).resolve4('a.test'))[0] === '10.0.0.3');
  assert.equal((await fetch(`http://127.0.0.1:${page}/ready`)).status, 200);
  running.change('. {\n}');
  assert.deepEqual(await resolver(port).resolve4('a.test'), ['10.0.0.3'], 'without reload it stays');
});

test('a Corefile that cannot be used from the start is refused', async () => {
  await assert.rejects(startTestServer('. {\n acl\n}'), /Corefile:2 - plugin 'acl' is not supported/);
  await assert.rejects(startTestServer('. {\n kubernetes cluster.local\n}'), /there is no API server/);
});

test('a Corefile of others names no files but those that it may', async () => {
  const readableFiles = new Set(['/etc/resolv.conf']);
  for (const [corefile, file] of [
    ['import /etc/shadow', '/etc/shadow'],
    ['. {\n hosts /etc/shadow\n}', '/etc/shadow'],
    ['. {\n hosts /etc/../etc/shadow\n}', '/etc/shadow'],
    ['. {\n forward . /etc/hostname\n}', '/etc/hostname'],
  ] as const)
    await assert.rejects(startTestServer(corefile, { readableFiles }), new RegExp(`may not name file ${file}`), corefile);
  await using _running = await startTestServer('. {\n forward . /etc/resolv.conf\n}', { readableFiles });
});

test('queries are counted under CoreDNS’s names', async () => {
  const page = await freePort();
  await using running = await startTestServer(`. {\n hosts {\n 10.0.0.1 a.test\n }\n cache\n prometheus 127.0.0.1:${page}\n}`);
  for (let i = 0; i < 2; i++) await askUdp(running.port, 'a.test.', TYPE.A);
  const text = await (await fetch(`http://127.0.0.1:${page}/metrics`)).text();
  const server = `server="dns://:${running.port}",zone=".",view=""`;
  assert.match(text, new RegExp(`^coredns_dns_requests_total\\{${server},proto="udp",family="1",type="A"\\} 2$`, 'm'));
  assert.match(text, new RegExp(`^coredns_dns_responses_total\\{${server},rcode="NOERROR",plugin="cache"\\} 1$`, 'm'));
  assert.match(text, /^coredns_cache_hits_total\{.*type="success".*\} 1$/m);
  assert.match(text, /^coredns_dns_request_duration_seconds_count\{.*\} 2$/m);
});
