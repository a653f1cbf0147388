import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { readTar, tarEnd, tarHeader, tarPadding } from './tar-stream.ts';

interface Entry {
  readonly path: string;
  readonly content: Buffer;
}

const archiveOf = (entries: readonly Entry[]) =>
  Buffer.concat([
    ...entries.flatMap(({ path, content }) => [
      tarHeader({ path, mode: 0o600, size: content.length, modifiedMs: 1_700_000_000_000 }),
      content,
      tarPadding(content.length),
    ]),
    tarEnd(),
  ]);

async function read(bytes: Uint8Array, pieceBytes = 700): Promise<Entry[]> {
  const entries: Entry[] = [];
  async function* pieces() {
    for (let i = 0; i < bytes.length; i += pieceBytes) yield bytes.subarray(i, i + pieceBytes);
  }
  await readTar(pieces(), async ({ path }, content) => {
    const parts: Buffer[] = [];
    for await (const part of content) parts.push(part);
    entries.push({ path, content: Buffer.concat(parts) });
  });
  return entries;
}

test('tar lists what is written here', () => {
  const long = `${'d'.repeat(90)}/${'f'.repeat(90)}`;
  const bytes = Buffer.concat([
    archiveOf([{ path: 'a/b', content: Buffer.from('hello') }]).subarray(0, 1024),
    tarHeader({ path: 'link', mode: 0o777, size: 0, modifiedMs: 0, link: 'target' }),
    archiveOf([{ path: long, content: Buffer.alloc(0) }]),
  ]);
  const { stdout, status } = spawnSync('tar', ['-tvf', '-'], { input: bytes, encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /-rw------- .* 5 .* a\/b\n/);
  assert.match(stdout, /link -> target\n/);
  assert.ok(stdout.includes(`${long}\n`));
});

test('what is written is read again, however it is cut', async () => {
  const entry = fc.record({
    path: fc.string({ minLength: 1, maxLength: 60 }).filter((path) => !path.includes('\0')),
    content: fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 5 }), fc.integer({ min: 1, max: 3000 }), async (entries, pieceBytes) => {
      const plain = entries.map(({ path, content }) => ({ path, content }));
      assert.deepEqual(await read(archiveOf(entries), pieceBytes), plain);
    }),
  );
});

test('whatever the bytes are, reading ends with entries or with one kind of failure', async () => {
  const good = archiveOf([{ path: 'a', content: Buffer.from('hello') }]);
  const changes = fc.array(fc.record({ at: fc.nat(good.length - 1), to: fc.integer({ min: 0, max: 255 }) }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(changes, fc.nat(good.length), async (edits, length) => {
      const bytes = Buffer.from(good);
      for (const { at, to } of edits) bytes[at] = to;
      await read(bytes.subarray(0, length)).catch((error) => assert.equal(error.code, 'ARCHIVE_CORRUPT'));
    }),
  );
});

test('paths that do not fit are refused', () => {
  assert.throws(() => tarHeader({ path: 'x'.repeat(101), mode: 0, size: 0, modifiedMs: 0 }), { code: 'ARCHIVE_LIMIT' });
});
