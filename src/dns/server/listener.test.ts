import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { silentLogger } from '../../std/logger.ts';
import { openListener } from './listener.ts';
import { createFrameReader, framed } from './tcp-frames.ts';

test('who opens connections and asks nothing keeps nobody from asking', async (t) => {
  const listener = await openListener('127.0.0.1', 0, ({ bytes }) => bytes, silentLogger);
  t.after(() => listener.close());
  let ended = 0;
  for (let i = 0; i < 1010; i++) {
    const silent = connect(listener.port, '127.0.0.1').on('error', () => undefined);
    silent.once('close', () => ended++);
    t.after(() => silent.destroy());
    await once(silent, 'connect');
  }
  const socket = connect(listener.port, '127.0.0.1');
  t.after(() => socket.destroy());
  const answered = new Promise<string>((resolve, reject) => {
    socket.on(
      'data',
      createFrameReader((bytes) => resolve(bytes.toString())),
    );
    socket.once('close', () => reject(new Error('the connection ended without an answer')));
  });
  socket.write(framed(Buffer.from('question')));
  assert.equal(await answered, 'question');
  assert.ok(ended < 100, 'others stay');
});
