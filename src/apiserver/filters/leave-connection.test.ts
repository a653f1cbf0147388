import assert from 'node:assert/strict';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { test } from 'node:test';
import type { ApiServerConfig } from '../configuration.ts';
import { createSecurity } from '../security.ts';
import { type CertificatePair, startTestApi } from '../test-api.ts';

async function open(options: Partial<ApiServerConfig> = {}) {
  const api = await startTestApi({ composeSecurity: createSecurity, ...options });
  const admin = await api.pki.clientPair('admin', ['system:masters']);
  const sessions: ClientHttp2Session[] = [];
  const session = (pair?: CertificatePair) => {
    const opened = connect(`https://127.0.0.1:${api.server.port}`, {
      ca: api.pki.caPem,
      ...(pair && { cert: pair.certificatePem, key: pair.privateKeyPem }),
    });
    sessions.push(opened);
    return opened;
  };
  return {
    admin,
    session,
    async [Symbol.asyncDispose]() {
      for (const opened of sessions) opened.destroy();
      await api.stop();
    },
  };
}

const headOf = async (stream: ClientHttp2Stream) => {
  const status = await new Promise<number>((resolve, reject) => {
    stream.once('response', (headers) => resolve(Number(headers[':status'])));
    stream.once('error', reject);
  });
  return status;
};

async function get(session: ClientHttp2Session, path: string, headers: Record<string, string> = {}): Promise<number> {
  const stream = session.request({ ':path': path, ...headers });
  const status = await headOf(stream);
  stream.resume();
  await new Promise((resolve) => stream.once('close', resolve));
  return status;
}

/** The code of the GOAWAY with which the other side has ended a session. */
const goneAway = (session: ClientHttp2Session) => new Promise<number>((resolve) => session.once('goaway', resolve));

for (const [who, headers, status] of [
  ['nobody', {}, 200],
  ['somebody with a wrong token', { authorization: 'Bearer wrong' }, 401],
] as const)
  test(`${who} is answered once on a connection of HTTP/2`, async () => {
    await using api = await open();
    const session = api.session();
    const gone = goneAway(session);
    const closed = new Promise<void>((resolve) => session.once('close', resolve));
    assert.equal(await get(session, '/version', headers), status);
    assert.equal(await gone, 0);
    await closed;
  });

test('whoever is known keeps the connection, and so does everybody where the protection is off', async () => {
  await using api = await open();
  await using lenient = await open({ keepsAnonymousConnections: true });
  for (const session of [api.session(api.admin), lenient.session()]) {
    for (let i = 0; i < 3; i++) assert.equal(await get(session, '/version'), 200);
    assert.equal(session.closed, false);
  }
});

test('a watch goes on on a connection that is to be left, and ends it when it ends', async () => {
  let drawn = 0.5;
  await using api = await open({ goawayChance: 0.01, random: () => drawn });
  const session = api.session(api.admin);
  const watching = session.request({ ':path': '/api/v1/configmaps?watch=1' });
  assert.equal(await headOf(watching), 200);
  drawn = 0.009;
  const gone = goneAway(session);
  assert.equal(await get(session, '/version'), 200);
  assert.equal(await gone, 0);
  assert.equal(watching.closed, false, 'the watch goes on');
  const closed = new Promise<void>((resolve) => session.once('close', resolve));
  watching.on('error', () => undefined);
  watching.close(constants.NGHTTP2_CANCEL);
  await closed;
});
