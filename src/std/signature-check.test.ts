import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { checkSignature } from './signature-check.ts';

const pair = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve, publicKeyEncoding: { format: 'der', type: 'spki' } } as never);

test('a signature holds for its key, its bytes and its digest, and for no other, whatever was checked before', () => {
  const [mine, other] = [pair('P-256'), pair('P-256')] as unknown as { publicKey: Buffer; privateKey: never }[];
  const signed = Buffer.from('a request');
  const signature = sign('sha256', signed, mine!.privateKey);
  const good = { publicKeyDer: mine!.publicKey, digest: 'sha256', signed, signature };
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(checkSignature(good), { keyType: 'ec', holds: true });
    assert.equal(checkSignature({ ...good, publicKeyDer: other!.publicKey }).holds, false);
    assert.equal(checkSignature({ ...good, signed: Buffer.from('b request') }).holds, false);
    assert.equal(checkSignature({ ...good, digest: 'sha384' }).holds, false);
    assert.equal(
      checkSignature({ ...good, signature: Buffer.concat([signature.subarray(0, -1), Buffer.from([1])]) }).holds,
      false,
    );
  }
});

test('where the signed bytes end is part of what is remembered', () => {
  const { publicKey, privateKey } = pair('P-256') as unknown as { publicKey: Buffer; privateKey: never };
  const signed = Buffer.from('to be signed');
  const signature = sign('sha256', signed, privateKey);
  assert.equal(checkSignature({ publicKeyDer: publicKey, digest: 'sha256', signed, signature }).holds, true);
  const all = Buffer.concat([signed, signature]);
  const moved = { signed: all.subarray(0, signed.length + 1), signature: all.subarray(signed.length + 1) };
  assert.equal(checkSignature({ publicKeyDer: publicKey, digest: 'sha256', ...moved }).holds, false);
});

test('bytes that are no key are refused each time', () => {
  const none = { publicKeyDer: Buffer.from('no key'), digest: 'sha256', signed: Buffer.alloc(1), signature: Buffer.alloc(1) };
  for (let i = 0; i < 2; i++) assert.throws(() => checkSignature(none));
});
