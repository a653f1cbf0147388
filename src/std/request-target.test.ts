import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostProblem, originForm } from './request-target.ts';

test('scheme and host of a target are left off, whatever they are, and a path is never empty', () => {
  const expected: readonly [string, string][] = [
    ['/api?a=b', '/api?a=b'],
    ['https://host:6443/api/v1/pods?watch=1', '/api/v1/pods?watch=1'],
    ['HTTP://host', '/'],
    ['http://host?a=b', '/?a=b'],
    ['http://user:password@host/a', '/a'],
    ['http:///a', '/a'],
    ['//host/a', '//host/a'],
    ['/https://host/a', '/https://host/a'],
    ['*', '*'],
    ['host:443', 'host:443'],
  ];
  for (const [target, path] of expected) assert.equal(originForm(target), path, target);
});

test('one host is named, in characters that hosts have', () => {
  for (const host of ['', 'a', 'a.b:6443', '[::1]:6443', '10.0.0.1', 'A_b~'])
    assert.equal(hostProblem(['Accept', '*/*', 'Host', host]), undefined, host);
  for (const host of ['a b', 'a/b', 'a<b', 'a@b', 'a"b', '\u00e4'])
    assert.equal(hostProblem(['host', host]), 'malformed Host header', host);
  assert.equal(hostProblem(['Host', 'a', 'HOST', 'a']), 'too many Host headers');
  assert.equal(hostProblem([]), undefined);
});
