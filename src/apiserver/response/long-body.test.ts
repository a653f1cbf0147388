import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { gzipBody, type LongBody, Pieces, wholeBody } from './long-body.ts';

const bytes = randomBytes(700_000);
const pieces = [0, 1, 2, 130_000, 130_000, 400_001, 700_000].map((from, i, all) => bytes.subarray(from, all[i + 1] ?? 700_000));

test('pieces are the same bytes whole and by targets of any size', () => {
  assert.ok(wholeBody(new Pieces(pieces)).equals(bytes));
  assert.equal(wholeBody(new Pieces([])).length, 0);
  for (const size of [1000, 131_072, 700_000, 800_000]) {
    const body: LongBody = new Pieces(pieces);
    assert.equal(body.size, bytes.length);
    const target = Buffer.alloc(size);
    const got: Buffer[] = [];
    for (let length = body.fill(target); length > 0; length = body.fill(target))
      got.push(Buffer.from(target.subarray(0, length)));
    assert.ok(Buffer.concat(got).equals(bytes), `by ${size}`);
  }
});

test('one piece is sent as it is, without a copy', () => {
  assert.equal(wholeBody(new Pieces([bytes])), bytes);
});

test('a body is compressed block by block, and others have turns meanwhile', async () => {
  let turns = 0;
  const turn = setInterval(() => turns++, 0);
  const compressed = await gzipBody(new Pieces(pieces), 1);
  clearInterval(turn);
  assert.ok(gunzipSync(wholeBody(compressed)).equals(bytes));
  assert.equal(gunzipSync(wholeBody(await gzipBody(new Pieces([]), 1))).length, 0);
  assert.ok(turns > 0);
});
