import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Transport } from '../../client/transport/transport.ts';
import { TransportError, type TransportFailure } from '../../client/transport/transport-error.ts';
import { VirtualClock } from '../../std/clock.ts';
import { createWebhookTokenAuthenticator } from '../authentication/webhook-token.ts';
import { createWebhookAuthorizer } from '../authorization/webhook-authorizer.ts';
import { createWebhookClient } from '../outgoing/webhook-client.ts';
import { attributes } from './outside-fixture.ts';

/** Time passes at once for whoever sleeps. */
class HastyClock extends VirtualClock {
  override async sleep(): Promise<void> {}
}

const deps = { clock: new HastyClock(0), random: () => 0.5, apiAudiences: ['api'] };
const OPTIONS = { version: 'v1', authorizedTtlMs: 300_000, unauthorizedTtlMs: 30_000 } as const;

test('a webhook that allows and denies denies, whatever its failures mean, and one without a status has no opinion', async () => {
  for (const failurePolicy of ['NoOpinion', 'Deny'] as const) {
    const answering = (review: unknown) =>
      createWebhookAuthorizer({ post: async () => review }, { ...OPTIONS, failurePolicy }, deps).authorize(attributes());
    assert.deepEqual(await answering({ status: { allowed: true, denied: true, reason: 'r' } }), {
      decision: 'deny',
      reason: 'r',
      evaluationError: 'webhook subject access review returned both allow and deny response',
    });
    assert.equal((await answering({ kind: 'SubjectAccessReview' })).decision, 'no-opinion');
    assert.equal((await answering(undefined)).decision, failurePolicy === 'Deny' ? 'deny' : 'no-opinion');
  }
});

test('an answer is kept however many groups the asker has, and not when the question itself is long', async () => {
  let asked = 0;
  const post = async () => {
    asked++;
    return { status: { allowed: true } };
  };
  const authorizer = createWebhookAuthorizer({ post }, { ...OPTIONS, failurePolicy: 'Deny' }, deps);
  const user = { name: 'a', groups: Array.from({ length: 2000 }, (_, i) => `group-${i}`) };
  for (let i = 0; i < 3; i++) await authorizer.authorize(attributes({ user }));
  assert.equal(asked, 1);
  for (let i = 0; i < 3; i++) await authorizer.authorize(attributes({ user, name: 'x'.repeat(10_000) }));
  assert.equal(asked, 4);
});

test('a webhook that knows nothing of audiences speaks for the API server’s own', async () => {
  const client = { post: async () => ({ status: { authenticated: true, user: { username: 'a' } } }) };
  const tokens = createWebhookTokenAuthenticator(client, { version: 'v1', cacheTtlMs: 0 }, deps);
  assert.equal(await tokens.authenticateToken('t', ['vault']), undefined);
  assert.deepEqual((await tokens.authenticateToken('t', ['vault', 'api']))?.audiences, ['api']);
  assert.deepEqual((await tokens.authenticateToken('t'))?.audiences, ['api']);
});

test('only what may be over in a moment is tried again', async () => {
  const attempts = async (answer: { status: number; headers?: Record<string, string> } | TransportFailure) => {
    let asked = 0;
    const transport = {
      async request() {
        asked++;
        if (typeof answer === 'string') throw new TransportError('no', { code: answer, unsent: false });
        return { status: answer.status, headers: answer.headers ?? {}, body: (async function* () {})() };
      },
    } as unknown as Transport;
    const client = createWebhookClient(transport, '/', 'w', { timeoutMs: 10_000 });
    await createWebhookAuthorizer(client, { ...OPTIONS, failurePolicy: 'Deny' }, deps).authorize(attributes());
    return asked;
  };
  for (const status of [429, 500, 504]) assert.equal(await attempts({ status }), 5, String(status));
  for (const status of [400, 403, 502, 503]) assert.equal(await attempts({ status }), 1, String(status));
  assert.equal(await attempts({ status: 503, headers: { 'retry-after': '1' } }), 5);
  assert.equal(await attempts('TRANSPORT_INTERRUPTED'), 5);
  assert.equal(await attempts('TRANSPORT_CONNECT'), 1);
  assert.equal(await attempts('TRANSPORT_TLS'), 1);
});
