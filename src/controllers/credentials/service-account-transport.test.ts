import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import type { Transport, TransportRequest } from '../../client/transport/transport.ts';
import { silentLogger } from '../../std/logger.ts';
import { TestingCluster } from '../framework/testing-client.test-support.ts';
import { createServiceAccountTransport } from './service-account-transport.ts';

const ACCOUNT = { group: '', resource: 'serviceaccounts' };

/** An API server that gives tokens t1, t2, … and answers requests with what `status` says of their token. */
function setUp(status: (token: string) => number = () => 200) {
  const cluster = new TestingCluster();
  const seen: string[] = [];
  let count = 0;
  cluster.answers.set('serviceaccounts/token', (request) => {
    if (!cluster.get(serviceAccountKind, 'token-cleaner', 'kube-system')) throw notFound(ACCOUNT, 'token-cleaner');
    const expirationTimestamp = new Date(cluster.clock.now() + 3_600_000).toISOString();
    return { ...request, status: { token: `t${++count}`, expirationTimestamp } };
  });
  const anonymous = {
    request(request: TransportRequest) {
      const token = (request.headers['authorization'] ?? '').replace('Bearer ', '');
      seen.push(token);
      return Promise.resolve({ status: status(token), headers: {}, body: (async function* () {})() });
    },
    close: () => Promise.resolve(),
  } as unknown as Transport;
  const { client: root, clock } = cluster;
  const account = { namespace: 'kube-system', account: 'token-cleaner' };
  const transport = createServiceAccountTransport({ anonymous, root, clock, logger: silentLogger, ...account });
  const get = async () => (await transport.request({ method: 'GET', path: '/', headers: {} })).status;
  return { cluster, seen, get };
}

test('the account is made when it is not there, and its token is used until four fifths of its life', async () => {
  const { cluster, seen, get } = setUp();
  await Promise.all([get(), get()]);
  assert.ok(cluster.get(serviceAccountKind, 'token-cleaner', 'kube-system'));
  await cluster.clock.advance(2_879_000);
  await get();
  await cluster.clock.advance(2000);
  await get();
  assert.deepEqual(seen, ['t1', 't1', 't1', 't2']);
});

test('a token that the server refuses is replaced once', async () => {
  const { seen, get } = setUp((token) => (token === 't1' ? 401 : 200));
  assert.equal(await get(), 200);
  assert.deepEqual(seen, ['t1', 't2']);
});

test('credentials that stay refused are told to the caller', async () => {
  const { get } = setUp(() => 401);
  assert.equal(await get(), 401);
});

test('where tokens are not given on request the account’s Secret is waited for', async () => {
  const { cluster, seen, get } = setUp();
  cluster.answers.set('serviceaccounts/token', () => {
    throw notFound(ACCOUNT, '');
  });
  const pending = get();
  await cluster.clock.advance(3000);
  cluster.put(secretKind, {
    metadata: { name: 's', namespace: 'kube-system', annotations: { 'kubernetes.io/service-account.name': 'token-cleaner' } },
    type: 'kubernetes.io/service-account-token',
    data: { token: Buffer.from('from-secret').toString('base64') },
  });
  await cluster.clock.advance(2000);
  assert.equal(await pending, 200);
  assert.deepEqual(seen, ['from-secret']);
});
