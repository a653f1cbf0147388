import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlugin } from '../../../test/harness/admission.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { VirtualClock } from '../../std/clock.ts';
import { WebhookFailure } from '../outgoing/webhook-client.ts';
import { createImagePolicyWebhook } from './image-policy-webhook.ts';

const config = { kubeconfigPath: '', allowTtlMs: 60_000, denyTtlMs: 1000, retryBackoffMs: 1, defaultAllow: false };

function open(answer: () => object, changes: object = {}) {
  const asked: { spec: object }[] = [];
  const notes: Record<string, string> = {};
  const clock = new VirtualClock(0);
  const post = async (body: string) => {
    asked.push(JSON.parse(body));
    return answer();
  };
  const plugin = createImagePolicyWebhook({ ...config, ...changes }, { clock, random: () => 0, webhook: { post } });
  const audit = { addAuditAnnotation: (key: string, value: string) => void Object.assign(notes, { [key]: value }) };
  const write = (image: string, more: object = {}) => {
    const metadata = { name: 'p', namespace: 'ns', annotations: { 'x.image-policy.k8s.io/ticket': '1', other: '2' } };
    const spec = { initContainers: [{ image: 'init' }], containers: [{ image }], ephemeralContainers: [{ image: 'debug' }] };
    return runPlugin(plugin, { kind: podKind, object: { metadata, spec }, audit, ...more });
  };
  return { asked, notes, clock, write };
}

test('images are reviewed, with the annotations that are meant for it, and answers kept for a while', async () => {
  const { asked, notes, clock, write } = open(() => ({ status: { allowed: true, auditAnnotations: { why: 'signed' } } }));
  await write('nginx');
  await write('nginx');
  assert.equal(asked.length, 1);
  assert.deepEqual(asked[0], {
    kind: 'ImageReview',
    apiVersion: 'imagepolicy.k8s.io/v1alpha1',
    metadata: { creationTimestamp: null },
    spec: {
      containers: [{ image: 'nginx' }, { image: 'init' }],
      annotations: { 'x.image-policy.k8s.io/ticket': '1' },
      namespace: 'ns',
    },
    status: { allowed: false },
  });
  assert.deepEqual(notes, { 'imagepolicywebhook.image-policy.k8s.io/why': 'signed' });
  await clock.advance(60_000);
  await write('nginx');
  assert.equal(asked.length, 2);
  await write('nginx', { subresource: 'ephemeralcontainers' });
  assert.deepEqual(asked[2]?.spec, { ...asked[0]?.spec, containers: [{ image: 'debug' }] });
  await write('nginx', { subresource: 'status' });
  assert.equal(asked.length, 3);
});

test('images that are not allowed are refused', async () => {
  let status: object = { allowed: false, reason: 'not signed' };
  const { write } = open(() => ({ status }));
  await assert.rejects(write('nginx'), {
    code: 403,
    message: 'pods "p" is forbidden: image policy webhook backend denied one or more images: not signed',
  });
  status = {};
  await assert.rejects(write('other'), { message: 'pods "p" is forbidden: one or more images rejected by webhook backend' });
});

test('without an answer pods are refused, or let in and marked where that is the default', async () => {
  const fail = () => {
    throw new WebhookFailure('Post "https://x": no', { status: 403 });
  };
  await assert.rejects(open(fail).write('nginx'), { code: 403, message: 'pods "p" is forbidden: Post "https://x": no' });
  const { notes, write } = open(fail, { defaultAllow: true });
  const made = await write('nginx');
  assert.equal(made?.metadata.annotations?.['alpha.image-policy.k8s.io/failed-open'], 'true');
  assert.deepEqual(notes, { 'imagepolicywebhook.image-policy.k8s.io/failed-open': 'true' });
});
