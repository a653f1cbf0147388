import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import { VirtualClock } from '../../std/clock.ts';
import type { ApiServerConfig } from '../configuration.ts';
import { startTestApi } from '../test-api.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const DELAY_MS = 5_000;

/** A server that can be stopped step by step, one connection to it that is open, and a request whose body is not whole yet. */
async function open(options: Partial<ApiServerConfig> = {}) {
  const clock = new VirtualClock(Date.now());
  const api = await startTestApi({ clock, shutdownDelayMs: DELAY_MS, shutdownTimeoutMs: 60_000, ...options });
  const agents = Array.from({ length: 3 }, () => new Agent({ keepAlive: true, maxSockets: 1, ca: api.pki.caPem }));
  const [pool, slow, fresh] = agents as [Agent, Agent, Agent];
  const begin = (agent: Agent, path: string, method = 'GET') => {
    const headers = method === 'POST' ? { 'content-type': 'application/json' } : {};
    const asked = request({ host: '127.0.0.1', port: api.server.port, path, method, agent, headers });
    const answer = new Promise<Answer>((resolve, reject) => {
      asked.once('error', reject);
      asked.once('response', async (incoming) => {
        let text = '';
        for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
      });
    });
    return { asked, answer };
  };
  const get = (path: string, agent = pool) => {
    const { asked, answer } = begin(agent, path);
    asked.end();
    return answer;
  };
  const running = begin(slow, '/api/v1/namespaces', 'POST');
  running.asked.write('{"apiVersion":"v1","kind":"Namespace",');
  assert.equal((await get('/readyz')).status, 200);
  return {
    get,
    fresh,
    stop: () => api.server.stop(),
    /** Ends the time in which all is served as before. */
    async delayOver() {
      await until('the server waits', () => clock.pending > 0);
      await clock.advance(DELAY_MS);
    },
    finish: () => {
      running.asked.end('"metadata":{"name":"late"}}');
      return running.answer;
    },
    async [Symbol.asyncDispose]() {
      for (const agent of agents) agent.destroy();
      await api.stop();
    },
  };
}

test('while the server is about to stop all is served but /readyz; then only what runs', async () => {
  await using server = await open();
  const stopped = server.stop();
  await until('/readyz says so', async () => (await server.get('/readyz')).status === 500);
  assert.match((await server.get('/readyz')).text, /^\[-\]shutdown failed: reason withheld$/m);
  assert.deepEqual([(await server.get('/livez')).status, (await server.get('/api/v1/namespaces')).status], [200, 200]);
  await server.delayOver();
  await until('the door is closed', () =>
    server.get('/version', server.fresh).then(
      () => false,
      (error) => error.code === 'ECONNREFUSED',
    ),
  );
  assert.equal((await server.finish()).status, 201);
  await stopped;
});

test('callers are told to come back, on new connections too, until the last request has ended', async () => {
  await using server = await open({ shutdownSendRetryAfter: true });
  const stopped = server.stop();
  await until('/readyz says so', async () => (await server.get('/readyz')).status === 500);
  await server.delayOver();
  for (const path of ['/api/v1/namespaces', '/version']) {
    const { status, headers, text } = await server.get(path, server.fresh);
    assert.deepEqual([status, headers['retry-after'], headers.connection], [429, '5', 'close']);
    assert.equal(text, 'The apiserver is shutting down, please try again later.\n');
  }
  assert.deepEqual(
    [(await server.get('/readyz', server.fresh)).status, (await server.get('/metrics', server.fresh)).status],
    [500, 200],
  );
  assert.equal((await server.finish()).status, 201);
  await stopped;
  await assert.rejects(server.get('/version', server.fresh), { code: /^ECONN(REFUSED|RESET)$/ });
});

test('watches that have time are ended whole, and the server has stopped when the last one has', async () => {
  const clock = new VirtualClock(Date.now());
  const api = await startTestApi({ clock, shutdownWatchTerminationMs: 10_000, shutdownTimeoutMs: 60_000 });
  const agent = new Agent({ keepAlive: true, ca: api.pki.caPem });
  try {
    const ended: string[] = [];
    const began: Promise<void>[] = [];
    for (let i = 0; i < 25; i++)
      began.push(
        new Promise((resolve, reject) => {
          const path = '/api/v1/namespaces?watch=true&resourceVersion=0';
          request({ host: '127.0.0.1', port: api.server.port, path, agent }, (answer) => {
            resolve();
            answer.resume();
            answer.once('end', () => ended.push(answer.complete ? 'whole' : 'cut'));
            answer.once('aborted', () => ended.push('cut'));
          })
            .once('error', reject)
            .end();
        }),
      );
    await Promise.all(began);
    let stopped = false;
    const stopping = api.server.stop().then(() => {
      stopped = true;
    });
    await until('the first are ended', () => ended.length >= 10);
    assert.equal(stopped, false);
    await until('all are ended', async () => {
      await clock.advance(50);
      return ended.length === 25;
    });
    await stopping;
    assert.deepEqual(new Set(ended), new Set(['whole']));
  } finally {
    agent.destroy();
    await api.stop();
  }
});
