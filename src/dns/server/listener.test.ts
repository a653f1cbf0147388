import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
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

test('questions of a connection that fetches no answers wait, and are all answered when it does', async (t) => {
  const [questions, answer] = [2000, Buffer.alloc(60_000)];
  let answered = 0;
  const answerTo = ({ bytes }: { readonly bytes: Buffer }) => {
    if (bytes.length > 1) return bytes;
    answered++;
    return answer;
  };
  const listener = await openListener('127.0.0.1', 0, answerTo, silentLogger);
  t.after(() => listener.close());
  const asker = connect(listener.port, '127.0.0.1');
  t.after(() => asker.destroy());
  asker.write(Buffer.concat(Array.from({ length: questions }, () => framed(Buffer.from('?')))));
  await until('something is answered', () => answered > 0);
  // Others' questions are answered meanwhile.
  const other = connect(listener.port, '127.0.0.1');
  t.after(() => other.destroy());
  for (let i = 0; i < 3; i++) {
    other.write(framed(Buffer.from('other')));
    await once(other, 'data');
  }
  assert.ok(answered * answer.length < 40_000_000, `${answered} answers lie there`);
  let fetched = 0;
  const reader = createFrameReader(() => fetched++);
  asker.on('data', reader);
  await until('all are fetched', () => fetched === questions);
});
