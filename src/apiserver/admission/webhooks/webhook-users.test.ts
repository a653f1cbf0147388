import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { temporaryDirectory } from '../../../../test/harness/temporary-directory.ts';
import { type Kubeconfig, parseKubeconfig } from '../../../pki/kubeconfig.ts';
import { createSelfSigned } from '../../../pki/self-signed.ts';
import { VirtualClock } from '../../../std/clock.ts';
import { readAdmissionConfiguration } from '../configuration/admission-configuration.ts';
import { WebhookConnections } from './webhook-connections.ts';
import { checkWebhookUsers, createWebhookUsers, userFor } from './webhook-users.ts';

const named = (names: readonly string[], current = ''): Kubeconfig => ({
  clusters: [],
  contexts: [{ name: 'c', context: { user: current } }],
  'current-context': 'c',
  users: names.map((name) => ({ name, user: { token: name } })),
});

test('a webhook’s user is found by host and port, by the end of the name, without the port 443, then by the star and the context', () => {
  const all = ['a.b.svc:443', '*.b.svc:443', '*.svc:443', 'a.b.svc', '*.b.svc', '*.svc', '*', 'current'];
  for (const [i, expected] of all.entries())
    assert.equal(userFor(named(all.slice(i), 'current'), 'a.b.svc:443')?.token, expected, all.slice(i).join());
  assert.equal(userFor(named(['a.b.svc', '*.svc']), 'a.b.svc:8443'), undefined);
  assert.equal(userFor(named(['10.0.0.1']), '10.0.0.1:443')?.token, '10.0.0.1');
  assert.equal(userFor(named(['::1']), '[::1]:443')?.token, '::1');
  assert.equal(userFor(named([]), 'a:443'), undefined);
});

test('users that cannot be used are refused by the name of the field, and what they hold is not shown', () => {
  const refused = (user: object, why: RegExp) =>
    assert.throws(
      () => checkWebhookUsers({ clusters: [], contexts: [], users: [{ name: 'u', user: user as never }] }),
      (error: Error) => why.test(error.message) && !error.message.includes('hidden'),
    );
  refused({ exec: { command: 'x' } }, /^user "u" exec: is not supported/);
  refused({ 'auth-provider': { name: 'x' } }, /auth-provider: is not supported/);
  refused({ token: 'hidden', username: 'u', password: 'hidden' }, /may be set, but not both/);
  refused({ 'client-certificate': '/x' }, /client-key/);
  refused({ as: 'a', 'as-groups': 'hidden' }, /as-groups: must be a list of strings/);
  refused({ as: 'a', 'as-user-extra': { k: 'hidden' } }, /as-user-extra: must be lists of strings/);
});

test('a webhook is told who asks: by a token that is read again, a password, a certificate, and for whom', async (t) => {
  await using directory = await temporaryDirectory();
  const now = Date.now();
  const authority = await createSelfSigned({
    commonName: 'localhost',
    dnsNames: ['localhost'],
    notBeforeMs: now - 60_000,
    notAfterMs: now + 3_600_000,
  });
  const pem = { cert: authority.certificatePem, key: authority.privateKeyPem };
  const seen: { headers: IncomingHttpHeaders; peer: string | undefined }[] = [];
  const options = { ...pem, requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    seen.push({ headers: request.headers, peer: subject?.CN as string | undefined });
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const clock = new VirtualClock(now);
  const ask = async (user: object) => {
    const text = JSON.stringify({ users: [{ name: `localhost:${port}`, user }] });
    const connections = new WebhookConnections(
      () => assert.fail('no Service'),
      createWebhookUsers(await parseKubeconfig(text, directory.path), clock),
    );
    const client = { url: `https://localhost:${port}/`, caBundle: Buffer.from(pem.cert).toString('base64') };
    const send = () => connections.ask({ client, body: '{}', timeoutMs: 30_000 });
    await send();
    return { ...seen.at(-1)!, send };
  };
  await writeFile(join(directory.path, 'token'), 'first\n');
  const byFile = await ask({ tokenFile: 'token' });
  assert.equal(byFile.headers.authorization, 'Bearer first');
  await writeFile(join(directory.path, 'token'), 'second\n');
  await clock.advance(61_000);
  await byFile.send();
  assert.equal(seen.at(-1)!.headers.authorization, 'Bearer second');
  const byPassword = await ask({ username: 'u', password: 'p' });
  assert.equal(byPassword.headers.authorization, `Basic ${Buffer.from('u:p').toString('base64')}`);
  assert.equal(byPassword.peer, undefined);
  const data = (text: string) => Buffer.from(text).toString('base64');
  const certified = await ask({
    'client-certificate-data': data(pem.cert),
    'client-key-data': data(pem.key),
    as: 'somebody',
    'as-groups': ['g', 'h'],
    'as-user-extra': { 'example.com/k': ['v'] },
  });
  assert.equal(certified.peer, 'localhost');
  assert.equal(certified.headers.authorization, undefined);
  assert.equal(certified.headers['impersonate-user'], 'somebody');
  assert.equal(certified.headers['impersonate-group'], 'g, h');
  assert.equal(certified.headers['impersonate-extra-example.com%2fk'], 'v');
});

test('the admission configuration names the kubeconfig for each kind of webhooks', async () => {
  await using directory = await temporaryDirectory();
  const kubeconfig = join(directory.path, 'users.yaml');
  await writeFile(kubeconfig, 'users:\n- {name: "*", user: {token: t}}\n');
  const path = join(directory.path, 'admission.json');
  const read = async (name: string, configuration: object) => {
    const document = {
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AdmissionConfiguration',
      plugins: [{ name, configuration }],
    };
    await writeFile(path, JSON.stringify(document));
    return readAdmissionConfiguration(path);
  };
  const current = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'WebhookAdmissionConfiguration', kubeConfigFile: kubeconfig };
  assert.equal((await read('MutatingAdmissionWebhook', current)).mutatingWebhookUsers?.users[0]?.user.token, 't');
  const old = { ...current, apiVersion: 'apiserver.config.k8s.io/v1alpha1', kind: 'WebhookAdmission' };
  const validating = await read('ValidatingAdmissionWebhook', old);
  assert.equal(validating.validatingWebhookUsers?.users.length, 1);
  assert.equal(validating.mutatingWebhookUsers, undefined);
  const refused = (more: object, why: RegExp) => assert.rejects(read('MutatingAdmissionWebhook', { ...current, ...more }), why);
  await refused({ kubeConfigFile: 'users.yaml' }, /kubeConfigFile: Invalid value: "users.yaml": must be an absolute file path/);
  await refused({ kubeConfigFile: '/nowhere' }, /kubeConfigFile: kubeconfig \/nowhere: no such file/);
  await refused({ staticManifestsDir: '/x' }, /unknown field "staticManifestsDir"/);
  await refused({ kind: 'WebhookAdmission' }, /no kind "WebhookAdmission" is registered/);
});
