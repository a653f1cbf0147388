import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSealed, seal, unseal } from './sealed-stream.ts';

const key = Buffer.alloc(32, 7);

async function gather(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* cut(bytes: Uint8Array, pieceBytes: number) {
  for (let i = 0; i < bytes.length; i += pieceBytes) yield bytes.subarray(i, i + pieceBytes);
}

test('what was sealed comes back, whatever its length and however it is cut', async () => {
  for (const length of [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000]) {
    const plain = randomBytes(length);
    const sealed = await gather(seal(cut(plain, 10_007), key));
    assert.ok(isSealed(sealed));
    assert.ok(!sealed.includes(plain.subarray(0, 64)) || length < 8);
    assert.ok((await gather(unseal(cut(sealed, 4_999), key))).equals(plain), `${length} bytes`);
  }
});

test('the same bytes are sealed differently each time', async () => {
  const plain = Buffer.from('same');
  assert.notDeepEqual(await gather(seal(cut(plain, 4), key)), await gather(seal(cut(plain, 4), key)));
});

test('another key opens nothing, and a short one is refused', async () => {
  const sealed = await gather(seal(cut(Buffer.from('x'), 1), key));
  await assert.rejects(gather(unseal(cut(sealed, 10), Buffer.alloc(32, 8))), /the key is not the one/);
  await assert.rejects(gather(seal(cut(Buffer.from('x'), 1), Buffer.alloc(15))), /the key has 15 bytes/);
});

test('no byte can be changed, left out or put at the end unseen', async () => {
  const plain = randomBytes(150_000);
  const sealed = await gather(seal(cut(plain, 50_000), key));
  await fc.assert(
    fc.asyncProperty(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const bytes = Buffer.from(sealed);
      bytes[at] = bytes[at]! ^ by;
      await assert.rejects(gather(unseal(cut(bytes, 65_536), key)), { code: 'ARCHIVE_SEALED' });
    }),
    { numRuns: 30 },
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(sealed.length - 1), async (length) => {
      await assert.rejects(gather(unseal(cut(sealed.subarray(0, length), 65_536), key)), { code: 'ARCHIVE_SEALED' });
    }),
    { numRuns: 30 },
  );
  await assert.rejects(gather(unseal(cut(Buffer.concat([sealed, sealed.subarray(48)]), 65_536), key)), {
    code: 'ARCHIVE_SEALED',
  });
  // The first two pieces in each other's place.
  const piece = 4 + 65_536 + 16;
  const swapped = Buffer.concat([
    sealed.subarray(0, 48),
    sealed.subarray(48 + piece, 48 + 2 * piece),
    sealed.subarray(48, 48 + piece),
    sealed.subarray(48 + 2 * piece),
  ]);
  await assert.rejects(gather(unseal(cut(swapped, 65_536), key)), { code: 'ARCHIVE_SEALED' });
});
