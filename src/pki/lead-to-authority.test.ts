import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { before, test } from 'node:test';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { leadsToAuthority, type TrustQuestion } from './lead-to-authority.ts';

x509.cryptoProvider.set(webcrypto as never);
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const NOW_MS = Date.parse('2026-06-01T00:00:00Z');
const YEAR_MS = 365 * 86_400_000;

interface Made {
  readonly der: Buffer;
  readonly pem: string;
  readonly keys: webcrypto.CryptoKeyPair;
}
let keys: webcrypto.CryptoKeyPair[];
before(async () => {
  keys = await Promise.all(Array.from({ length: 6 }, () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])));
});

const CA = new x509.BasicConstraintsExtension(true, undefined, true);
const CERT_SIGN = new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true);
const forServers = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]);
const forClients = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]);

interface Wanted {
  readonly subject?: string;
  readonly issuer?: string;
  /** Which of the keys is in it, and which signs it. */
  readonly key: number;
  readonly by: number;
  readonly extensions?: readonly x509.Extension[];
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
}

async function make({ subject = '', issuer = '', key, by, extensions = [], notBeforeMs, notAfterMs }: Wanted): Promise<Made> {
  const made = await x509.X509CertificateGenerator.create({
    ...{ subject, issuer, signingAlgorithm: ALGORITHM, extensions: [...extensions] },
    publicKey: keys[key]!.publicKey,
    signingKey: keys[by]!.privateKey,
    notBefore: new Date(notBeforeMs ?? NOW_MS - YEAR_MS),
    notAfter: new Date(notAfterMs ?? NOW_MS + YEAR_MS),
  });
  return { der: Buffer.from(made.rawData), pem: made.toString('pem'), keys: keys[key]! };
}

const trusts = (leaf: Made, authorities: readonly Made[], more: Partial<TrustQuestion> = {}) =>
  leadsToAuthority({
    ...{ leaf: leaf.der, between: [], authoritiesPem: authorities.map(({ pem }) => pem).join('\n') },
    ...{ purpose: 'server auth', nowMs: NOW_MS, ...more },
  });

test('names may all be empty, and an authority may say that another one made it: signatures decide', async () => {
  const ca = await make({ issuer: 'CN=Somebody', key: 0, by: 0, extensions: [CA, CERT_SIGN] });
  const leaf = await make({ key: 1, by: 0 });
  assert.equal(trusts(leaf, [ca]), true);
  assert.equal(trusts(await make({ key: 1, by: 1 }), [ca]), false, 'signed by itself');
  assert.equal(trusts(await make({ issuer: 'CN=Somebody', key: 1, by: 0 }), [ca]), false, 'names another issuer');
});

test('what is itself among the authorities is believed, whatever it is', async () => {
  const leaf = await make({ subject: 'CN=me', issuer: 'CN=you', key: 1, by: 2 });
  assert.equal(trusts(leaf, [leaf]), true);
  assert.equal(trusts(leaf, [leaf], { nowMs: NOW_MS + 2 * YEAR_MS }), false);
  assert.equal(trusts(leaf, [await make({ subject: 'CN=me', issuer: 'CN=you', key: 1, by: 2 })]), false, 'another one like it');
});

test('only authorities issue: each reason not to be one', async () => {
  const of = (extensions: readonly x509.Extension[]) => make({ subject: 'CN=ca', issuer: 'CN=ca', key: 0, by: 0, extensions });
  const leaf = await make({ subject: 'CN=leaf', issuer: 'CN=ca', key: 1, by: 0, extensions: [forServers] });
  assert.equal(trusts(leaf, [await of([CA, CERT_SIGN])]), true);
  assert.equal(trusts(leaf, [await of([CA])]), true);
  assert.equal(trusts(leaf, [await of([CA, forServers])]), true);
  const wrong = [
    [],
    [new x509.BasicConstraintsExtension(false)],
    [CERT_SIGN],
    [CA, new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature)],
    [CA, forClients],
    // Constraints that are not read here: for some names only, and one that nobody knows.
    [CA, new x509.Extension('2.5.29.30', false, Buffer.from('300ba00930078205612e626f6f', 'hex'))],
    [CA, new x509.Extension('1.2.3.4', true, Buffer.from('0500', 'hex'))],
  ];
  for (const [i, extensions] of wrong.entries()) assert.equal(trusts(leaf, [await of(extensions)]), false, `case ${i}`);
  assert.equal(trusts(leaf, [await of([CA, new x509.Extension('1.2.3.4', false, Buffer.from('0500', 'hex'))])]), true);
});

test('purposes and dates hold all the way', async () => {
  const named = { subject: 'CN=leaf', issuer: 'CN=ca', key: 1, by: 0 };
  const ca = await make({ subject: 'CN=ca', issuer: 'CN=ca', key: 0, by: 0, extensions: [CA] });
  const old = await make({ subject: 'CN=ca', issuer: 'CN=ca', key: 0, by: 0, extensions: [CA], notAfterMs: NOW_MS - 1000 });
  const client = await make({ ...named, extensions: [forClients] });
  assert.equal(trusts(client, [ca]), false);
  assert.equal(trusts(client, [ca], { purpose: 'client auth' }), true);
  assert.equal(trusts(await make(named), [old]), false);
  assert.equal(trusts(await make(named), [old, ca]), true, 'the one of two with the same key that holds still');
  assert.equal(trusts(await make({ ...named, notBeforeMs: NOW_MS + 1000 }), [ca]), false);
  assert.equal(trusts(await make({ ...named, notAfterMs: NOW_MS - 1000 }), [ca]), false);
});

test('a way leads over what was shown besides, in any order, past what leads nowhere, and no longer than an authority allows', async () => {
  const root = await make({ subject: 'CN=root', issuer: 'CN=root', key: 0, by: 0, extensions: [CA] });
  const one = await make({ subject: 'CN=one', issuer: 'CN=root', key: 1, by: 0, extensions: [CA] });
  const two = await make({ subject: 'CN=two', issuer: 'CN=one', key: 2, by: 1, extensions: [CA] });
  const expired = await make({ subject: 'CN=two', issuer: 'CN=one', key: 2, by: 1, extensions: [CA], notAfterMs: NOW_MS - 1000 });
  const leaf = await make({ subject: 'CN=leaf', issuer: 'CN=two', key: 3, by: 2 });
  const between = [expired, two, one].map(({ der }) => der);
  assert.equal(trusts(leaf, [root], { between }), true);
  assert.equal(trusts(leaf, [root], { between: between.reverse() }), true);
  assert.equal(trusts(leaf, [root], { between: [two.der] }), false);
  assert.equal(trusts(leaf, [two]), true, 'an authority need not be a root');
  const strict = await make({
    ...{ subject: 'CN=root', issuer: 'CN=root', key: 0, by: 0 },
    extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
  });
  assert.equal(trusts(leaf, [strict], { between }), false, 'two stand between');
  assert.equal(trusts(two, [strict], { between: [one.der] }), true, 'one does');
  // Somebody whose certificate is none of an authority shows what he has signed.
  const holder = await make({ subject: 'CN=holder', issuer: 'CN=root', key: 4, by: 0 });
  const forged = await make({ subject: 'CN=forged', issuer: 'CN=holder', key: 5, by: 4 });
  assert.equal(trusts(forged, [root], { between: [holder.der] }), false);
});

test('certificates in a circle, by the dozen, or of octets at will come to an end, and to no', async () => {
  const circle = await Promise.all(
    [0, 1, 2, 3, 4, 5].flatMap((key) => [0, 1, 2, 3, 4].map((by) => make({ key, by, extensions: [CA] }))),
  );
  const root = await make({ subject: 'CN=root', issuer: 'CN=root', key: 0, by: 0, extensions: [CA] });
  assert.equal(trusts(circle[0]!, [root], { between: circle.map(({ der }) => der) }), false);
  const leaf = await make({ subject: 'CN=leaf', issuer: 'CN=root', key: 1, by: 0 });
  assert.equal(trusts(leaf, [root]), true);
  fc.assert(
    fc.property(fc.nat(leaf.der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const der = Buffer.from(leaf.der);
      der[at]! ^= change;
      assert.equal(trusts({ ...leaf, der }, [root]), false);
    }),
  );
  fc.assert(fc.property(fc.uint8Array(), (der) => !trusts({ ...leaf, der: Buffer.from(der) }, [root], { between: [der] })));
  fc.assert(fc.property(fc.string(), (authoritiesPem) => !trusts(leaf, [], { authoritiesPem })));
});
