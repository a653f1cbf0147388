import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { authority, issue, type Pair } from './same-named-authorities.test-support.ts';
import { VerifyingAgent } from './verifying-agent.ts';

const bundle = await Promise.all([authority(), authority()]);
const caPem = bundle.map(({ certificate }) => certificate).join('\n');

/** A server that a certificate of this authority speaks for, the requests that it heard, and how many connections there were. */
async function serve(t: TestContext, by: Pair) {
  const { certificate, key } = await issue(by, '127.0.0.1');
  const heard = { requests: 0, connections: 0 };
  const server = createServer({ cert: certificate, key }, (_request, response) => {
    heard.requests++;
    response.end('here');
  });
  server.on('secureConnection', () => heard.connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { heard, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function ask(url: string, agent: VerifyingAgent): Promise<string> {
  const sent = request(url, { agent });
  sent.end();
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

test('the second of two authorities of one name is believed, and connections wait for the next request if they are to', async (t) => {
  const { url, heard } = await serve(t, bundle[1] as Pair);
  const kept = new VerifyingAgent({ server: url, caPem, connectTimeoutMs: 30_000 }, {}, 1);
  t.after(() => kept.destroy());
  for (const _ of [1, 2]) assert.equal(await ask(url, kept), 'here');
  assert.deepEqual(heard, { requests: 2, connections: 1 });
  const single = new VerifyingAgent({ server: url, caPem, connectTimeoutMs: 30_000 }, {});
  for (const _ of [1, 2]) assert.equal(await ask(url, single), 'here');
  assert.deepEqual(heard, { requests: 4, connections: 3 });
});

test('nothing is said to a server that a stranger speaks for, or whose name is another', async (t) => {
  const stranger = await serve(t, await authority());
  await assert.rejects(ask(stranger.url, new VerifyingAgent({ server: stranger.url, caPem, connectTimeoutMs: 30_000 }, {})), {
    code: 'TRANSPORT_TLS',
  });
  const named = await serve(t, bundle[0] as Pair);
  const agent = new VerifyingAgent({ server: named.url, caPem, connectTimeoutMs: 30_000, tlsServerName: 'hook.example' }, {});
  await assert.rejects(ask(named.url, agent), /hook\.example/);
  assert.deepEqual([stranger.heard.requests, named.heard.requests], [0, 0]);
});
