import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer } from '../../client/transport/test-tls-server.ts';
import type { ResolvedContext } from '../../pki/kubeconfig.ts';
import { createSelfSigned } from '../../pki/self-signed.ts';
import { diagnose } from '../checks/all-checks.ts';
import { lookFromOutside } from './look-from-outside.ts';

const DAY_MS = 86_400_000;
const nowMs = Date.now();
const look = async (context: ResolvedContext) => {
  const seen = await lookFromOutside({ context, nowMs, timeoutMs: 60_000, why: new Error('kept out') });
  assert.deepEqual(seen.notSeen[0], { what: 'the cluster', why: 'kept out' });
  // Authorities of tests live for a day.
  const findings = diagnose(seen).filter(({ severity, code }) => severity === 'error' && code !== 'DOC-604');
  return findings.map(({ code, subject }) => `${code} ${subject}`);
};

test('who is kept out hears which certificate it is: the server’s that has ended, or is for another name, or his own', async (t) => {
  const handler = (_: unknown, response: { end(): void }) => response.end();
  const ended = await startTestServer(t, { handler, notAfterMs: nowMs - 3_600_000 });
  assert.deepEqual(await look({ server: ended.url, caPem: ended.authority.certificatePem }), ['DOC-601 certificate/API server']);
  const otherwise = await startTestServer(t, { handler, ipAddresses: ['192.0.2.1'] });
  const { certificatePem: caPem } = otherwise.authority;
  assert.deepEqual(await look({ server: otherwise.url, caPem }), [`DOC-605 server/${otherwise.url}`]);
  assert.deepEqual(await look({ server: otherwise.url, insecureSkipTlsVerify: true }), []);
  const own = await createSelfSigned({
    ...{ commonName: 'admin', dnsNames: [], ipAddresses: [], notBeforeMs: nowMs - 9 * DAY_MS, notAfterMs: nowMs - DAY_MS },
  });
  const away = { server: 'https://127.0.0.1:1', caPem, clientCertificatePem: own.certificatePem };
  assert.ok((await look(away)).includes('DOC-601 certificate/kubeconfig client'));
  // Nothing of a certificate: he is told what he was told.
  assert.deepEqual(await look({ server: 'https://127.0.0.1:1', caPem }), []);
});
