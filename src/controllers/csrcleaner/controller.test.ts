import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { createAuthority } from '../../pki/authority.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { runController } from '../framework/testing-client.test-support.ts';
import { createCsrCleanerController } from './controller.ts';

const MINUTE_MS = 60_000;

test('a denied request is deleted after an hour, one with an expired certificate at once, and one that nobody decided after a day', async () => {
  await using run = await runController(createCsrCleanerController);
  const { cluster } = run;
  const nowMs = cluster.clock.now();
  const time = new Date(nowMs).toISOString();
  const authority = await createAuthority({
    commonName: 'ca',
    notBeforeMs: nowMs - MINUTE_MS,
    notAfterMs: nowMs + 100 * 24 * 60 * MINUTE_MS,
  });
  const { publicKeyDer } = await generatePrivateKey();
  const certificate = await authority.issue({
    ...{ publicKeyDer, commonName: 'n', usages: ['client auth'] },
    ...{ notBeforeMs: nowMs - MINUTE_MS, notAfterMs: nowMs + 10 * MINUTE_MS },
  });
  const spec = { request: '', signerName: 'example.com/x', usages: ['client auth'] };
  const decided = (type: string) => ({ conditions: [{ type, status: 'True', lastUpdateTime: time }] });
  cluster.put(certificateSigningRequestKind, { metadata: { name: 'waits' }, spec });
  cluster.put(certificateSigningRequestKind, { metadata: { name: 'denied' }, spec, status: decided('Denied') });
  const status = { ...decided('Approved'), certificate: Buffer.from(certificate).toString('base64') };
  cluster.put(certificateSigningRequestKind, { metadata: { name: 'short' }, spec, status });
  const left = () =>
    cluster.list<{ metadata: { name: string } }>(certificateSigningRequestKind).map(({ metadata }) => metadata.name);
  await run.settle(9 * MINUTE_MS);
  assert.deepEqual(left(), ['waits', 'denied', 'short']);
  await run.settle(2 * MINUTE_MS);
  assert.deepEqual(left(), ['waits', 'denied']);
  await run.settle(50 * MINUTE_MS);
  assert.deepEqual(left(), ['waits']);
  await run.settle(24 * 60 * MINUTE_MS);
  assert.deepEqual(left(), []);
});
