import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMailAddress } from './go-mail-address.ts';

test('addresses are taken with names, comments, quotes, brackets and groups of one, as Go takes them', () => {
  const good = [
    'a@b',
    'a.b+c@d.e',
    'A B <a@b.c>',
    '"a b"@c',
    '"A, B" <a@b>',
    '<a@b>',
    'a@b (who)',
    'a@[::1]',
    'ä@ö',
    'g: a@b;',
    ' a@b ',
  ];
  for (const text of good) assert.equal(isMailAddress(text), true, text);
  const bad = [
    '',
    'a',
    '@b',
    'a@',
    'a b@c',
    '.a@b',
    'a..b@c',
    'a@b.',
    '""@b',
    'a@b c',
    'a@b, c@d',
    'g: a@b, c@d;',
    'g:;',
    'a@[x]',
    'A <a@b',
    'a@b (who',
  ];
  for (const text of bad) assert.equal(isMailAddress(text), false, text);
});
