import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryObjects } from '../../../test/harness/memory-objects.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { createBootstrapTokenAuthenticator } from './bootstrap-token.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const TOKEN = 'abcdef.0123456789abcdef';
const DATA = {
  'token-id': 'abcdef',
  'token-secret': '0123456789abcdef',
  expiration: '2026-01-02T00:00:00Z',
  'usage-bootstrap-authentication': 'true',
};

function secret(data: Record<string, string | undefined> = {}, rest: Partial<DynamicObject> = {}): Partial<DynamicObject> {
  const entries = Object.entries({ ...DATA, ...data }).filter(([, value]) => value !== undefined);
  return {
    metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value!).toString('base64')])),
    ...rest,
  };
}

function setUp(...secrets: Partial<DynamicObject>[]) {
  const objects = new MemoryObjects();
  for (const each of secrets) objects.put(secretKind, each);
  const clock = new VirtualClock(NOW);
  const tokens = createBootstrapTokenAuthenticator({ reader: objects, clock, logger: silentLogger });
  return { objects, clock, authenticate: async (token: string) => (await tokens.authenticateToken(token))?.user };
}

test('a token Secret is user system:bootstrap:<id> in system:bootstrappers', async () => {
  assert.deepEqual(await setUp(secret()).authenticate(TOKEN), {
    name: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers'],
  });
});

test('auth-extra-groups are added, blanks around them dropped', async () => {
  const { authenticate } = setUp(secret({ 'auth-extra-groups': 'system:bootstrappers:k8s-m03, system:bootstrappers:a' }));
  const user = await authenticate(TOKEN);
  assert.deepEqual(user?.groups, ['system:bootstrappers', 'system:bootstrappers:k8s-m03', 'system:bootstrappers:a']);
});

const refused: Record<string, Partial<DynamicObject>> = {
  'with another secret': secret({ 'token-secret': 'fedcba9876543210' }),
  'without a secret': secret({ 'token-secret': undefined }),
  'with an empty secret': secret({ 'token-secret': '' }),
  'with another id inside': secret({ 'token-id': 'fedcba' }),
  'without the authentication usage': secret({ 'usage-bootstrap-authentication': undefined }),
  'with the usage not quite "true"': secret({ 'usage-bootstrap-authentication': 'True' }),
  'that expired this very second': secret({ expiration: '2026-01-01T00:00:00Z' }),
  'that expired, in another zone': secret({ expiration: '2026-01-01T07:59:59+08:00' }),
  'with an expiration that is no time': secret({ expiration: 'tomorrow' }),
  'with an expiration that is only a date': secret({ expiration: '2027-01-01' }),
  'with an expiration on a day that its month does not have': secret({ expiration: '2027-02-30T00:00:00Z' }),
  'of another type': secret({}, { type: 'Opaque' }),
  'in another namespace': secret({}, { metadata: { name: 'bootstrap-token-abcdef', namespace: 'default' } }),
  'of another name': secret({}, { metadata: { name: 'bootstrap-token-abcdeg', namespace: 'kube-system' } }),
  'that is being deleted': secret({}, { metadata: { ...secret().metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }),
  'with an extra group of the system': secret({ 'auth-extra-groups': 'system:masters' }),
  'with one bad extra group among good ones': secret({ 'auth-extra-groups': 'system:bootstrappers:a,system:bootstrappers:B' }),
  'with an extra group that ends in a dash': secret({ 'auth-extra-groups': 'system:bootstrappers:a-' }),
};
for (const [what, stored] of Object.entries(refused)) {
  test(`a token Secret ${what} is nobody`, async () => {
    assert.equal(await setUp(stored).authenticate(TOKEN), undefined);
  });
}

for (const token of [
  '',
  'abcdef',
  'abcdef.',
  'ABCDEF.0123456789abcdef',
  'abcdef.0123456789abcde',
  `${TOKEN}0`,
  ` ${TOKEN}`,
  `${TOKEN}\n`,
]) {
  test(`${JSON.stringify(token)} is no bootstrap token`, async () => {
    const { authenticate, objects } = setUp(secret());
    assert.equal(await authenticate(token), undefined);
    assert.equal(objects.freshReads, 0);
  });
}

test('without an expiration a token does not end', async () => {
  const { authenticate, clock } = setUp(secret({ expiration: undefined }));
  await clock.advance(365 * 24 * 3600_000);
  assert.equal((await authenticate(TOKEN))?.name, 'system:bootstrap:abcdef');
});

test('a token ends when its time is up', async () => {
  const { authenticate, clock } = setUp(secret());
  await clock.advance(24 * 3600_000 - 1);
  assert.ok(await authenticate(TOKEN));
  await clock.advance(1);
  assert.equal(await authenticate(TOKEN), undefined);
});

test('a token counts as soon as it is there, and no longer once it is gone', async () => {
  const { authenticate, objects } = setUp();
  assert.equal(await authenticate(TOKEN), undefined);
  objects.put(secretKind, secret());
  assert.ok(await authenticate(TOKEN));
  objects.remove(secretKind, 'bootstrap-token-abcdef', 'kube-system');
  assert.equal(await authenticate(TOKEN), undefined);
});
