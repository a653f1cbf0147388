import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { FrameReader } from './frame-reader.ts';
import { dataHeader, FLAG_FIN, pingFrame, rstStreamFrame, synStreamFrame } from './frames.ts';
import { decodeHeaderBlock, encodeHeaderBlock, SpdyError } from './header-block.ts';
import { HeaderCompressor, HeaderDecompressor } from './header-compression.ts';
import { SpdyConnection, type SpdyConnectionOptions } from './spdy-connection.ts';
import type { SpdyStream } from './spdy-stream.ts';

async function sockets(t: TestContext): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = dial({ port: (server.address() as { port: number }).port, host: '127.0.0.1', allowHalfOpen: true });
  const [accepted] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return [client, accepted];
}

async function pair(t: TestContext, onStream: (stream: SpdyStream) => void, more: Partial<SpdyConnectionOptions> = {}) {
  const [near, far] = await sockets(t);
  const client = new SpdyConnection({ socket: near, role: 'client' });
  const server = new SpdyConnection({ socket: far, role: 'server', onStream, ...more });
  return { client, server };
}

test('compression begins as other implementations of SPDY/3 begin it', async () => {
  const compressor = new HeaderCompressor();
  const bytes = await compressor.compress(encodeHeaderBlock({ streamtype: 'error' }));
  // The second word is the checksum of the dictionary that the specification prints.
  assert.equal(bytes.subarray(2, 6).toString('hex'), 'e3c6a7c2');
  compressor.close();
});

test('headers, bytes both ways and the end of each direction arrive', async (t) => {
  const { client } = await pair(t, (stream) => {
    let heard = '';
    stream.on('data', (chunk) => {
      heard += chunk;
    });
    stream.on('end', () => stream.end(`${stream.headers['streamtype']} heard ${heard}`));
  });
  const stream = await client.openStream({ streamType: 'stdin', port: '80' });
  stream.end('hello');
  assert.equal(await text(stream), 'stdin heard hello');
});

test('many streams at once share the connection, and none is left behind', async (t) => {
  const { client, server } = await pair(t, (stream) => void stream.pipe(stream));
  const all = await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const stream = await client.openStream({ streamType: 'data' });
      stream.end(Buffer.alloc(100_000, i));
      return buffer(stream);
    }),
  );
  for (const [i, bytes] of all.entries()) assert.ok(bytes.equals(Buffer.alloc(100_000, i)));
  await client.ping();
  assert.equal(client.streamCount, 0);
  assert.equal(server.streamCount, 0);
});

test('a stream that is not read holds back its writer', async (t) => {
  let theirs: SpdyStream | undefined;
  const { client } = await pair(t, (stream) => {
    theirs = stream;
  });
  const stream = await client.openStream({});
  const chunk = Buffer.alloc(1 << 20, 1);
  let sent = 0;
  while (stream.write(chunk, () => void sent++) || stream.writableLength < 64 << 20);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(theirs!.readableLength < 1 << 20);
  stream.end();
  assert.equal((await buffer(theirs!)).length, 64 << 20);
});

test('a lost connection is no end of its streams', async (t) => {
  const { client, server } = await pair(t, (stream) => void stream.write('half'));
  const stream = await client.openStream({});
  await once(stream, 'readable');
  server.destroy();
  await assert.rejects(text(stream), SpdyError);
  await client.closed;
  await assert.rejects(client.openStream({}), SpdyError);
});

test('what came before the other side closed is read to its end, however slowly', async (t) => {
  const { client, server } = await pair(t, (stream) => {
    stream.write(Buffer.alloc(200_000, 1));
    stream.end(() => server.close());
  });
  const stream = await client.openStream({});
  let size = 0;
  for await (const chunk of stream) {
    size += (chunk as Buffer).length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(size, 200_000);
});

test('what came on a stream that the other side gives up can be read, and the connection goes on', async (t) => {
  const { client } = await pair(t, (stream) => {
    if (stream.headers['whole']) return void stream.end('fine');
    stream.write('part', () => stream.destroy());
  });
  const stream = await client.openStream({});
  assert.equal(await text(stream), 'part');
  assert.equal(stream.wasCancelled, true);
  await assert.rejects(
    new Promise((resolve, reject) => stream.write('more', (error) => (error ? reject(error) : resolve(undefined)))),
  );
  const whole = await client.openStream({ whole: 'yes' });
  assert.equal(await text(whole), 'fine');
  assert.equal(whole.wasCancelled, false);
  assert.equal(client.streamCount, 0);
});

test('streams beyond the limit are refused', async (t) => {
  const { client } = await pair(t, () => undefined, { maxStreams: 2 });
  await client.openStream({});
  await client.openStream({});
  await assert.rejects(client.openStream({}), /status 3/);
});

test('answers to somebody who does not read them are not kept without an end', async (t) => {
  const [near, far] = await sockets(t);
  const server = new SpdyConnection({ socket: far, role: 'server' });
  const pings = Buffer.concat(Array.from({ length: 10_000 }, () => pingFrame(1)));
  let most = 0;
  let isOver = false;
  void server.closed.then(() => {
    isOver = true;
  });
  near.on('error', () => undefined);
  for (let sent = 0; sent < 400 && !isOver; sent++) {
    await new Promise((resolve) => near.write(pings, resolve));
    most = Math.max(most, far.writableLength);
  }
  assert.ok(isOver, `${most} bytes wait`);
  assert.ok(far.destroyed);
});

test('headers that inflate to megabytes end the connection', async (t) => {
  const [near, far] = await sockets(t);
  const server = new SpdyConnection({ socket: far, role: 'server', onStream: () => assert.fail('no stream') });
  const compressor = new HeaderCompressor();
  near.write(synStreamFrame(1, await compressor.compress(encodeHeaderBlock({ a: 'x'.repeat(1 << 20) }))));
  near.resume();
  await server.closed;
  compressor.close();
});

test('blocks of headers are read as they were written, and others are refused', async () => {
  const compressor = new HeaderCompressor();
  const decompressor = new HeaderDecompressor();
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.stringMatching(/^[a-z_-]{1,20}$/), fc.stringMatching(/^[ -~]{0,40}$/), { maxKeys: 20 }),
      async (headers) => {
        const block = await decompressor.decompress(await compressor.compress(encodeHeaderBlock(headers)));
        assert.deepEqual({ ...decodeHeaderBlock(block) }, { ...headers });
      },
    ),
    { verbose: 1 },
  );
  compressor.close();
  decompressor.close();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeHeaderBlock(Buffer.from(bytes));
      } catch (error) {
        assert.ok(error instanceof SpdyError);
      }
    }),
    { verbose: 1 },
  );
});

test('frames are the same however their bytes arrive', () => {
  const whole = Buffer.concat([
    synStreamFrame(1, Buffer.from('block')),
    dataHeader(1, 5),
    Buffer.from('hello'),
    pingFrame(7),
    dataHeader(1, 0, FLAG_FIN),
    rstStreamFrame(3, 5),
  ]);
  const read = (pieces: readonly Buffer[]) => {
    const reader = new FrameReader();
    const seen: string[] = [];
    let data = '';
    for (const piece of pieces)
      for (const frame of reader.read(piece)) {
        if (frame.type === 'data') data += frame.bytes;
        if (frame.type !== 'data' || frame.last) seen.push(`${frame.type} ${'id' in frame ? frame.id : ''} ${data}`);
      }
    return seen;
  };
  const expected = ['syn-stream 1 ', 'ping 7 hello', 'data 1 hello', 'reset 3 hello'];
  assert.deepEqual(read([whole]), expected);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 12 }), (cuts) => {
      const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
      assert.deepEqual(read(at.slice(1).map((end, i) => whole.subarray(at[i], end))), expected);
    }),
    { verbose: 1 },
  );
});

test('anything at all is read as frames or refused, and little of it is kept', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
      const reader = new FrameReader();
      try {
        for (const chunk of chunks) for (const frame of reader.read(Buffer.from(chunk))) assert.ok(frame.type);
      } catch (error) {
        assert.ok(error instanceof SpdyError, String(error));
      }
    }),
    { numRuns: 2_000, verbose: 1 },
  );
  const long = pingFrame(1);
  long.writeUIntBE(0xffffff, 5, 3);
  assert.throws(() => [...new FrameReader().read(long)], /control frame of 16777215 bytes/);
  const old = pingFrame(1);
  old.writeUInt16BE(0x8002, 0);
  assert.throws(() => [...new FrameReader().read(old)], /version 2/);
});
