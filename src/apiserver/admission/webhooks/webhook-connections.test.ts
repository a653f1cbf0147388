import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { createSelfSigned } from '../../../pki/self-signed.ts';
import { WebhookConnections } from './webhook-connections.ts';

test('a webhook that changes protocols instead of answering has refused, and nobody waits for it', async (t) => {
  const now = Date.now();
  const authority = await createSelfSigned({
    commonName: 'localhost',
    dnsNames: ['localhost'],
    notBeforeMs: now - 60_000,
    notAfterMs: now + 3_600_000,
  });
  const server = createServer({ cert: authority.certificatePem, key: authority.privateKeyPem }, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write('HTTP/1.1 101 x\r\nUpgrade: y\r\nConnection: Upgrade\r\n\r\n'));
    t.after(() => socket.destroy());
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.after(() => server.close());
  const connections = new WebhookConnections(() => assert.fail('no Service'));
  const client = {
    url: `https://localhost:${(server.address() as AddressInfo).port}/`,
    caBundle: Buffer.from(authority.certificatePem).toString('base64'),
  };
  await assert.rejects(connections.ask({ client, body: '{}', timeoutMs: 5000 }), /\b101\b/);
});

test('a question that meets a connection which the webhook has given up is asked on another one', async (t) => {
  const now = Date.now();
  const authority = await createSelfSigned({
    commonName: 'localhost',
    dnsNames: ['localhost'],
    notBeforeMs: now - 60_000,
    notAfterMs: now + 3_600_000,
  });
  const asked = new WeakSet<Socket>();
  let connections = 0;
  const server = createHttpsServer({ cert: authority.certificatePem, key: authority.privateKeyPem }, (request, response) => {
    // Gone as the second question comes.
    if (asked.has(request.socket)) {
      request.socket.destroy();
      return;
    }
    asked.add(request.socket);
    connections++;
    response.end('{}');
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const questions = new WebhookConnections(() => assert.fail('no Service'));
  const client = {
    url: `https://localhost:${(server.address() as AddressInfo).port}/`,
    caBundle: Buffer.from(authority.certificatePem).toString('base64'),
  };
  for (let i = 0; i < 3; i++) assert.equal(await questions.ask({ client, body: '{}', timeoutMs: 30_000 }), '{}');
  assert.equal(connections, 3);
});

test('a webhook is believed as Go believes it: its authority may have no name, and need be no root', async (t) => {
  x509.cryptoProvider.set(webcrypto as never);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
  const [authority, own] = await Promise.all([0, 1].map(() => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])));
  const make = (issuer: string, keys: webcrypto.CryptoKeyPair, extension: x509.Extension) =>
    x509.X509CertificateGenerator.create({
      ...{ subject: '', issuer, signingAlgorithm: algorithm, extensions: [extension] },
      ...{ publicKey: keys.publicKey, signingKey: authority!.privateKey },
      ...{ notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) },
    });
  const ca = await make('CN=Somebody', authority!, new x509.BasicConstraintsExtension(true));
  const other = await make('CN=Somebody', own!, new x509.BasicConstraintsExtension(true));
  const leaf = await make('', own!, new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]));
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own!.privateKey)).toString('base64');
  let asked = 0;
  const server = createHttpsServer(
    { cert: leaf.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----` },
    (_, response) => {
      asked++;
      response.end('{}');
    },
  );
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  const ask = (authority: x509.X509Certificate, host = 'localhost') =>
    new WebhookConnections(() => assert.fail('no Service')).ask({
      client: { url: url.replace('localhost', host), caBundle: Buffer.from(authority.toString('pem')).toString('base64') },
      ...{ body: '{}', timeoutMs: 30_000 },
    });
  assert.equal(await ask(ca), '{}');
  await assert.rejects(ask(other), /tls: failed to verify certificate: x509: certificate signed by unknown authority$/);
  await assert.rejects(
    ask(ca, '127.0.0.1'),
    /x509: cannot validate certificate for 127\.0\.0\.1 because it doesn't contain any IP SANs$/,
  );
  assert.equal(asked, 1);
});

test('what a webhook’s server says instead of an answer is told as client-go tells it; one that is busy is asked again', async (t) => {
  const now = Date.now();
  const authority = await createSelfSigned({
    commonName: 'localhost',
    dnsNames: ['localhost'],
    notBeforeMs: now - 60_000,
    notAfterMs: now + 3_600_000,
  });
  const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'mine', code: 418 };
  const answers: [number, Record<string, string>, string][] = [
    [429, { 'retry-after': '0' }, ''],
    [503, { 'retry-after': '0' }, ''],
    [200, {}, '{}'],
    [500, { 'content-type': 'text/plain' }, ' oh\n'],
    [500, { 'content-type': 'application/json' }, '{"a":1}'],
    [403, { 'content-type': 'text/plain' }, 'go away'],
    [409, {}, ''],
    [207, {}, '{}'],
    [404, { 'content-type': 'application/json' }, JSON.stringify(status)],
    [200, { 'content-type': 'application/json' }, ''],
  ];
  const server = createHttpsServer({ cert: authority.certificatePem, key: authority.privateKeyPem }, (_, response) => {
    const [code, headers, text] = answers.shift()!;
    response.writeHead(code, headers).end(text);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const client = {
    url: `https://localhost:${(server.address() as AddressInfo).port}/`,
    caBundle: Buffer.from(authority.certificatePem).toString('base64'),
  };
  const connections = new WebhookConnections(() => assert.fail('no Service'));
  const ask = () => connections.ask({ client, body: '{}', timeoutMs: 30_000 });
  assert.equal(await ask(), '{}');
  const told = [];
  while (answers.length) told.push(await ask().catch((error: Error & { code?: number }) => [error.code, error.message]));
  assert.deepEqual(told, [
    [500, 'an error on the server ("oh") has prevented the request from succeeding'],
    [500, 'an error on the server ("unknown") has prevented the request from succeeding'],
    [403, 'go away'],
    [409, 'the server reported a conflict'],
    [207, 'the server responded with the status code 207 but did not return more information'],
    [418, 'mine'],
    [undefined, '0-length response with status code: 200 and content type: application/json'],
  ]);
});

test('a question under way is answered though more webhooks are asked meanwhile than connections are kept to', async (t) => {
  const now = Date.now();
  const authority = await createSelfSigned({
    commonName: 'localhost',
    dnsNames: ['localhost'],
    notBeforeMs: now - 60_000,
    notAfterMs: now + 3_600_000,
  });
  let release = () => undefined as unknown;
  const arrived = Promise.withResolvers<void>();
  const server = createHttpsServer({ cert: authority.certificatePem, key: authority.privateKeyPem }, (request, response) => {
    if (!request.url?.startsWith('/first')) response.end('{}');
    else {
      release = () => response.end('"first"');
      arrived.resolve();
    }
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const connections = new WebhookConnections(() => assert.fail('no Service'));
  const ask = (path: string, bundle: string) =>
    connections.ask({
      client: {
        url: `https://localhost:${(server.address() as AddressInfo).port}/${path}`,
        caBundle: Buffer.from(bundle).toString('base64'),
      },
      body: '{}',
      timeoutMs: 30_000,
    });
  const first = ask('first', authority.certificatePem);
  await arrived.promise;
  for (let i = 1; i <= 101; i++) assert.equal(await ask('other', authority.certificatePem + '\n'.repeat(i)), '{}');
  release();
  assert.equal(await first, '"first"');
});
