import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { tarOf } from './tar.ts';

test('tar reads what is written', () => {
  const archive = tarOf([
    { path: 'bin/', mode: 0o755 },
    { path: 'bin/a', mode: 0o4755, content: Buffer.from('hello'), uid: 12, gid: 34 },
    { path: 'bin/b', mode: 0o777, linkTo: 'a' },
    { path: 'big', mode: 0o600, content: Buffer.alloc(1025, 1) },
  ]);
  const listed = execFileSync('tar', ['--numeric-owner', '-tvf', '-'], {
    input: archive,
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  });
  const lines = listed
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' '));
  assert.deepEqual(lines, [
    'drwxr-xr-x 0/0 0 1970-01-01 00:00 bin/',
    '-rwsr-xr-x 12/34 5 1970-01-01 00:00 bin/a',
    'lrwxrwxrwx 0/0 0 1970-01-01 00:00 bin/b -> a',
    '-rw------- 0/0 1025 1970-01-01 00:00 big',
  ]);
  assert.equal(execFileSync('tar', ['-xOf', '-', 'bin/a'], { input: archive, encoding: 'utf8' }), 'hello');
});

test('a name that does not fit is refused', () => {
  assert.throws(() => tarOf([{ path: 'x'.repeat(101), mode: 0o644 }]), /too long for a tar header/);
});
