import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrefixTransformer, identityTransformer } from './value-transformer.ts';

const plain = { prefix: Buffer.alloc(0), transformer: identityTransformer };
const named = { prefix: Buffer.from(`k8s:enc:aescbc:v1:${'long'.repeat(60)}:`), transformer: identityTransformer };

test('a plain value that is shorter than what encrypted ones begin with is read', () => {
  for (const value of ['{"kind":"Secret"}', 'short', '']) {
    const stored = Buffer.from(value);
    assert.deepEqual(createPrefixTransformer([named, plain]).read(stored, 'a'), { data: stored, stale: true });
  }
});
