import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Authority, createAuthority, openAuthority } from '../pki/authority.ts';
import { writeCertificate } from '../pki/certificate-writer.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import { formatPem } from '../pki/pem.ts';
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
