import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { deferred } from '../../std/lifecycle.ts';
import { silentLogger } from '../../std/logger.ts';
import { createTestPki } from '../test-api.ts';
import { openListener } from './listener.ts';
import { UnansweredRequests } from './take-up-again.ts';

const WISH = 'Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n';
const get = (path: string, headers = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;

/** A listener that answers with a path, and with the body behind it; that of /slow only when it is told to. */
async function start(context: TestContext) {
  const pki = await createTestPki();
  const slow = deferred();
  const listener = await openListener({
    ...{ bindAddress: '127.0.0.1', port: 0, tls: pki.serving, logger: silentLogger },
    serve: async (request, response) => {
      if (request.path === '/slow') await slow.promise;
      const body = `${request.path} ${request.headers['upgrade'] ?? ''} ${await request.readBody(1 << 20)};`;
      response.writeHead(200, { 'content-length': String(body.length) });
      response.end(body);
    },
  });
  context.after(() => {
    listener.close();
    return listener.destroy();
  });
  const ask = async (...pieces: readonly string[]) => {
    const socket = connect({ host: '127.0.0.1', port: listener.port, ca: pki.caPem, ALPNProtocols: ['http/1.1'] });
    await once(socket, 'secureConnect');
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('/first')) slow.resolve();
    });
    for (const piece of pieces) socket.write(piece);
    await once(socket, 'close');
    return [...text.matchAll(/\r\n\r\n([^;]*);/g)].map(([, body]) => body);
  };
  return { ask, slow };
}

test('what comes behind a wish for another protocol that is not fulfilled is answered, and a body with such a wish is the last', async (context) => {
  const { ask } = await start(context);
  const post = `POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n${WISH}\r\nbody`;
  const last = get('/last', 'Connection: close\r\n');
  assert.deepEqual(await ask(get('/wish', WISH) + get('/second') + last), ['/wish websocket ', '/second  ', '/last  ']);
  assert.deepEqual(await ask(get('/wish', WISH) + post + last), ['/wish websocket ', '/body websocket body']);
});

test('answers keep their order, and a connection may utter the wish as often as it likes', async (context) => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => void warnings.push(warning);
  process.on('warning', warned);
  context.after(() => process.off('warning', warned));
  const { ask, slow } = await start(context);
  const many = Array.from({ length: 40 }, (_, i) => `/n${i}`);
  const asked = ask(get('/slow') + many.map((path) => get(path, WISH)).join('') + get('/last', 'Connection: close\r\n'));
  setImmediate(() => slow.resolve());
  assert.deepEqual(await asked, ['/slow  ', ...many.map((path) => `${path} websocket `), '/last  ']);
  assert.deepEqual(warnings, []);
});

test('a wish is taken out wherever the parser reads it', async (context) => {
  const { ask } = await start(context);
  const last = get('/last', 'Connection: close\r\n');
  for (const wish of [
    'Proxy-Connection: Upgrade',
    'PROXY-CONNECTION: x ,\tupgrade \r\nConnection: keep-alive',
    'Connection: upgrade,UPGRADE ,',
  ])
    assert.deepEqual(await ask(get('/wish', `${wish}\r\nUpgrade: h2c\r\n`) + last), ['/wish h2c ', '/last  '], wish);
});

test('a request that comes back with its wish ends its connection instead of coming back for ever', () => {
  const unanswered = new UnansweredRequests();
  const socket = new Socket();
  let times = 0;
  const again = () => {
    if (++times < 10) unanswered.behind(socket, again);
  };
  unanswered.behind(socket, again);
  assert.deepEqual([times, socket.destroyed], [1, true]);
});
