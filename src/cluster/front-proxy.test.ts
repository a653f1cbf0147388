import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { systemClock } from '../std/clock.ts';
import { createFrontProxy } from './front-proxy.ts';

test('the cluster’s front proxy has a certificate of an authority of its own, and a new one when it is renewed', async () => {
  const proxy = await createFrontProxy(systemClock);
  const authority = new X509Certificate(proxy.trust.caPem);
  const first = new X509Certificate(proxy.client().certificatePem);
  assert.ok(first.verify(authority.publicKey));
  assert.equal(first.subject, `CN=${proxy.trust.allowedNames[0]}`);
  await proxy.renew();
  const second = new X509Certificate(proxy.client().certificatePem);
  assert.ok(second.verify(authority.publicKey));
  assert.notEqual(second.serialNumber, first.serialNumber);
});
