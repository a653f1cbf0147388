import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../bin/muster.js', import.meta.url));

/** The status of the command with both outputs on a device that is always full. */
function onFullDevice(args: string[], stdio: 'stdout' | 'stderr') {
  const full = openSync('/dev/full', 'w');
  try {
    return spawnSync(process.execPath, [PROGRAM, ...args], {
      stdio: ['ignore', stdio === 'stdout' ? full : 'pipe', stdio === 'stderr' ? full : 'pipe'],
      encoding: 'utf8',
    });
  } finally {
    closeSync(full);
  }
}

test('an error message that cannot be written leaves the exit status as it is', () => {
  assert.equal(onFullDevice(['no-such-command'], 'stderr').status, 2);
});

test('an answer that cannot be written is a failure that says so in one line', () => {
  const result = onFullDevice(['--help'], 'stdout');
  assert.equal(result.stderr, 'muster: the output could not be written: ENOSPC: no space left on device, write\n');
  assert.equal(result.status, 1);
});
