import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseServerUrls } from './server-url.ts';

test('members are named by URLs with commas between, with or without a port', () => {
  assert.deepEqual(
    parseServerUrls('https://10.0.0.1:2379, http://etcd.local,https://[fd00::1]:443/').map(({ target, secure }) => [
      target,
      secure,
    ]),
    [
      ['10.0.0.1:2379', true],
      ['etcd.local:2379', false],
      ['[fd00::1]:443', true],
    ],
  );
});

test('what is no member is refused with its text', () => {
  for (const text of ['10.0.0.1:2379', 'unix:///x', 'https://a/path', 'https://user@a', 'https://a?x=1'])
    assert.throws(() => parseServerUrls(text), {
      name: 'RangeError',
      message: new RegExp(JSON.stringify(text).replace(/[?/.]/g, '\\$&')),
    });
  assert.throws(() => parseServerUrls(' , '), /no etcd server is named/);
});
