import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../std/clock.ts';
import { createAuthority } from './authority.ts';
import { parseCertificates } from './certificate.ts';
import { judgeByClock } from './judge-by-clock.ts';
import { generatePrivateKey } from './keys.ts';

const DAY_MS = 86_400_000;
const BEGIN_MS = Date.parse('2040-01-01T00:00:00Z');
const validity = (fromDay: number, toDay: number) => ({
  notBeforeMs: BEGIN_MS + fromDay * DAY_MS,
  notAfterMs: BEGIN_MS + toDay * DAY_MS,
});
const authority = await createAuthority({ commonName: 'kubernetes', ...validity(0, 100) });
const namesake = await createAuthority({ commonName: 'kubernetes', ...validity(0, 100) });
const key = await generatePrivateKey();
async function issue(from: typeof authority, usages: string[], dates = validity(10, 20)): Promise<Buffer> {
  const names = { commonName: 'system:node:a', organizations: [], dnsNames: [], ipAddresses: [] };
  const pem = await from.issue({ publicKeyDer: key.publicKeyDer, ...names, usages: ['digital signature', ...usages], ...dates });
  return parseCertificates(pem)[0]!.der;
}
const judgeOn = (day: number, authoritiesPem = authority.certificatePem) =>
  judgeByClock({ authoritiesPem, usage: 'client auth', clock: { now: () => BEGIN_MS + day * DAY_MS } })!;

test('a certificate holds between its dates by the clock that was given, whatever the machine says', async () => {
  const leaf = await issue(authority, ['client auth']);
  assert.deepEqual(
    [5, 10, 15, 20, 21].map((day) => judgeOn(day)(leaf)),
    ['CERT_NOT_YET_VALID', undefined, undefined, undefined, 'CERT_HAS_EXPIRED'],
  );
});

test('issuer, signature and purpose are judged as well', async () => {
  const leaf = await issue(authority, ['client auth']);
  const stranger = await createAuthority({ commonName: 'stranger', ...validity(0, 100) });
  assert.equal(judgeOn(15)(await issue(stranger, ['client auth'])), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
  assert.equal(judgeOn(15)(await issue(namesake, ['client auth'])), 'CERT_SIGNATURE_FAILURE');
  assert.equal(judgeOn(15)(await issue(authority, ['server auth'])), 'INVALID_PURPOSE');
  assert.equal(judgeOn(15)(await issue(authority, [])), undefined);
  const both = namesake.certificatePem + authority.certificatePem;
  assert.equal(judgeOn(15, both)(leaf), undefined);
  assert.throws(() => judgeOn(15)(leaf.subarray(1)), { code: 'DER_MALFORMED' });
});

test('an authority that ended ends what it signed', async () => {
  const old = await createAuthority({ commonName: 'kubernetes', ...validity(0, 12) });
  const leaf = await issue(authority, ['client auth']);
  assert.equal(judgeOn(15, old.certificatePem)(leaf), 'CERT_SIGNATURE_FAILURE');
  const forged = await namesake.issue({
    ...{ publicKeyDer: key.publicKeyDer, commonName: 'a', organizations: [], dnsNames: [], ipAddresses: [] },
    ...{ usages: ['client auth'], ...validity(10, 300) },
  });
  const der = parseCertificates(forged)[0]!.der;
  assert.equal(judgeOn(101, namesake.certificatePem)(der), 'CERT_HAS_EXPIRED');
});

test('by the machine’s own clock OpenSSL’s judgement is the one that counts', () => {
  const options = { authoritiesPem: authority.certificatePem, usage: 'client auth', clock: systemClock } as const;
  assert.equal(judgeByClock(options), undefined);
});
