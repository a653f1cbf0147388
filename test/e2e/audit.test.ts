import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { until } from '../harness/until.ts';
import { openApiserverProcess } from './apiserver-process.ts';

interface Event {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username?: string };
  readonly impersonatedUser?: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: { readonly resource: string; readonly name?: string };
  readonly responseStatus?: { readonly code: number; readonly message?: string };
  readonly requestObject?: object;
  readonly annotations?: Readonly<Record<string, string>>;
}

const policy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', nonResourceURLs: ['/readyz*', '/openapi*', '/apis*', '/api*'] },
    { level: 'Metadata', resources: [{ group: '', resources: ['secrets'] }] },
    { level: 'RequestResponse', resources: [{ group: '', resources: ['configmaps'] }], namespaces: ['default'] },
  ],
};

test('kubectl’s deeds are in the audit log, with the reason why they were allowed, and Secrets’ values are not', async () => {
  await using apiserver = await openApiserverProcess();
  await apiserver.write('policy.yaml', policy);
  const log = apiserver.file('logs', 'audit.log');
  await apiserver.start(`--audit-policy-file=${apiserver.file('policy.yaml')}`, `--audit-log-path=${log}`);
  const { kubectl } = apiserver;
  await kubectl.run('create secret generic s --from-literal=password=hunter2');
  await kubectl.run('create configmap c --from-literal=a=b');
  await kubectl.run('--as=alice --as-group=system:masters get configmap c');
  assert.equal((await kubectl.try('--as=bob get configmap c')).status, 1);
  assert.equal((await apiserver.send('/api/v1/namespaces/default/configmaps', { authorization: 'Bearer nonsense' })).status, 401);
  const events = await until('all is written', async () => {
    const found = (await readFile(log, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Event);
    return found.some(({ responseStatus }) => responseStatus?.code === 401) && found;
  });
  const text = await readFile(log, 'utf8');
  assert.doesNotMatch(text, /hunter2|aHVudGVyMg|nonsense/);
  const find = (resource: string, verb: string, of: (event: Event) => boolean = () => true) =>
    events.find((event) => event.objectRef?.resource === resource && event.verb === verb && of(event));
  const made = find('configmaps', 'create')!;
  assert.equal(made.user.username, 'admin');
  assert.match(made.userAgent!, /^kubectl\/v1\.35/);
  assert.deepEqual([made.responseStatus?.code, made.objectRef?.name], [201, 'c']);
  assert.ok(made.requestObject);
  assert.equal(made.annotations?.['authorization.k8s.io/decision'], 'allow');
  assert.equal(find('secrets', 'create')?.requestObject, undefined);
  const as = (name: string) => (event: Event) => event.impersonatedUser?.username === name;
  assert.equal(find('configmaps', 'get', as('alice'))?.responseStatus?.code, 200);
  const refused = find('configmaps', 'get', as('bob'))!;
  assert.deepEqual([refused.responseStatus?.code, refused.annotations?.['authorization.k8s.io/decision']], [403, 'forbid']);
  const unknown = events.find(({ responseStatus }) => responseStatus?.code === 401)!;
  assert.equal(unknown.responseStatus?.message, 'Authentication failed, attempted: bearer');
});

test('a webhook gets events in batches, and no request waits for it', async () => {
  await using apiserver = await openApiserverProcess();
  const lists: { kind: string; items: Event[] }[] = [];
  const { certificatePem: cert, privateKeyPem: key } = apiserver.pki.serving;
  const webhook = createServer({ cert, key }, (request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      lists.push(JSON.parse(body));
      response.end();
    });
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  try {
    const url = `https://127.0.0.1:${(webhook.address() as AddressInfo).port}/events`;
    await apiserver.write('policy.yaml', policy);
    await apiserver.write('webhook.kubeconfig', {
      clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority': apiserver.file('ca.pem') } }],
      users: [],
      contexts: [{ name: 'x', context: { cluster: 'c' } }],
      'current-context': 'x',
    });
    await apiserver.start(
      `--audit-policy-file=${apiserver.file('policy.yaml')}`,
      `--audit-webhook-config-file=${apiserver.file('webhook.kubeconfig')}`,
      '--audit-webhook-batch-max-wait=200ms',
    );
    await apiserver.kubectl.run('create configmap c');
    const created = (event: Event) => event.verb === 'create' && event.objectRef?.name === 'c';
    await until('the event has come', () => lists.some(({ items }) => items.some(created)));
    assert.ok(lists.every(({ kind }) => kind === 'EventList'));
  } finally {
    webhook.closeAllConnections();
    webhook.close();
  }
});
