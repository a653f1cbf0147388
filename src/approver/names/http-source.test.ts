import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createSelfSigned } from '../../pki/self-signed.ts';
import { createHttpSource } from './http-source.ts';
import type { AskedName } from './name-source.ts';

const names: AskedName[] = [
  { kind: 'address', value: '10.0.0.1' },
  { kind: 'dns', value: 'node-1' },
];
const pair = await createSelfSigned({
  ...{ commonName: 'hook', dnsNames: [], ipAddresses: ['127.0.0.1'] },
  ...{ notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 },
});

/** A service that answers each question so, and the source that asks it. */
async function start(t: TestContext, answer: (response: ServerResponse, body: string) => void, timeoutMs = 60_000) {
  const server = createServer({ key: pair.privateKeyPem, cert: pair.certificatePem }, (request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => answer(response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/names`;
  const source = createHttpSource({ url, timeoutMs, ca: () => Promise.resolve(pair.certificatePem) });
  return { url, ask: () => source.ask('node-1', names, new AbortController().signal) };
}

test('a service is asked by POST and answers name by name', async (t) => {
  const heard: unknown[] = [];
  const { ask } = await start(t, (response, body) => {
    heard.push(JSON.parse(body));
    response.end('{"answers": {"10.0.0.1": "own"}}');
  });
  assert.deepEqual(await ask(), ['own', 'unknown']);
  assert.deepEqual(heard, [{ apiVersion: 'approver.muster.dev/v1', kind: 'NameQuestion', node: 'node-1', names }]);
});

for (const [what, answer, complaint] of [
  ['answers garbage', (response) => response.end('own'), /the answer is not JSON/],
  ['answers something else', (response) => response.end('{"answers": {"10.0.0.1": true}}'), /must be own, unknown or/],
  ['never stops', (response) => void response.write('"'.repeat(2 << 20)), /its answer is too long/],
  ['is out of order', (response) => response.writeHead(503).end('{"answers": {"10.0.0.1": "own"}}'), /it answers 503/],
  ['sends elsewhere', (response) => response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end(), /it answers 302/],
  ['hangs up in the middle', (response) => response.socket?.destroy(), /socket hang up|ECONNRESET/],
] as const satisfies [string, (response: ServerResponse) => void, RegExp][])
  test(`a service that ${what} could not be asked`, async (t) => {
    const { ask } = await start(t, answer);
    await assert.rejects(ask(), complaint);
  });

test('a service that begins to answer and hangs, or that another authority vouches for, could not be asked', async (t) => {
  const { ask } = await start(t, (response) => void response.write('{"answers":'), 50);
  await assert.rejects(ask(), { message: 'it did not answer within 50 ms' });
  const { url } = await start(t, (response) => response.end('{"answers": {"10.0.0.1": "own"}}'));
  const stranger = createHttpSource({ url, timeoutMs: 60_000 });
  await assert.rejects(stranger.ask('node-1', names, new AbortController().signal), /certificate signed by unknown authority/);
});
