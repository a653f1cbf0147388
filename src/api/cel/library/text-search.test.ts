import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firstIndex, lastIndex, splitText } from './text-search.ts';

const a = (count: number) => 'a'.repeat(count);

describe('where a text stands in another', () => {
  it('is what JavaScript says, for parts of any length', () => {
    const parts = [
      '',
      'a',
      a(33),
      `${a(40)}b`,
      `b${a(40)}`,
      'ab'.repeat(20),
      `${'ab'.repeat(20)}a`,
      'aab'.repeat(15),
      `x${a(40)}`,
    ];
    const texts = [
      '',
      a(32),
      a(100),
      `${a(50)}b${a(50)}b`,
      'ab'.repeat(60),
      'aab'.repeat(40),
      `${'aab'.repeat(20)}${'ab'.repeat(25)}`,
    ];
    for (const text of texts)
      for (const part of parts) {
        for (const from of [0, 1, 7, 40, text.length]) {
          assert.equal(firstIndex(text, part, from), text.indexOf(part, from), `${part} in ${text} from ${from}`);
          assert.equal(lastIndex(text, part, from), text.lastIndexOf(part, from), `last ${part} in ${text} from ${from}`);
        }
        assert.equal(lastIndex(text, part), text.lastIndexOf(part));
        if (part !== '') assert.deepEqual(splitText(text, part), text.split(part));
      }
  });

  it('is found in long texts that nearly match everywhere', () => {
    // Compared anew at each place, these would take minutes.
    const text = a(2_000_000);
    assert.equal(lastIndex(text, `${a(1_000_000)}b`), -1);
    assert.equal(firstIndex(`${a(1_999_999)}b`, `${a(1_000_000)}b`), 999_999);
    assert.deepEqual(splitText(text, `b${a(1_000_000)}`), [text]);
  });
});
