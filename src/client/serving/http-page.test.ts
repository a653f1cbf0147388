import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { servePages } from './http-page.ts';

test('who opens connections and says nothing keeps nobody from the pages', async (t) => {
  const server = await servePages({ host: '127.0.0.1', port: 0 }, () => ({ status: 200, type: 'text/plain', body: 'well' }));
  t.after(() => server.close());
  for (let i = 0; i < 250; i++) {
    const silent = connect(server.port, '127.0.0.1').on('error', () => undefined);
    t.after(() => silent.destroy());
    await once(silent, 'connect');
  }
  const answer = await fetch(`http://127.0.0.1:${server.port}/healthz`);
  assert.deepEqual([answer.status, await answer.text()], [200, 'well']);
});
