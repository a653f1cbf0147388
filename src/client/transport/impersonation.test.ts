import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestTransport } from '../test-transport.ts';
import { withImpersonation } from './impersonation.ts';

test('everything is asked as somebody else, with his groups one by one and keys that a header can hold', async () => {
  const inner = createTestTransport(() => ({}));
  const transport = withImpersonation(inner, {
    user: 'jörg',
    uid: '7',
    groups: ['system:nodes', 'a,b'],
    extra: { 'example.com/Project': ['x', 'y'], '100%': ['z'], nothing: [] },
  });
  const repeatedHeaders = { 'x-mine': ['1'] };
  await transport.request({ method: 'GET', path: '/', headers: { accept: 'a' }, repeatedHeaders });
  const [{ headers, repeatedHeaders: sent }] = inner.requests as [(typeof inner.requests)[0]];
  assert.deepEqual(headers, { accept: 'a', 'impersonate-user': 'j\xc3\xb6rg', 'impersonate-uid': '7' });
  assert.deepEqual(sent, {
    'x-mine': ['1'],
    'impersonate-group': ['system:nodes', 'a,b'],
    'impersonate-extra-example.com%2Fproject': ['x', 'y'],
    'impersonate-extra-100%25': ['z'],
  });
});

test('a request that says itself whom it acts as is left alone', async () => {
  const inner = createTestTransport(() => ({}));
  const transport = withImpersonation(inner, { user: 'a', uid: '', groups: ['g'], extra: {} });
  await transport.request({ method: 'GET', path: '/', headers: { 'impersonate-user': 'b' } });
  await transport.request({ method: 'GET', path: '/', headers: {} });
  assert.deepEqual(
    inner.requests.map(({ headers, repeatedHeaders }) => [headers['impersonate-user'], repeatedHeaders?.['impersonate-group']]),
    [
      ['b', undefined],
      ['a', ['g']],
    ],
  );
});
