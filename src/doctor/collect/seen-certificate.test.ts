import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Certificate } from '../../pki/certificate.ts';
import { seenCertificate } from './seen-certificate.ts';

const of = (commonName: string, issuerCommonName: string) =>
  seenCertificate('node', {
    ...{ commonName, issuerCommonName, organizations: [], dnsNames: [], ipAddresses: [], isCa: false },
    ...{ subjectDer: Buffer.from(commonName), issuerDer: Buffer.from(issuerCommonName), notBeforeMs: 0, notAfterMs: 1 },
  } as unknown as Certificate).selfSigned;

test('what a kubelet made for itself is known, by one key or by an authority that nobody else has', () => {
  assert.equal(of('node-1@1795394185', 'node-1@1795394185'), true);
  // Upstream's; the authority is made first.
  assert.equal(of('node-1@1795394186', 'node-1-ca@1795394185'), true);
  for (const [subject, issuer] of [
    ['node-1@1', 'node-2-ca@1'],
    ['system:node:node-1', 'kubernetes'],
    ['node-1', 'node-1-ca'],
    ['@1', '-ca@1'],
  ] as const)
    assert.equal(of(subject, issuer), false, subject);
});
