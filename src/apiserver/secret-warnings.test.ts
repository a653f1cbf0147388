/** Here and not beside the rule, because it takes certificates. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretKind } from '../api/core/v1/secret.ts';
import { specimensOf } from '../api/test-specimens.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import { createSelfSigned } from '../pki/self-signed.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const block = (type: string, text: string) => `-----BEGIN ${type}-----\n${base64(text)}\n-----END ${type}-----\n`;
const span = { notBeforeMs: Date.UTC(2026, 0), notAfterMs: Date.UTC(2027, 0) };

const warnings = (certificate: string, key: string, type = 'kubernetes.io/tls') =>
  specimensOf(secretKind).warnings({ type, data: { 'tls.crt': base64(certificate), 'tls.key': base64(key) } });

test('a Secret with a certificate and its key is not spoken of, whatever else it holds', async () => {
  const { certificatePem, privateKeyPem } = await createSelfSigned({ commonName: 'a', ...span });
  assert.deepEqual(warnings(certificatePem, privateKeyPem), []);
  assert.deepEqual(
    warnings(`${block('OTHER', 'x')}${certificatePem}`, `a: b\n${block('EC PARAMETERS', 'x')}${privateKeyPem}`),
    [],
  );
  assert.deepEqual(warnings('none', 'none', 'Opaque'), []);
});

test('what is wrong with a certificate and its key is told, and nothing of the key', async () => {
  const { certificatePem: certificate, privateKeyPem: key } = await createSelfSigned({ commonName: 'a', ...span });
  const other = (await generatePrivateKey()).pem;
  const ofAnotherKind = (await generatePrivateKey('ed25519')).pem;
  const cases: [certificate: string, key: string, told: string][] = [
    ['', key, 'failed to find any PEM data in certificate input'],
    [
      key,
      certificate,
      'failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched',
    ],
    [
      block('A', 'x') + block('B', 'y'),
      key,
      'failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [A B]',
    ],
    [certificate, 'none', 'failed to find any PEM data in key input'],
    [certificate, certificate, 'found a certificate rather than a key in the PEM for the private key'],
    [
      certificate,
      block('A', 'x'),
      'failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [A]',
    ],
    [block('CERTIFICATE', 'x'), key, 'failed to parse certificate'],
    [certificate, block('PRIVATE KEY', 'secret'), 'failed to parse private key'],
    [certificate, ofAnotherKind, 'private key type does not match public key type'],
    [certificate, other, 'private key does not match public key'],
  ];
  for (const [crt, own, told] of cases) assert.deepEqual(warnings(crt, own), [`tls: ${told}`]);
});
