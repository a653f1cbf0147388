import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bootstrapTokenOf,
  bootstrapTokenSecret,
  generateBootstrapToken,
  splitBootstrapToken,
  tokenIdOf,
} from './bootstrap-token.ts';

const token = {
  id: 'abcdef',
  secret: '0123456789abcdef',
  description: 'for node-1',
  expiresMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  usages: ['authentication', 'signing'],
  groups: ['system:bootstrappers:node-1'],
};

test('a generated token has the documented form and is never the same', () => {
  const tokens = new Set(Array.from({ length: 50 }, generateBootstrapToken));
  assert.equal(tokens.size, 50);
  for (const each of tokens) assert.match(each, /^[a-z0-9]{6}\.[a-z0-9]{16}$/);
});

test('a full token makes a Secret with seven keys and is read back from it', () => {
  const secret = bootstrapTokenSecret(token);
  assert.equal(secret.metadata?.name, 'bootstrap-token-abcdef');
  assert.equal(secret.type, 'bootstrap.kubernetes.io/token');
  assert.equal(Object.keys(secret.data ?? {}).length, 7);
  assert.equal(Buffer.from(secret.data!['expiration']!, 'base64').toString(), '2026-01-02T03:04:05Z');
  assert.deepEqual(bootstrapTokenOf(secret), token);
});

test('a token without expiry has no expiration key', () => {
  const secret = bootstrapTokenSecret({ ...token, expiresMs: undefined });
  assert.equal(secret.data!['expiration'], undefined);
  assert.equal(bootstrapTokenOf(secret).expiresMs, undefined);
});

test('groups and usages that would not be honoured are refused by name', () => {
  assert.throws(() => bootstrapTokenSecret({ ...token, groups: ['system:masters'] }), /"system:masters" is invalid/);
  assert.throws(
    () => bootstrapTokenSecret({ ...token, usages: ['cooking'] }),
    /cooking, valid usage options: signing,authentication/,
  );
});

test('malformed tokens are refused without repeating them', () => {
  for (const text of [
    '',
    'abcdef',
    'ABCDEF.0123456789abcdef',
    'abcdef.0123456789abcdef\n',
    'abcdef.0123456789abcde',
    'abcdef-0123456789abcdef',
  ])
    assert.throws(
      () => splitBootstrapToken(text),
      (error: Error) => error.message.includes('was not of the form') && !error.message.includes('0123456789'),
    );
  assert.equal(tokenIdOf('abcdef.0123456789abcdef'), 'abcdef');
  assert.equal(tokenIdOf('abcdef'), 'abcdef');
  assert.throws(() => tokenIdOf('abc'), /didn't match pattern/);
});

test('a Secret that holds no valid token is named with what is wrong', () => {
  const secret = bootstrapTokenSecret(token);
  const renamed = { ...secret, metadata: { name: 'bootstrap-token-zzzzzz' } };
  assert.throws(() => bootstrapTokenOf(renamed), /should be named "bootstrap-token-abcdef"/);
  const expired = { ...secret, data: { ...secret.data, expiration: Buffer.from('soon').toString('base64') } };
  assert.throws(() => bootstrapTokenOf(expired), /no time: "soon"/);
});
