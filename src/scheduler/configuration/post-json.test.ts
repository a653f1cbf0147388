import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { createSelfSigned } from '../../pki/self-signed.ts';
import { decideWithExtenders } from '../decide.ts';
import { cluster, contextOf, node, pod } from '../scheduling.test-support.ts';
import { createHttpExtender } from './http-extender.ts';
import { postJson } from './post-json.ts';

test('an extender that changes protocols instead of answering has failed, and nobody waits for it', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write('HTTP/1.1 101 x\r\nUpgrade: y\r\nConnection: Upgrade\r\n\r\n'));
    t.after(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/filter`;
  const { signal } = new AbortController();
  await assert.rejects(postJson(url, {}, { timeoutMs: 5000, agent: undefined, signal }), /code 101/);
});

test('an extender of https is asked by its tlsConfig: whom to believe, and who asks', async (t) => {
  const lifetime = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };
  const pair = await createSelfSigned({ commonName: 'extender', dnsNames: ['extender.example'], ipAddresses: [], ...lifetime });
  const scheduler = await createSelfSigned({ commonName: 'scheduler', dnsNames: [], ipAddresses: [], ...lifetime });
  const askers: string[] = [];
  const server = createHttpsServer(
    { key: pair.privateKeyPem, cert: pair.certificatePem, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      askers.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN));
      request.resume().once('end', () => response.end('{"NodeNames":["b"]}'));
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const urlPrefix = `https://127.0.0.1:${(server.address() as AddressInfo).port}/e`;
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  const tlsConfig = {
    ...{ caData: base64(pair.certificatePem), serverName: 'extender.example' },
    ...{ certData: base64(scheduler.certificatePem), keyData: base64(scheduler.privateKeyPem) },
  };
  const decide = async (written: object) => {
    const extender = await createHttpExtender(
      { urlPrefix, filterVerb: 'filter', nodeCacheCapable: true, ...written },
      'extenders[0]',
    );
    const context = contextOf(cluster([node('a'), node('b')]), pod());
    return decideWithExtenders(context, [extender], new AbortController().signal);
  };
  await decide({ tlsConfig });
  assert.deepEqual(askers, ['scheduler']);
  await assert.rejects(decide({ tlsConfig: { ...tlsConfig, serverName: 'other.example' } }), /other\.example/);
  await assert.rejects(decide({}), /unknown authority/);
  assert.equal(askers.length, 1);
  await decide({ tlsConfig: { insecure: true } });
  assert.deepEqual(askers, ['scheduler', 'undefined']);
});
