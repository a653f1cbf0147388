import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { type Authority, createAuthority, openAuthority } from '../pki/authority.ts';
import { writeCertificate } from '../pki/certificate-writer.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import { formatPem } from '../pki/pem.ts';
import { createSelfSigned } from '../pki/self-signed.ts';
import { shakeHands } from './peer-certificate.ts';
import { createHttpsTransport } from './transport/https.ts';
import { startTestServer } from './transport/test-tls-server.ts';

const validity = { notBeforeMs: Date.now() - 86_400_000, notAfterMs: Date.now() + 86_400_000 };

/** An authority that another one vouches for. */
async function below(commonName: string, issuer: { authority: Authority; key: Awaited<ReturnType<typeof generatePrivateKey>> }) {
  const key = await generatePrivateKey();
  const der = await writeCertificate(
    { publicKeyDer: key.publicKeyDer, commonName, usages: ['digital signature', 'cert sign'], isCa: true, ...validity },
    {
      subjectDer: issuer.authority.certificate.subjectDer,
      keyIdentifier: issuer.authority.certificate.subjectKeyIdentifier,
      key: issuer.key.keyObject,
    },
  );
  return openAuthority(formatPem('CERTIFICATE', der), key.pem);
}

test('who serves many under one address is asked for the one that is meant', async (t) => {
  const heard: string[] = [];
  const pair = await createSelfSigned({ commonName: 'one', dnsNames: ['one'], ipAddresses: [], ...validity });
  const server = createServer({
    ...{ key: pair.privateKeyPem, cert: pair.certificatePem },
    SNICallback(name, done) {
      heard.push(name);
      done(null);
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const at = { host: '127.0.0.1', port: (server.address() as AddressInfo).port, timeoutMs: 60_000 };
  await shakeHands(at);
  await shakeHands({ ...at, serverName: 'api.example.com' });
  assert.deepEqual(heard, ['api.example.com']);
});

test('an authority between, given without its root, is trusted as Go trusts it; another of its name is not', async (t) => {
  const key = await generatePrivateKey();
  const root = await createAuthority({ commonName: 'root', key, ...validity });
  const between = await below('between', { authority: root, key });
  const server = await startTestServer(t, { authority: between, handler: (_, response) => response.end('well') });
  const look = async (caPem: string) =>
    (await shakeHands({ host: '127.0.0.1', port: server.port, caPem, timeoutMs: 60_000 })).distrust;
  assert.equal(await look(between.certificatePem), undefined);
  assert.equal(await look(between.certificatePem + root.certificatePem), undefined);
  const stranger = await createAuthority({ commonName: 'between', ...validity });
  assert.notEqual(await look(stranger.certificatePem), undefined);
  const answer = async (caPem: string) => {
    const transport = createHttpsTransport({ server: server.url, caPem });
    try {
      return (await transport.request({ method: 'GET', path: '/', headers: {} })).status;
    } finally {
      await transport.close({ final: true });
    }
  };
  assert.equal(await answer(between.certificatePem), 200);
  await assert.rejects(answer(stranger.certificatePem));
});
