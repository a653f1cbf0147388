import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deferred } from '../../std/lifecycle.ts';
import type { ServerResponse } from '../contracts.ts';
import { WatchStream } from './watch-stream.ts';

class SlowResponse implements ServerResponse {
  headersSent = true;
  sent = '';
  ended = false;
  accepts = true;
  drain = deferred();
  turns?: { enlist(write: () => number): void };
  writes = 0;

  writeHead(): void {}

  write(chunk: Uint8Array | string): boolean {
    this.writes++;
    this.sent += Buffer.from(chunk as Uint8Array).toString();
    return this.accepts;
  }

  end(): void {
    this.ended = true;
  }

  drained(): Promise<void> {
    return this.drain.promise;
  }
}

test('lines wait, in order, while the receiver is slow', async () => {
  const response = new SlowResponse();
  const stream = new WatchStream(response, () => undefined);
  response.accepts = false;
  stream.send(Buffer.from('1'));
  stream.send(Buffer.from('2'));
  stream.send(Buffer.from('3'));
  assert.equal(response.sent, '1');
  response.accepts = true;
  response.drain.resolve();
  await response.drain.promise;
  await Promise.resolve();
  stream.send(Buffer.from('4'));
  assert.equal(response.sent, '1234');
});

test('a receiver that falls too far behind is given up', () => {
  const response = new SlowResponse();
  let ends = 0;
  const stream = new WatchStream(response, () => ends++);
  response.accepts = false;
  for (let i = 0; i < 1_002; i++) stream.send(Buffer.from('x'));
  assert.equal(response.ended, true);
  assert.equal(ends, 1);
  stream.send(Buffer.from('y'));
  assert.equal(response.sent, 'x');
});

test('where writes are dear, lines that come together go out together, in order and with the end', () => {
  const response = new SlowResponse();
  const line: (() => number)[] = [];
  response.turns = { enlist: (write) => void line.push(write) };
  const stream = new WatchStream(response, () => undefined);
  stream.sendAll([Buffer.from('0')]);
  for (const text of ['1', '2', '3']) stream.send(Buffer.from(text));
  assert.deepEqual([response.sent, line.length], ['0', 1]);
  line.pop()!();
  assert.deepEqual([response.sent, response.writes], ['0123', 2]);
  stream.send(Buffer.from('4'));
  stream.end();
  assert.deepEqual([response.sent, response.ended], ['01234', true]);
  line.pop()!();
  assert.equal(response.sent, '01234');
});

test('a full record does not wait for its turn, and its turn finds nothing left', () => {
  const response = new SlowResponse();
  const line: (() => number)[] = [];
  response.turns = { enlist: (write) => void line.push(write) };
  const stream = new WatchStream(response, () => undefined);
  stream.send(Buffer.from('a'));
  stream.send(Buffer.alloc(16 * 1024, 'b'));
  assert.equal(response.sent.length, 16 * 1024 + 1);
  line.pop()!();
  assert.equal(response.writes, 1);
});

test('what is large waits for its turn, and is written no further than the receiver takes it', async () => {
  const response = new SlowResponse();
  const line: (() => number)[] = [];
  response.turns = { enlist: (write) => void line.push(write) };
  const stream = new WatchStream(response, () => undefined);
  const lines = ['a', 'b', 'c'].map((letter) => Buffer.alloc(100_000, letter));
  for (const each of lines) stream.send(each);
  assert.deepEqual([response.sent, line.length], ['', 1]);
  response.accepts = false;
  assert.equal(line.pop()!(), 100_000);
  assert.equal(response.sent, 'a'.repeat(100_000));
  response.accepts = true;
  response.drain.resolve();
  await stream.room();
  assert.equal(response.sent, Buffer.concat(lines).toString());
});

test('what waits for its turn at the end goes before it', () => {
  const response = new SlowResponse();
  response.turns = { enlist: () => undefined };
  const stream = new WatchStream(response, () => undefined);
  for (let i = 0; i < 3; i++) stream.send(Buffer.alloc(100_000, String(i)));
  stream.end();
  assert.deepEqual([response.sent.length, response.ended], [300_000, true]);
});
