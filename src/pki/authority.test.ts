import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import fc from 'fast-check';
import { CodedError } from '../std/coded-error.ts';
import { createAuthority, openAuthority } from './authority.ts';
import { parseCertificateDer, parseCertificates } from './certificate.ts';
import { generatePrivateKey, type KeyAlgorithm, parsePrivateKey } from './keys.ts';
import { createSelfSigned } from './self-signed.ts';

const NOW = Date.UTC(2026, 5, 1);
const YEAR_MS = 365 * 86_400_000;
const validity = { notBeforeMs: NOW, notAfterMs: NOW + YEAR_MS };

const authorityOf = async (algorithm?: KeyAlgorithm) =>
  createAuthority({
    commonName: 'kubernetes',
    key: await generatePrivateKey(algorithm),
    notBeforeMs: NOW,
    notAfterMs: NOW + 10 * YEAR_MS,
  });

async function nodeCertificate(authority: Awaited<ReturnType<typeof authorityOf>>, more: object = {}) {
  const key = await generatePrivateKey();
  return authority.issue({
    publicKeyDer: key.publicKeyDer,
    commonName: 'system:node:n',
    organizations: ['system:nodes'],
    usages: ['key encipherment', 'digital signature', 'client auth'],
    ...validity,
    ...more,
  });
}

/** What openssl says of a certificate and its authority at the time of the tests. */
async function opensslVerify(t: TestContext, authorityPem: string, pem: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-pki-'));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'ca.pem'), authorityPem);
  await writeFile(join(directory, 'x.pem'), pem);
  const at = ['-attime', String(NOW / 1000 + 60)];
  execFileSync('openssl', ['verify', '-x509_strict', ...at, '-CAfile', join(directory, 'ca.pem'), join(directory, 'x.pem')]);
  return execFileSync('openssl', ['x509', '-in', join(directory, 'x.pem'), '-noout', '-text']).toString();
}

for (const algorithm of ['ec-p256', 'ec-p384', 'rsa-2048', 'ed25519'] satisfies KeyAlgorithm[]) {
  test(`openssl, node and @peculiar/x509 accept what an ${algorithm} authority issues`, async (t) => {
    const authority = await authorityOf(algorithm);
    const pem = await nodeCertificate(authority, {
      dnsNames: ['n'],
      ipAddresses: ['10.0.0.1'],
      usages: ['digital signature', 'server auth'],
    });
    const text = await opensslVerify(t, authority.certificatePem, pem);
    for (const line of [
      /Version: 3/,
      /Issuer: CN = kubernetes/,
      /Subject: O = system:nodes, CN = system:node:n/,
      /Key Usage: critical\s+Digital Signature\n/,
      /Extended Key Usage: \s+TLS Web Server Authentication/,
      /Basic Constraints: critical\s+CA:FALSE/,
      /Subject Key Identifier/,
      /Authority Key Identifier/,
      /DNS:n, IP Address:10\.0\.0\.1/,
    ]) {
      assert.match(text, line);
    }
    const node = new X509Certificate(pem);
    assert.ok(node.checkIssued(new X509Certificate(authority.certificatePem)));
    const peculiar = new x509.X509Certificate(pem);
    assert.equal(peculiar.subject, 'O=system:nodes, CN=system:node:n');
    const { publicKey } = new x509.X509Certificate(authority.certificatePem);
    assert.equal(await peculiar.verify({ publicKey, date: new Date(NOW + 1000) }), true);
  });
}

test('an authority has a certificate that says so', async (t) => {
  const authority = await authorityOf();
  const text = await opensslVerify(t, authority.certificatePem, authority.certificatePem);
  assert.match(text, /Basic Constraints: critical\s+CA:TRUE\n/);
  assert.match(text, /Key Usage: critical\s+Digital Signature, Key Encipherment, Certificate Sign/);
  assert.equal(authority.certificate.isCa, true);
  assert.equal(authority.certificate.isSignedBy(authority.certificate), true);
});

test('what is issued is read as it was asked for', async () => {
  const authority = await authorityOf();
  const names = { dnsNames: ['a', '*.b'], ipAddresses: ['::1', '1.2.3.4'], emailAddresses: ['m@x'], uris: ['u:1'] };
  const usages = ['digital signature', 'key encipherment', 'server auth', 'client auth'];
  const [read] = parseCertificates(await nodeCertificate(authority, { ...names, usages, organizations: ['b', 'a'] }));
  assert.partialDeepStrictEqual(read, {
    ...names,
    usages,
    commonName: 'system:node:n',
    issuerCommonName: 'kubernetes',
    ...validity,
  });
  assert.deepEqual(read!.organizations, ['a', 'b']); // a set, and DER sorts sets
  assert.equal(read!.isCa, false);
  assert.equal(read!.isSignedBy(authority.certificate), true);
  assert.equal(read!.isSignedBy((await authorityOf()).certificate), false);
});

test('serial numbers are positive, of 128 bits, and different', async () => {
  const authority = await authorityOf();
  const serials = new Set<string>();
  for (let i = 0; i < 50; i++) serials.add(parseCertificates(await nodeCertificate(authority))[0]!.serial);
  assert.equal(serials.size, 50);
  for (const serial of serials) assert.match(serial, /^[4-7][0-9a-f]{31}$/);
});

test('no certificate outlives its authority', async () => {
  const authority = await authorityOf();
  const [certificate] = parseCertificates(await nodeCertificate(authority, { notAfterMs: NOW + 50 * YEAR_MS }));
  assert.equal(certificate!.notAfterMs, authority.notAfterMs);
});

test('times before and after 2050 are both written as the standard wants them', async () => {
  for (const notAfterMs of [Date.UTC(2049, 11, 31, 23, 59, 59), Date.UTC(2050, 0, 1), Date.UTC(2199, 5, 5)]) {
    const authority = await createAuthority({ commonName: 'x', notBeforeMs: NOW, notAfterMs });
    assert.equal(authority.notAfterMs, notAfterMs);
    assert.equal(Date.parse(new X509Certificate(authority.certificatePem).validTo), notAfterMs);
  }
});

test('a subject without a name makes the alternative names critical', async (t) => {
  const authority = await authorityOf();
  const pem = await nodeCertificate(authority, { commonName: '', organizations: [], dnsNames: ['n'] });
  assert.match(await opensslVerify(t, authority.certificatePem, pem), /Subject Alternative Name: critical/);
});

for (const [what, more, code] of [
  ['an unknown usage', { usages: ['flying'] }, 'KEY_USAGE_UNKNOWN'],
  ['a time that ends before it begins', { notAfterMs: NOW - 1 }, 'CERTIFICATE_VALIDITY'],
  ['an address that is none', { ipAddresses: ['1.2.3.4.5'] }, 'ALTERNATIVE_NAME_INVALID'],
  ['a name that is not ASCII', { dnsNames: ['ü.example'] }, 'ALTERNATIVE_NAME_INVALID'],
  ['a public key that is none', { publicKeyDer: Buffer.from('key') }, 'DER_MALFORMED'],
] as const) {
  test(`${what} cannot be issued`, async () => {
    await assert.rejects(nodeCertificate(await authorityOf(), more), { code });
  });
}

test('an authority is opened only with its own key, and only when it is one', async () => {
  const [one, two] = [await authorityOf(), await authorityOf()];
  assert.equal(openAuthority(one.certificatePem, one.privateKeyPem).notAfterMs, one.notAfterMs);
  assert.throws(() => openAuthority(one.certificatePem, two.privateKeyPem), { code: 'AUTHORITY_KEY_MISMATCH' });
  const leaf = await createSelfSigned({ commonName: 'leaf', ...validity });
  assert.throws(() => openAuthority(leaf.certificatePem, leaf.privateKeyPem), { code: 'AUTHORITY_NOT_CA' });
  assert.throws(() => openAuthority('', one.privateKeyPem), { code: 'CERTIFICATE_MISSING' });
  assert.throws(() => openAuthority(one.certificatePem, one.certificatePem), { code: 'KEY_MISSING' });
});

test("an authority that openssl made signs with openssl's key file", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'muster-pki-'));
  t.after(() => rm(directory, { recursive: true }));
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3650', '-subj', '/C=CN/O=k8s/CN=kubernetes'];
  const out = execFileSync('openssl', [...args, '-keyout', join(directory, 'ca.key')], {
    stdio: ['pipe', 'pipe', 'pipe'],
  }).toString();
  const key = await readFile(join(directory, 'ca.key'), 'utf8');
  const authority = openAuthority(out, key);
  const notBeforeMs = Date.now();
  const pem = await nodeCertificate(authority, { notBeforeMs, notAfterMs: notBeforeMs + YEAR_MS });
  assert.ok(new X509Certificate(pem).checkIssued(new X509Certificate(out)));
  assert.ok(new X509Certificate(pem).verify(new X509Certificate(out).publicKey));
});

test('a bundle is read in its order, and what is no certificate is passed over', async () => {
  const authority = await authorityOf();
  const leaf = await nodeCertificate(authority);
  const key = await generatePrivateKey();
  const bundle = `text\n${leaf}${key.pem}${authority.certificatePem}`;
  assert.deepEqual(
    parseCertificates(bundle).map(({ commonName }) => commonName),
    ['system:node:n', 'kubernetes'],
  );
  assert.equal(parseCertificates(bundle)[1]!.pem, authority.certificatePem);
  assert.equal(parsePrivateKey(bundle).pem, key.pem);
});

test("the certificates of this machine's trust store that have supported keys are all read as node reads them", async (t) => {
  const { rootCertificates } = await import('node:tls');
  let read = 0;
  for (const pem of rootCertificates) {
    const certificate = parseCertificates(pem)[0]!;
    const node = new X509Certificate(pem);
    assert.equal(certificate.notAfterMs, Date.parse(node.validTo));
    assert.equal(certificate.isCa, node.ca);
    assert.equal(certificate.serial.replace(/^0+/, ''), node.serialNumber.toLowerCase().replace(/^0+/, ''));
    read++;
  }
  t.diagnostic(`${read} certificates`);
  assert.ok(read > 50);
});

test('whatever happens to a certificate on its way, reading it ends in a certificate or a CodedError', async () => {
  const { der } = parseCertificates(await nodeCertificate(await authorityOf(), { dnsNames: ['n'] }))[0]!;
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(der);
      for (const [at, octet] of changes) bytes[at] = octet;
      try {
        parseCertificateDer(bytes);
      } catch (error) {
        assert.ok(error instanceof CodedError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('an encrypted key is refused with the reason', () => {
  const pem = execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-aes256', '-pass', 'pass:secret']).toString();
  assert.throws(() => parsePrivateKey(pem), { code: 'KEY_ENCRYPTED' });
  assert.throws(() => parsePrivateKey('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'), { code: 'KEY_MALFORMED' });
});

test('keys are written as upstream writes them and read in every form that openssl writes', async () => {
  assert.match((await generatePrivateKey()).pem, /^-----BEGIN EC PRIVATE KEY-----/);
  assert.match((await generatePrivateKey('rsa-2048')).pem, /^-----BEGIN RSA PRIVATE KEY-----/);
  const pkcs8 = execFileSync('openssl', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']).toString();
  assert.equal(parsePrivateKey(pkcs8).pem, pkcs8);
  const withParameters = execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey']).toString();
  assert.match(withParameters, /EC PARAMETERS/);
  assert.match(parsePrivateKey(withParameters).pem, /^-----BEGIN EC PRIVATE KEY-----/);
});
