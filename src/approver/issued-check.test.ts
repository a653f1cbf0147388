/** APV-601: what came of an approval is compared with what was approved. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1CertificateSigningRequest } from '../api/gen/types.ts';
import { createAuthority } from '../pki/authority.ts';
import { createCertificateRequest } from '../pki/certificate-request.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import { csrOf } from './facts.test-support.ts';
import { differsFromRequest } from './issued-check.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.parse('2026-06-01T12:00:00Z');
const ASKED = {
  ...{ commonName: 'system:node:node-1', organizations: ['system:nodes'] },
  ...{ dnsNames: ['node-1'], ipAddresses: ['10.0.0.1', '2001:db8::1'] },
};
const authority = await createAuthority({ commonName: 'ca', notBeforeMs: 0, notAfterMs: Date.parse('2046-01-01T00:00:00Z') });
const [key, otherKey] = [await generatePrivateKey(), await generatePrivateKey()];
const request = Buffer.from(await createCertificateRequest({ key, ...ASKED })).toString('base64');

type Issued = Partial<Parameters<typeof authority.issue>[0]>;

async function issued(changes: Issued = {}): Promise<V1CertificateSigningRequest> {
  const pem = await authority.issue({
    ...{ publicKeyDer: key.publicKeyDer, ...ASKED, usages: ['digital signature', 'server auth'] },
    ...{ notBeforeMs: NOW_MS - 300_000, notAfterMs: NOW_MS + HOUR_MS },
    ...changes,
  });
  return { ...csrOf({ request }), status: { certificate: Buffer.from(pem).toString('base64') } };
}

test('a certificate that says what was asked for is no matter, in whatever order its names stand', async () => {
  assert.equal(differsFromRequest(await issued(), HOUR_MS), undefined);
  const ipAddresses = ASKED.ipAddresses.toReversed();
  assert.equal(differsFromRequest(await issued({ ipAddresses }), HOUR_MS), undefined);
});

const DIFFERENT: readonly [what: string, changes: Issued, says: RegExp][] = [
  ['another name of the subject', { commonName: 'system:node:node-2' }, /common name is "system:node:node-2"/],
  ['another group', { organizations: ['system:nodes', 'system:masters'] }, /organizations are .*system:masters/],
  ['another key', { publicKeyDer: otherKey.publicKeyDer }, /its key is another one/],
  ['one DNS name more', { dnsNames: ['node-1', 'kubernetes'] }, /DNS names are .*"kubernetes"/],
  ['another DNS name', { dnsNames: ['node-2'] }, /DNS names are/],
  ['one address less', { ipAddresses: ['10.0.0.1'] }, /addresses are/],
  ['another usage', { usages: ['digital signature', 'server auth', 'client auth'] }, /may be used for client auth/],
  ['a longer life', { notAfterMs: NOW_MS + 3 * HOUR_MS }, /lives for 3 h/],
];
for (const [what, changes, says] of DIFFERENT)
  test(`a certificate with ${what} is told`, async () => {
    assert.match(differsFromRequest(await issued(changes), HOUR_MS) ?? '', says);
  });

test('an authority, nothing, and what cannot be read are told', async () => {
  const certificate = Buffer.from(authority.certificatePem).toString('base64');
  const withCertificate = (text: string) => ({ ...csrOf({ request }), status: { certificate: text } });
  assert.match(differsFromRequest(withCertificate(certificate), HOUR_MS) ?? '', /common name is "ca"/);
  assert.match(
    differsFromRequest(withCertificate(Buffer.from('hello').toString('base64')), HOUR_MS) ?? '',
    /empty|cannot be read/,
  );
  assert.match(differsFromRequest(withCertificate(''), HOUR_MS) ?? '', /empty|cannot be read/);
  assert.match(
    differsFromRequest({ ...(await issued()), spec: csrOf({ request: 'aGVsbG8=' }).spec }, HOUR_MS) ?? '',
    /cannot be read/,
  );
});
