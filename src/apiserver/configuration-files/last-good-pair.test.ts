import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestPki } from '../test-api.ts';
import { lastGoodPair } from './last-good-pair.ts';

test('a pair is replaced when both its halves are there, and not before', async () => {
  const pki = await createTestPki();
  const [old, next] = await Promise.all([pki.clientPair('old'), pki.clientPair('next')]);
  let files: typeof old | undefined = old;
  const ask = lastGoodPair(() => {
    if (!files) throw new Error('no such file');
    return files;
  });
  for (const half of [
    { ...old, certificatePem: next.certificatePem },
    { ...next, privateKeyPem: '' },
    { ...next, certificatePem: next.certificatePem.slice(0, 100) },
    undefined,
  ]) {
    files = half;
    assert.equal(ask(), old);
  }
  files = next;
  assert.equal(ask().certificatePem, next.certificatePem);
  files = undefined;
  assert.equal(ask().certificatePem, next.certificatePem);
});
