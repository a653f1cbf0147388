import assert from 'node:assert/strict';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { describe, test } from 'node:test';
import { configMapKind } from '../../src/api/core/v1/config-map.ts';
import type { V1ConfigMap } from '../../src/api/gen/types.ts';
import { createClient } from '../../src/client/create-client.ts';
import { until } from '../harness/until.ts';
import { type BareApiServer, startBareApiServer } from './bare-api-server.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
const ALICE = { name: 'alice', groups: ['system:authenticated'] };
const configMaps = (api: BareApiServer) =>
  createClient({ transport: api.server.transport(ALICE) }).resource<V1ConfigMap>(configMapKind, 'default');
const configMap = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

/** One HTTP/2 connection of alice. */
function openSession(api: BareApiServer): ClientHttp2Session & Disposable {
  const session = connect(`https://127.0.0.1:${api.port}`, { ca: api.caPem });
  session.on('error', () => undefined); // its streams tell
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

function open(
  api: BareApiServer,
  session: ClientHttp2Session,
  path: string,
  headers: Record<string, string> = {},
  endStream = true,
) {
  const stream = session.request({ ':path': path, authorization: `Bearer ${api.token}`, ...headers }, { endStream });
  const answered = new Promise<number>((resolve, reject) => {
    stream.once('response', (head) => resolve(Number(head[':status'])));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error(`closed without an answer (${stream.rstCode})`)));
  });
  answered.catch(() => undefined); // told to whoever awaits it
  return { stream, answered };
}

async function read(stream: ClientHttp2Stream): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) text += chunk;
  return text;
}

describe('limits of the API server', () => {
  test('a long list that its reader leaves lying does not shut out his other requests on that connection', async () => {
    await using api = await startBareApiServer();
    const maps = configMaps(api);
    for (let i = 0; i < 16; i++) await maps.create(configMap(`large-${i}`, { a: 'x'.repeat(900_000) }));
    using session = openSession(api);
    const long = open(api, session, PATH);
    assert.equal(await long.answered, 200);
    for (let i = 0; i < 3; i++) assert.equal(await open(api, session, '/version').answered, 200);
    assert.equal(
      (JSON.parse(await read(long.stream)) as { items: unknown[] }).items.length,
      16,
      'it comes whole once it is read',
    );
  });

  test('a body that is too large ends one request, not the connection', async () => {
    await using api = await startBareApiServer();
    using session = openSession(api);
    const post = open(api, session, PATH, { ':method': 'POST', 'content-type': 'application/json' }, false);
    const sent = Buffer.alloc(64 * 1024, 'x');
    // Without a length in its head, so that it is noticed only on the way.
    const send = () => {
      while (!post.stream.destroyed && !post.stream.writableEnded)
        if (!post.stream.write(sent)) return void post.stream.once('drain', send);
    };
    send();
    assert.equal(await post.answered, 413);
    post.stream.destroy();
    assert.equal(await open(api, session, '/version').answered, 200);
  });

  test('more writes at a time than allowed are told to come back, and may', async () => {
    await using api = await startBareApiServer({ maxMutatingRequestsInflight: 2, priorityAndFairness: false });
    using session = openSession(api);
    const head = { ':method': 'POST', 'content-type': 'application/json' };
    const slow = Array.from({ length: 2 }, () => open(api, session, PATH, head, false));
    // Their heads have come when a third one is refused; it never gets to the others' bodies.
    const refused = await until('a third is refused', async () => {
      const answer = await api.send({ method: 'POST', path: PATH, body: JSON.stringify(configMap('third')) });
      return answer.status === 429 ? answer : undefined;
    });
    assert.equal(refused.headers['retry-after'], '1');
    const status = JSON.parse(refused.text);
    assert.equal(status.reason, 'TooManyRequests');
    assert.match(status.message, /^the server has received too many requests and has asked us to try again later$/);
    assert.equal((await api.send({ path: PATH })).status, 200, 'reading has a limit of its own');
    assert.equal((await api.send({ path: '/readyz' })).status, 200);
    for (const [i, { stream }] of slow.entries()) stream.end(JSON.stringify(configMap(`slow-${i}`)));
    for (const { answered } of slow) assert.equal(await answered, 201);
    await until(
      'there is room again',
      async () => (await api.send({ method: 'POST', path: PATH, body: JSON.stringify(configMap('fourth')) })).status === 201,
    );
  });

  test('watches take no room from other requests, and a hundred of them may be dropped at once', async () => {
    await using api = await startBareApiServer({ maxRequestsInflight: 5 });
    const maps = configMaps(api);
    const { metadata } = await maps.list();
    const sessions = Array.from({ length: 10 }, () => openSession(api));
    const watches = sessions.flatMap((session) =>
      Array.from({ length: 10 }, () => open(api, session, `${PATH}?watch=1&resourceVersion=${metadata?.resourceVersion}`)),
    );
    for (const { answered } of watches) assert.equal(await answered, 200);
    const running = async () =>
      Number(
        /^apiserver_longrunning_requests\{[^}]*resource="configmaps"[^}]*\} (\d+)$/m.exec(
          (await api.send({ path: '/metrics' })).text,
        )?.[1] ?? 0,
      );
    assert.equal(await running(), 100);
    await maps.create(configMap('seen'));
    await Promise.all(
      watches.map(async ({ stream }) => {
        for await (const chunk of stream) {
          assert.match(String(chunk), /"name":"seen"/);
          return;
        }
      }),
    );
    for (const session of sessions) session.destroy();
    await until('all of them are forgotten', async () => (await running()) === 0);
    await maps.create(configMap('after'));
  });

  test('a watcher that does not read is dropped, and others are not held up by it', async () => {
    await using api = await startBareApiServer();
    const maps = configMaps(api);
    const { metadata } = await maps.list();
    using slowSession = openSession(api);
    using quickSession = openSession(api);
    const path = `${PATH}?watch=1&resourceVersion=${metadata?.resourceVersion}`;
    const slow = open(api, slowSession, path);
    const quick = open(api, quickSession, path);
    assert.deepEqual(await Promise.all([slow.answered, quick.answered]), [200, 200]);
    let received = 0;
    quick.stream.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    const body = configMap('written', { a: 'x'.repeat(900_000) });
    let { metadata: current } = await maps.create(body);
    const dropped = new Promise<void>((resolve) => slow.stream.once('close', resolve));
    for (let i = 0; i < 40; i++) {
      ({ metadata: current } = await maps.update({ ...body, metadata: { ...current!, labels: { i: String(i) } } }));
      await until('the quick one has it', () => received > (i + 2) * 900_000);
    }
    slow.stream.resume();
    await dropped;
    assert.ok(!quick.stream.closed);
  });
});
