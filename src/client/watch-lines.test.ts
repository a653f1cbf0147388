import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { splitLines } from './watch-lines.ts';

async function* cut(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const size of cuts) {
    yield bytes.subarray(start, start + size);
    start += size;
  }
  yield bytes.subarray(start);
}

async function linesOf(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of splitLines(chunks)) lines.push(line);
  return lines;
}

test('lines are the same however their bytes are cut into chunks', async () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat(7)), async (lines, cuts) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      assert.deepEqual(await linesOf(cut(bytes, cuts)), lines);
    }),
  );
});

test('a line in a hundred thousand chunks is joined once, not once a chunk', async () => {
  const chunks = Array.from({ length: 100_000 }, () => Buffer.from('0123456789'));
  const [line] = await linesOf(
    (async function* () {
      yield* chunks;
      yield Buffer.from('\n');
    })(),
  );
  assert.equal(line?.length, 1_000_000);
});

test('a line without an end is refused before it fills the memory', async () => {
  const endless = async function* () {
    for (;;) yield Buffer.alloc(1024, 'x');
  };
  await assert.rejects(async () => {
    for await (const _ of splitLines(endless(), 10_000)) assert.fail('no line');
  }, RangeError);
});
