import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { V1Secret, V1ServiceAccount } from '../../api/gen/types.ts';
import { StatusError } from '../../api/machinery/status-error.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { createTokenVerifier, readLegacyClaims } from '../../pki/service-account-token.ts';
import type { ControllerContext } from '../framework/controller.ts';
import { runController, serverError, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createServiceAccountTokenController } from './controller.ts';

let privateKeyPem: string;
before(async () => {
  privateKeyPem = (await generatePrivateKey()).pem;
});

const make = (autoGenerate: boolean | 'where-needed') => (context: ControllerContext) =>
  createServiceAccountTokenController(context, { privateKeyPem, rootCaPem: 'CA', autoGenerate });
const account = (name = 'builder') => ({ metadata: { name, namespace: 'default' } });
const text = (secret: V1Secret | undefined, key: string) => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString();
const handMade = {
  metadata: { name: 'mine', namespace: 'default', annotations: { 'kubernetes.io/service-account.name': 'builder' } },
  type: 'kubernetes.io/service-account-token',
};

test('a Secret made by hand is filled with token, certificate and namespace', async () => {
  await using run = await runController(make(false));
  const { uid } = run.cluster.put(serviceAccountKind, account()).metadata;
  run.cluster.put(secretKind, handMade);
  await run.settle();
  const secret = run.cluster.get<V1Secret>(secretKind, 'mine', 'default');
  assert.equal(secret?.metadata?.annotations?.['kubernetes.io/service-account.uid'], uid);
  assert.equal(text(secret, 'ca.crt'), 'CA');
  assert.equal(text(secret, 'namespace'), 'default');
  const claims = createTokenVerifier([privateKeyPem]).verify(text(secret, 'token'));
  assert.deepEqual(claims && readLegacyClaims(claims), { namespace: 'default', name: 'builder', uid, secretName: 'mine' });
  assert.equal(run.cluster.requests.length, 1);
});

test('the Secrets of a deleted account are deleted', async () => {
  await using run = await runController(make(false));
  run.cluster.put(serviceAccountKind, account());
  run.cluster.put(secretKind, handMade);
  await run.settle();
  run.cluster.remove(serviceAccountKind, 'builder', 'default');
  await run.settle();
  assert.deepEqual(run.cluster.list(secretKind), []);
});

test('the Secret of an account that was made anew under its name is deleted', async () => {
  const cluster = new TestingCluster();
  cluster.put(serviceAccountKind, account());
  const annotations = { ...handMade.metadata.annotations, 'kubernetes.io/service-account.uid': 'the-old-one' };
  cluster.put(secretKind, { ...handMade, metadata: { ...handMade.metadata, annotations } });
  await using run = await runController(make(false), cluster);
  assert.deepEqual(run.cluster.list(secretKind), []);
});

test('a Secret that is gone is no longer named by its account', async () => {
  const cluster = new TestingCluster();
  const secrets = [{ name: 'mine' }, { name: 'other' }];
  cluster.put(serviceAccountKind, { ...account(), secrets });
  cluster.put(secretKind, handMade);
  await using run = await runController(make(false), cluster);
  cluster.remove(secretKind, 'mine', 'default');
  await run.settle();
  const stored = cluster.get<V1ServiceAccount>(serviceAccountKind, 'builder', 'default');
  assert.deepEqual(stored?.secrets, [{ name: 'other' }]);
});

test('with automatic tokens every account gets exactly one Secret and refers to it', async () => {
  await using run = await runController(make(true));
  run.cluster.put(serviceAccountKind, account());
  await run.settle(10_000);
  const [secret, ...more] = run.cluster.list<V1Secret>(secretKind);
  assert.deepEqual(more, []);
  assert.match(secret?.metadata?.name ?? '', /^builder-token-[a-z0-9]{5}$/);
  assert.deepEqual(Object.keys(secret?.data ?? {}).sort(), ['ca.crt', 'namespace', 'token']);
  const stored = run.cluster.get<V1ServiceAccount>(serviceAccountKind, 'builder', 'default');
  assert.deepEqual(stored?.secrets, [{ name: secret?.metadata?.name }]);
});

test('where tokens are given on request no account gets a Secret, and where they are not each does', async () => {
  const refused: readonly [reason: 'MethodNotAllowed' | 'NotFound', details: { kind?: string }, secrets: number][] = [
    ['MethodNotAllowed', { kind: 'serviceaccounts' }, 2], // the subresource is not served
    ['NotFound', {}, 2], // the path leads nowhere
    ['NotFound', { kind: 'serviceaccounts' }, 0], // there is no such account to give one to
  ];
  for (const [reason, details, secrets] of refused) {
    const cluster = new TestingCluster();
    cluster.answers.set('serviceaccounts/token', () => {
      throw new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, details, code: 404 });
    });
    await using run = await runController((c) => make('where-needed')({ ...c, random: Math.random }), cluster);
    for (const name of ['builder', 'deployer']) cluster.put(serviceAccountKind, account(name));
    await run.settle(10_000);
    assert.equal(cluster.list(secretKind).length, secrets, reason + JSON.stringify(details));
    assert.ok(cluster.sent('create', 'serviceaccounts/token').length >= 1);
  }
});

test('an API server that does not say whether it gives tokens on request is asked again', async () => {
  const cluster = new TestingCluster();
  let asked = 0;
  cluster.answers.set('serviceaccounts/token', () => {
    asked++;
    if (asked === 1) throw serverError();
    throw new StatusError({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      reason: 'MethodNotAllowed',
      code: 501,
    });
  });
  await using run = await runController(make('where-needed'), cluster);
  cluster.put(serviceAccountKind, account());
  await run.settle(10_000);
  assert.equal(cluster.list(secretKind).length, 1);
  assert.equal(asked, 2);
});

test('an account whose automatic Secret is deleted gets another', async () => {
  const cluster = new TestingCluster();
  await using run = await runController((c) => make(true)({ ...c, random: Math.random }), cluster);
  cluster.put(serviceAccountKind, account());
  await run.settle(10_000);
  const first = cluster.list<V1Secret>(secretKind)[0]?.metadata?.name ?? '';
  cluster.remove(secretKind, first, 'default');
  await run.settle(10_000);
  assert.equal(cluster.list(secretKind).length, 1);
  assert.notEqual(cluster.list<V1Secret>(secretKind)[0]?.metadata?.name, first);
});
