import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { createSelfSigned } from '../../pki/self-signed.ts';
import { RCODE, TYPE } from '../message/constants.ts';
import { readMessage } from '../message/read-message.ts';
import { addressRecord } from '../message/records.ts';
import { MessageWriter } from '../message/write-message.ts';
import { chain } from '../plugins/chain.test-support.ts';
import { emptyReply } from '../plugins/plugin.ts';
import { createFrameReader, framed } from '../server/tcp-frames.ts';
import { askUdp, startTestServer } from '../server/test-server.ts';
import { parseEndpoint } from './forward-targets.ts';

/** A server that answers each question over TLS with one address. */
async function startUpstream() {
  const dayMs = 86_400_000;
  const valid = { notBeforeMs: Date.now() - dayMs, notAfterMs: Date.now() + dayMs };
  const { certificatePem, privateKeyPem } = await createSelfSigned({ commonName: 'dns', dnsNames: ['dns.test'], ...valid });
  const writer = new MessageWriter();
  const server = createServer({ cert: certificatePem, key: privateKeyPem }, (socket) => {
    socket.on('error', () => undefined); // who does not trust it hangs up
    const answer = (bytes: Buffer) => {
      const query = readMessage(bytes);
      const answers = [addressRecord(query.question!.name, '192.0.2.7', 30)!];
      socket.write(framed(writer.write({ ...query, response: true, answers }, 65_535)));
    };
    socket.on('data', createFrameReader(answer));
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, certificatePem, close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

test('an upstream over TLS answers when its certificate is for the name that was asked for, and is told otherwise', async () => {
  const upstream = await startUpstream();
  await using directory = await temporaryDirectory();
  const ca = directory.file('ca.pem');
  await writeFile(ca, upstream.certificatePem);
  const at = `tls://127.0.0.1`;
  try {
    for (const [lines, rcode] of [
      [`forward . ${at}:${upstream.port} {\n tls ${ca}\n tls_servername dns.test\n}`, RCODE.NOERROR],
      [`forward . ${at}%dns.test:${upstream.port} {\n tls ${ca}\n}`, RCODE.NOERROR],
      [`errors\n forward . ${at}:${upstream.port} {\n tls ${ca}\n tls_servername other.test\n max_fails 0\n}`, RCODE.SERVFAIL],
      [`errors\n forward . ${at}%dns.test:${upstream.port} {\n max_fails 0\n}`, RCODE.SERVFAIL],
    ] as const) {
      await using running = await startTestServer(`. {\n ${lines}\n}`);
      const reply = await askUdp(running.port, 'a.test.', TYPE.A);
      assert.equal(reply.rcode, rcode, lines);
      assert.equal(reply.answers.length, rcode === RCODE.NOERROR ? 1 : 0);
      if (rcode === RCODE.SERVFAIL)
        assert.match(running.logged.join('\n'), /plugin\/errors: 2 a\.test\. A: .*(certificate|altnames)/);
    }
  } finally {
    await upstream.close();
  }
});

test('addresses of upstreams have the port of their protocol, and over TLS may have a name', () => {
  const tls = (port: number, serverName?: string) => ({ address: '9.9.9.9', port, tls: serverName ? { serverName } : {} });
  for (const [text, endpoint] of [
    ['9.9.9.9', { address: '9.9.9.9', port: 53 }],
    ['dns://9.9.9.9:54', { address: '9.9.9.9', port: 54 }],
    ['[fd00::1]:54', { address: 'fd00::1', port: 54 }],
    ['tls://9.9.9.9', tls(853)],
    ['tls://9.9.9.9:8853', tls(8853)],
    ['tls://9.9.9.9%dns.quad9.net', tls(853, 'dns.quad9.net')],
    ['tls://9.9.9.9%dns.quad9.net:8853', tls(8853, 'dns.quad9.net')],
    ['tls://dns.quad9.net', undefined],
    ['tls://9.9.9.9%', undefined],
    ['9.9.9.9:0', undefined],
    ['9.9.9.9:70000', undefined],
  ] as const)
    assert.deepEqual(parseEndpoint(text), endpoint, text);
});

for (const [lines, problem] of [
  ['forward . https://9.9.9.9/dns-query', /https:\/\/ upstreams are not supported/],
  ['forward . tls://9.9.9.9 {\n tls a b c d\n}', /wrong argument count/],
  ['forward . tls://9.9.9.9 {\n tls_servername\n}', /wrong argument count/],
  ['forward', /forward takes a zone and at least one upstream/],
  ['forward . 9.9.9.9 {\n policy best\n}', /unknown policy 'best'/],
  ['forward . 9.9.9.9 {\n health_check 1s loudly\n}', /health_check: unknown option loudly/],
  ['forward . 9.9.9.9 {\n health_check -1s\n}', /must not be negative/],
  ['forward . 9.9.9.9 {\n max_concurrent many\n}', /max_concurrent: "many" must be a whole number/],
  ['forward . 9.9.9.9 {\n force_tcp yes\n}', /wrong argument count/],
  [`forward . ${Array.from({ length: 16 }, (_, i) => `10.0.0.${i + 1}`).join(' ')}`, /more than 15 TOs configured: 16/],
] as const)
  test(`${JSON.stringify(lines.slice(0, 70))} is refused`, () => {
    assert.throws(() => chain(lines, () => emptyReply(RCODE.SERVFAIL)), problem);
  });
