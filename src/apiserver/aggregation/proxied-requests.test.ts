import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { until } from '../../../test/harness/until.ts';
import { createTestPki, startTestApi } from '../test-api.ts';
import { condition, GROUP, register, startExtension } from './extension-server.test-support.ts';

test('requests go to the extension server with the word of who asks and without his credentials; answers and watches come back', async (context) => {
  const proxyPki = await createTestPki();
  const proxyClient = await proxyPki.clientPair('front-proxy-client');
  const api = await startTestApi({ aggregation: { proxyClient, routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, proxyPki.caPem);
  await register(api, extension.port);
  await until('it is available', async () => (await condition(api))?.status === 'True');
  const headers = {
    authorization: 'Bearer secret',
    'x-remote-user': 'somebody-else',
    'x-remote-extra-scopes': 'all',
    'impersonate-group': 'x',
    'x-other': 'kept',
  };
  const answer = await api.call('GET', `${GROUP}/namespaces/default/flunders?limit=5`, undefined, headers);
  assert.deepEqual([answer.status, answer.body['kind']], [200, 'FlunderList']);
  const asked = extension.seen.at(-1)!;
  assert.equal(asked.url, `${GROUP}/namespaces/default/flunders?limit=5`);
  assert.equal(asked.proxy, 'front-proxy-client');
  assert.equal(asked.headers['x-remote-user'], 'admin');
  assert.deepEqual(asked.groups, ['system:masters']);
  assert.equal(asked.headers['x-other'], 'kept');
  for (const name of ['authorization', 'x-remote-extra-scopes', 'impersonate-group'])
    assert.equal(asked.headers[name], undefined);
  assert.equal(asked.headers['audit-id'], answer.headers['audit-id']);

  const posted = await api.call('POST', `${GROUP}/namespaces/default/flunders`, { spec: 1 });
  assert.deepEqual([posted.status, posted.body['body']], [201, '{"spec":1}']);
  const watch = await api.call('GET', `${GROUP}/flunders?watch=1`);
  assert.equal(watch.text, '{"type":"ADDED"}\n{"type":"DELETED"}\n');
  const redirected = await api.call('GET', `${GROUP}/redirect`);
  assert.equal(redirected.status, 502);
});

test('a read whose connection is lost before the answer goes to another one, a write does not', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, api.pki.caPem);
  await register(api, extension.port);
  await until('it is available', async () => (await condition(api))?.status === 'True');
  const asked = (url: string) => extension.seen.filter((one) => one.url === url).length;
  const path = `${GROUP}/namespaces/default/lost`;
  assert.equal((await api.call('GET', path)).status, 200);
  assert.equal(asked(path), 3);
  const posted = await api.call('POST', `${path}-writes`, { spec: 1 });
  assert.deepEqual([posted.status, asked(`${path}-writes`)], [503, 1]);
  assert.match(posted.text, /error trying to reach service: .*connection lost/);
});

test('connections that go on as another protocol go through, both ways, and refusals come back', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, api.pki.caPem);
  await register(api, extension.port);
  await until('it is available', async () => (await condition(api))?.status === 'True');
  const open = (path: string, group = GROUP) =>
    new Promise<{ status: number; socket?: Duplex; text?: string }>((resolve, reject) => {
      const outgoing = request({
        host: '127.0.0.1',
        port: api.server.port,
        path: `${group}${path}`,
        ca: api.pki.caPem,
        agent: false,
        headers: { connection: 'Upgrade', upgrade: 'echo', authorization: 'Bearer secret', 'x-forwarded-for': '192.0.2.1' },
      });
      outgoing.on('upgrade', (answer, socket) => resolve({ status: answer.statusCode ?? 0, socket }));
      outgoing.on('response', (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  const { status, socket } = await open('/namespaces/default/flunders/one/exec?command=ls');
  assert.equal(status, 101);
  socket!.write('hello');
  const [heard] = await once(socket!, 'data');
  assert.equal(String(heard), 'echo hello');
  const asked = extension.seen.at(-1)!;
  assert.equal(asked.headers['x-remote-user'], 'system:anonymous');
  assert.equal(asked.headers['authorization'], undefined);
  assert.equal(asked.headers['x-forwarded-for'], '192.0.2.1, 127.0.0.1');
  socket!.destroy();
  assert.deepEqual(await open('/refuse'), { status: 403, text: 'no' });
  // Elsewhere the wish is told nothing, and the answer is the usual one.
  assert.equal((await open('/namespaces/default', '/api/v1')).status, 200);
});

test('what follows a refused change of protocol never reaches an extension server', async (context) => {
  const api = await startTestApi({ aggregation: { routeToEndpoints: true } });
  context.after(() => api.stop());
  await using extension = await startExtension(api.pki, api.pki.caPem);
  await register(api, extension.port);
  await until('it is available', async () => (await condition(api))?.status === 'True');
  const smuggled = `GET ${GROUP}/secrets HTTP/1.1\r\nhost: x\r\nx-remote-user: admin\r\nx-remote-group: system:masters\r\n\r\n`;
  const client = connectTls({ host: '127.0.0.1', port: api.server.port, ca: api.pki.caPem, ALPNProtocols: ['http/1.1'] });
  await once(client, 'secureConnect');
  client.write(`GET ${GROUP}/keep HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n${smuggled}`);
  let answer = '';
  client.on('data', (chunk) => {
    answer += chunk;
    client.write(smuggled);
  });
  client.on('error', () => undefined); // it is cut while it writes
  await once(client, 'close');
  assert.match(answer, /^HTTP\/1\.1 404 [\s\S]*\r\nconnection: close\r\n[\s\S]*gone$/i);
  assert.deepEqual(
    extension.seen.filter(({ url }) => url.startsWith('behind')),
    [],
  );
});
