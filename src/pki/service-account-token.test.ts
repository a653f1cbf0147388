import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import {
  createTokenSigner,
  createTokenVerifier,
  legacyTokenClaims,
  peekClaims,
  readLegacyClaims,
} from './service-account-token.ts';

const pemOf = (pair: { privateKey: import('node:crypto').KeyObject; publicKey: import('node:crypto').KeyObject }) => ({
  privatePem: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  publicPem: pair.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
});
const ec = (curve: string) => pemOf(generateKeyPairSync('ec', { namedCurve: curve }));
const rsa = pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 }));
const p256 = ec('P-256');

for (const [name, pair, algorithm] of [
  ['P-256', p256, 'ES256'],
  ['P-384', ec('P-384'), 'ES384'],
  ['P-521', ec('P-521'), 'ES512'],
  ['RSA', rsa, 'RS256'],
] as const) {
  test(`a token signed with a key of ${name} verifies with its public half, and with the private key's file`, () => {
    const signer = createTokenSigner(pair.privatePem);
    assert.equal(signer.algorithm, algorithm);
    const token = signer.sign({ sub: 'x' });
    assert.deepEqual(createTokenVerifier([pair.publicPem]).verify(token), { sub: 'x' });
    assert.deepEqual(createTokenVerifier([pair.privatePem]).verify(token), { sub: 'x' });
  });
}

test('a token verifies only with the key that signed it, and not once a character changed', () => {
  const token = createTokenSigner(p256.privatePem).sign({ sub: 'x' });
  assert.equal(createTokenVerifier([ec('P-256').publicPem, rsa.publicPem]).verify(token), undefined);
  const [head, , signature] = token.split('.');
  const forged = `${head}.${Buffer.from('{"sub":"y"}').toString('base64url')}.${signature}`;
  assert.equal(createTokenVerifier([p256.publicPem]).verify(forged), undefined);
});

test('a token cannot choose an algorithm that is not the key\u2019s: none, and HMAC with the public key as secret, fail', () => {
  const verifier = createTokenVerifier([rsa.publicPem]);
  const body = Buffer.from('{"sub":"x"}').toString('base64url');
  const head = (alg: string) => Buffer.from(JSON.stringify({ alg })).toString('base64url');
  const input = `${head('HS256')}.${body}`;
  assert.equal(verifier.verify(`${input}.${createHmac('sha256', rsa.publicPem).update(input).digest('base64url')}`), undefined);
  assert.equal(verifier.verify(`${head('none')}.${body}.AA`), undefined);
  assert.equal(verifier.verify(`${head('none')}.${body}.`), undefined);
});

for (const malformed of ['', 'a', 'a.b', 'a.b.c', 'a.b.c.d', '!.!.!', `${'a'.repeat(70_000)}.b.c`, '..', 'bnVsbA.bnVsbA.AA']) {
  test(`"${malformed.slice(0, 12)}" (${malformed.length} characters) is no token`, () => {
    assert.equal(createTokenVerifier([p256.publicPem]).verify(malformed), undefined);
    assert.equal(peekClaims(malformed), undefined);
  });
}

test('several keys may stand in one file, with the curve parameters that openssl writes', () => {
  const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
  const verifier = createTokenVerifier([parameters + p256.privatePem + rsa.publicPem]);
  assert.equal(verifier.jwks.keys.length, 2);
  assert.deepEqual(verifier.verify(createTokenSigner(rsa.privatePem).sign({ sub: 'r' })), { sub: 'r' });
});

test('the published key set holds no private part', () => {
  const [key] = createTokenVerifier([p256.privatePem]).jwks.keys;
  assert.deepEqual(Object.keys(key!).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
});

test('a file without a key is an error', () => {
  assert.throws(() => createTokenVerifier(['hello']), /holds no key/);
  assert.throws(() => createTokenSigner('hello'), /not a private key/);
  const ed = pemOf(generateKeyPairSync('ed25519'));
  assert.throws(() => createTokenSigner(ed.privatePem), /must be RSA or ECDSA/);
});

test('legacy claims name the account and its Secret, and are read back only when whole', () => {
  const account = { namespace: 'ns', name: 'sa', uid: 'u', secretName: 'sa-token-abcde' };
  const claims = legacyTokenClaims(account);
  assert.equal(claims.iss, 'kubernetes/serviceaccount');
  assert.equal(claims.sub, 'system:serviceaccount:ns:sa');
  assert.deepEqual(readLegacyClaims(claims), account);
  assert.equal(readLegacyClaims({ ...claims, sub: 'system:serviceaccount:ns:other' }), undefined);
  assert.equal(readLegacyClaims({ ...claims, 'kubernetes.io/serviceaccount/secret.name': '' }), undefined);
});

test('a key file of many beginnings without an end is told at once', () => {
  const labels = Array.from({ length: 40_000 }, (_, i) => `-----BEGIN KEY ${i}-----\n`).join('');
  assert.throws(() => createTokenVerifier([labels]), { code: 'SERVICE_ACCOUNT_KEY' });
  const key = createTokenVerifier([`-----BEGIN LEFT OPEN-----\n${p256.publicPem}text\n${rsa.publicPem}`]);
  assert.equal(key.jwks.keys.length, 2);
});
