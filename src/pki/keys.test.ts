import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { generatePrivateKey, type KeyAlgorithm, parsePrivateKey } from './keys.ts';

const ALGORITHMS = ['ec-p256', 'ec-p384', 'ed25519', 'rsa-2048'] as const satisfies readonly KeyAlgorithm[];
const FORMS = { ec: 'sec1', rsa: 'pkcs1', ed25519: 'pkcs8' } as const;

for (const algorithm of ALGORITHMS)
  test(`a new ${algorithm} key is written to the byte as OpenSSL writes it`, async () => {
    // Numbers with leading zeros are one in 256: enough keys that some have them.
    for (let i = 0; i < (algorithm.startsWith('ec') ? 600 : 1); i++) {
      const { keyObject, pem, publicKeyDer } = await generatePrivateKey(algorithm);
      const type = FORMS[keyObject.asymmetricKeyType as keyof typeof FORMS];
      assert.equal(pem, keyObject.export({ type, format: 'pem' }));
      assert.deepEqual(publicKeyDer, createPublicKey(keyObject).export({ type: 'spki', format: 'der' }));
    }
  });

test('a key that is read keeps its form, and its public half is the same', () => {
  for (const namedCurve of ['P-256', 'P-384', 'P-521'])
    for (const type of ['sec1', 'pkcs8'] as const) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
      const text = privateKey.export({ type, format: 'pem' }).toString();
      const read = parsePrivateKey(text);
      assert.equal(read.pem, text);
      assert.deepEqual(read.publicKeyDer, publicKey.export({ type: 'spki', format: 'der' }));
      assert.ok(createPrivateKey(read.pem).equals(privateKey));
    }
});
