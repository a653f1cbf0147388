import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceKind } from '../api/machinery/kind.ts';
import { StatusError } from '../api/machinery/status-error.ts';
import { createClient } from './create-client.ts';
import { listPages } from './list-pages.ts';
import { createTestTransport, type TestAnswer, TestBody } from './test-transport.ts';

const pods: ResourceKind = { group: '', version: 'v1', kind: 'Pod', resource: 'pods', namespaced: true };
const csrs: ResourceKind = {
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  resource: 'certificatesigningrequests',
  namespaced: false,
};

function open(answer: TestAnswer = { body: '{}' }) {
  const transport = createTestTransport(() => answer);
  const client = createClient({ transport, userAgent: 'tester/1' });
  const last = () => transport.requests.at(-1)!;
  const lastLine = () => `${last().method} ${last().path}`;
  return { client, last, lastLine, transport };
}

test('each verb asks for the path that the API has for it', async () => {
  const { client, lastLine } = open();
  const inDefault = client.resource(pods, 'default');
  await inDefault.get('web');
  assert.equal(lastLine(), 'GET /api/v1/namespaces/default/pods/web');
  await client.resource(pods).list({ labelSelector: 'a in (b,c)', limit: 5, resourceVersion: '0' });
  assert.equal(lastLine(), 'GET /api/v1/pods?labelSelector=a%20in%20(b%2Cc)&limit=5&resourceVersion=0');
  await inDefault.create({ metadata: { name: 'web' } }, { dryRun: true, fieldManager: 'me' });
  assert.equal(lastLine(), 'POST /api/v1/namespaces/default/pods?dryRun=All&fieldManager=me');
  await inDefault.create({ kind: 'Binding' }, { name: 'web', subresource: 'binding' });
  assert.equal(lastLine(), 'POST /api/v1/namespaces/default/pods/web/binding');
  await client.resource(csrs).update({ metadata: { name: 'csr/1' } } as never, { subresource: 'approval' });
  assert.equal(lastLine(), 'PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/csr%2F1/approval');
  await inDefault.delete('web', { propagationPolicy: 'Foreground' });
  assert.equal(lastLine(), 'DELETE /api/v1/namespaces/default/pods/web');
  await inDefault.deleteCollection({ labelSelector: 'a=b' });
  assert.equal(lastLine(), 'DELETE /api/v1/namespaces/default/pods?labelSelector=a%3Db');
});

test('an empty list may be null, as servers in Go write some', async () => {
  const { client } = open({ body: '{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":null}' });
  const list = await client.resource(pods).list();
  assert.deepEqual([list.items, list.metadata.resourceVersion], [[], '7']);
});

test('an object says what it is even when the caller did not write it', async () => {
  const { client, last } = open();
  await client.resource(csrs).create({ apiVersion: undefined, metadata: { generateName: 'csr-' } });
  assert.deepEqual(JSON.parse(String(last().body)), {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { generateName: 'csr-' },
  });
  assert.deepEqual(last().headers, { accept: 'application/json', 'content-type': 'application/json', 'user-agent': 'tester/1' });
});

test('each kind of patch has its content type', async () => {
  const { client, last } = open();
  const types = [];
  for (const type of ['json', 'merge', 'strategic', 'apply'] as const) {
    await client.resource(pods, 'default').patch('web', {}, { type });
    types.push(last().headers['content-type']);
  }
  assert.deepEqual(types, [
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
    'application/apply-patch+yaml',
  ]);
});

test('a namespaced object cannot be reached without a namespace, nor any without a name', async () => {
  const { client, transport } = open();
  await assert.rejects(client.resource(pods).get('web'), /cannot get pods web: a namespace is required/);
  await assert.rejects(client.resource(pods, 'default').delete(''), /resource name may not be empty/);
  assert.equal(transport.requests.length, 0);
});

test('an object that names its own namespace is created there', async () => {
  const { client, lastLine } = open();
  await client.resource(pods).create({ metadata: { namespace: 'kube-system', name: 'x' } });
  assert.equal(lastLine(), 'POST /api/v1/namespaces/kube-system/pods');
});

test('a Status that the server sent is the error, with how long to wait', async () => {
  const status = { kind: 'Status', status: 'Failure', reason: 'TooManyRequests', message: 'slow down', code: 429 };
  const { client } = open({ status: 429, headers: { 'retry-after': '7' }, body: JSON.stringify(status) });
  await assert.rejects(client.resource(pods, 'default').get('web'), (error: unknown) => {
    assert.ok(error instanceof StatusError);
    assert.equal(error.message, 'slow down');
    assert.equal(error.reason, 'TooManyRequests');
    assert.equal(error.status.details?.retryAfterSeconds, 7);
    return true;
  });
});

for (const [status, reason, message] of [
  [404, 'NotFound', 'the server could not find the requested resource (get pods web)'],
  [401, 'Unauthorized', 'the server has asked for the client to provide credentials (get pods web)'],
  [503, 'ServiceUnavailable', 'the server is currently unable to handle the request (get pods web)'],
  [
    502,
    'InternalError',
    'an error on the server ("<html>bad gateway</html>") has prevented the request from succeeding (get pods web)',
  ],
] as const) {
  test(`an answer of ${status} that is no Status becomes ${reason}`, async () => {
    const { client } = open({ status, body: '<html>bad gateway</html>' });
    await assert.rejects(client.resource(pods, 'default').get('web'), (error: unknown) => {
      assert.ok(error instanceof StatusError);
      assert.deepEqual([error.code, error.reason, error.message], [status, reason, message.replaceAll('"', '')]);
      return true;
    });
  });
}

test('a watch yields events as they come and ends when the server ends it', async () => {
  const body = new TestBody();
  const { client, lastLine } = open({ body });
  const events = client.resource(pods, 'default').watch({ resourceVersion: '5', allowWatchBookmarks: true });
  const reading = events[Symbol.asyncIterator]();
  const first = reading.next();
  body.write('{"type":"ADDED","object":{"metadata":{"na');
  body.write('me":"a"}}}\n{"type":"DELETED","object":{"metadata":{"name":"b"}}}\n\n');
  assert.deepEqual((await first).value, { type: 'ADDED', object: { metadata: { name: 'a' } } });
  assert.equal(((await reading.next()).value as { type: string }).type, 'DELETED');
  body.write('{"type":"ADDED","obj');
  body.end();
  assert.equal((await reading.next()).done, true);
  assert.equal(lastLine(), 'GET /api/v1/namespaces/default/pods?resourceVersion=5&watch=true&allowWatchBookmarks=true');
});

test('a watch that cannot begin rejects with the Status', async () => {
  const { client } = open({ status: 410, body: '{"kind":"Status","status":"Failure","reason":"Expired","code":410}' });
  await assert.rejects(async () => {
    for await (const _ of client.resource(pods).watch()) assert.fail('no event');
  }, StatusError);
});

test('a request that takes too long is given up, and a watch is not', async () => {
  const never = createTestTransport(
    ({ signal }) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true })),
  );
  const client = createClient({ transport: never, requestTimeoutMs: 5 });
  await assert.rejects(client.raw({ path: '/version?x=1' }), {
    name: 'TimeoutError',
    message: 'no answer to GET /version within 5 ms',
  });
  void client.resource(pods).watch()[Symbol.asyncIterator]().next();
  assert.equal(never.requests[1]?.signal, undefined);
});

test('pages are asked for until there are no more, and in one piece when their version expired', async () => {
  const transport = createTestTransport(({ path }) => {
    const query = new URL(path, 'https://x').searchParams;
    if (query.get('continue') === 'second')
      return { status: 410, body: '{"kind":"Status","status":"Failure","reason":"Expired"}' };
    const metadata = query.has('limit') ? { continue: 'second' } : {};
    return { body: JSON.stringify({ metadata, items: [{ metadata: { name: query.get('limit') ?? 'all' } }] }) };
  });
  const names: (string | undefined)[] = [];
  for await (const page of listPages(createClient({ transport }).resource(pods), { limit: 2 })) {
    names.push(...page.items.map((pod) => pod.metadata.name));
  }
  assert.deepEqual(names, ['2', 'all']);
});

test('an answer that nobody looks at is not parsed, and a failure is told all the same', async () => {
  let status = 200;
  const body = () =>
    status === 200 ? 'no JSON' : JSON.stringify({ kind: 'Status', code: 404, reason: 'NotFound', message: 'no' });
  const client = createClient({ transport: createTestTransport(() => ({ status, body: body() })) });
  const inDefault = client.resource(pods, 'default');
  assert.deepEqual(await inDefault.patch('a', {}, { type: 'merge', unread: true }), {});
  assert.deepEqual(await inDefault.create({ metadata: { name: 'a' } } as never, { unread: true }), {});
  await assert.rejects(inDefault.patch('a', {}, { type: 'merge' }), { code: 'ANSWER_UNREADABLE' });
  status = 404;
  await assert.rejects(inDefault.patch('a', {}, { type: 'merge', unread: true }), { reason: 'NotFound' });
});

test('what stands before an API server is told of as such: a redirect with where it leads, a page that is no JSON with what was asked', async () => {
  const redirect = open({ status: 302, headers: { location: 'https://login.example.com/?next=1' }, body: '<html>' }).client;
  for (const asked of [redirect.resource(pods).list(), redirect.raw({ path: '/version' })])
    await assert.rejects(
      asked,
      (error) => error instanceof StatusError && /leads elsewhere, to https:\/\/login\.example\.com/.test(error.message),
    );
  const page = open({ body: '<html>token</html>' }).client.resource(pods, 'default');
  await assert.rejects(page.list(), {
    code: 'ANSWER_UNREADABLE',
    message: "the server's answer is no JSON (list pods, 18 characters)",
  });
  await assert.rejects(page.get('web'), { message: "the server's answer is no JSON (get pods web, 18 characters)" });
});
