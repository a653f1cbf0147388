import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { CachedObject } from '../watch-cache/cached-object.ts';
import { ListBytes } from './list-bytes.ts';
import { wholeBody } from './long-body.ts';

const objects = Array.from({ length: 5 }, (_, i) =>
  CachedObject.unsaved(configMapKind, 'a', { metadata: { name: `c-${i}` }, data: { k: 'ä'.repeat(i * 7) } } as never, 7 + i),
);
const metadata = { resourceVersion: '12' };

test('a list is the same bytes whole and in pieces of any size, of the size that was told', () => {
  for (const some of [objects, objects.slice(0, 1), []]) {
    const whole = wholeBody(new ListBytes(configMapKind, metadata, some));
    const list = JSON.parse(whole.toString());
    assert.deepEqual(
      list.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      some.map(({ name }) => name),
    );
    assert.deepEqual([list.kind, list.metadata, list.items[0]?.kind], ['ConfigMapList', metadata, undefined]);
    for (const size of [2, 3, 7, 64, 1000, whole.length]) {
      const bytes = new ListBytes(configMapKind, metadata, some);
      assert.equal(bytes.size, whole.length);
      const pieces: Buffer[] = [];
      const piece = Buffer.alloc(size);
      for (let got = bytes.fill(piece); got > 0; got = bytes.fill(piece)) pieces.push(Buffer.from(piece.subarray(0, got)));
      assert.equal(Buffer.concat(pieces).toString(), whole.toString());
    }
  }
});
