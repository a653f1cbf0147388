import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { runPlugin } from '../../../test/harness/admission.ts';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { VirtualClock } from '../../std/clock.ts';
import { WebhookFailure } from '../outgoing/webhook-client.ts';
import { createSecurity } from '../security.ts';
import { createTestPki, pod, startTestApi } from '../test-api.ts';
import { readAdmissionConfiguration } from './configuration/admission-configuration.ts';
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
    metadata: {},
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

test('an answer without a verdict allows nothing, one of another type or form is none', async () => {
  for (const answer of [{}, { status: null }, { status: {} }, { status: { allowed: null } }])
    await assert.rejects(
      open(() => answer, { defaultAllow: true }).write('nginx'),
      /one or more images rejected by webhook backend/,
    );
  for (const [answer, message] of [
    [{ kind: 'Pod', apiVersion: 'v1', status: { allowed: true } }, /of kind "Pod" in version "v1"/],
    [{ apiVersion: 'imagepolicy.k8s.io/v1', status: { allowed: true } }, /in version "imagepolicy.k8s.io\/v1"/],
    [{ status: { allowed: 'yes' } }, /status.allowed that is no boolean/],
    [{ status: [] }, /status that is no object/],
    [[], /is no object/],
  ] as const)
    await assert.rejects(open(() => answer).write('nginx'), message);
});

test('a server with the plugin asks the place that the files name', async () => {
  await using directory = await temporaryDirectory();
  const { caPem, serving } = await createTestPki();
  const webhook = createServer({ cert: serving.certificatePem, key: serving.privateKeyPem }, async (request, response) => {
    const { spec } = JSON.parse(await text(request)) as { spec: { containers: { image: string }[] } };
    const allowed = spec.containers.every(({ image }) => !image.endsWith(':latest'));
    response.end(JSON.stringify({ status: { allowed, ...(!allowed && { reason: 'latest is not used' }) } }));
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const { port } = webhook.address() as AddressInfo;
  const kubeconfig = {
    clusters: [{ name: 'c', cluster: { server: `https://127.0.0.1:${port}/policy`, 'certificate-authority-data': btoa(caPem) } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  const write = (name: string, content: object) => writeFile(join(directory.path, name), JSON.stringify(content));
  await write('kubeconfig', kubeconfig);
  await write('admission.json', {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AdmissionConfiguration',
    plugins: [
      { name: 'ImagePolicyWebhook', configuration: { imagePolicy: { kubeConfigFile: join(directory.path, 'kubeconfig') } } },
    ],
  });
  const admissionConfiguration = await readAdmissionConfiguration(join(directory.path, 'admission.json'));
  const api = await startTestApi({
    composeSecurity: createSecurity,
    security: {
      authorizationModes: ['AlwaysAllow'],
      admissionControl: ['NamespaceLifecycle', 'ImagePolicyWebhook'],
      admissionConfiguration,
    },
  });
  const create = async (name: string, image: string) =>
    api.call<{ message?: string }>(
      'POST',
      '/api/v1/namespaces/default/pods',
      pod(name, { spec: { containers: [{ name: 'c', image }] } }),
    );
  assert.equal((await create('good', 'nginx:1.29')).status, 201);
  const { status, body } = await create('bad', 'nginx:latest');
  assert.equal(status, 403);
  assert.equal(
    body.message,
    'pods "bad" is forbidden: image policy webhook backend denied one or more images: latest is not used',
  );
  webhook.closeAllConnections();
  webhook.close();
  await api.stop();
});
