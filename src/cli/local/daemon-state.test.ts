import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readDaemonState, removeDaemonState, writeDaemonState } from './daemon-state.ts';
import { isRunning, ownIdentity, startTimeOf } from './process-identity.ts';

test('a process is known by its number and its start together', async () => {
  assert.ok(isRunning(ownIdentity()));
  assert.ok(!isRunning({ ...ownIdentity(), startTime: '1' }));
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const identity = { pid: child.pid!, startTime: startTimeOf(child.pid!)! };
  assert.ok(isRunning(identity));
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.ok(!isRunning(identity));
});

test('what a cluster said of itself counts only as long as its process runs', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'muster-test-'));
  try {
    const state = { ...ownIdentity(), state: 'starting' as const, name: 'muster', startedAtMs: 5 };
    assert.equal(await readDaemonState(directory), undefined);
    await writeDaemonState(directory, state);
    assert.deepEqual(await readDaemonState(directory), state);
    await writeDaemonState(directory, { ...state, startTime: 'long ago' });
    assert.equal(await readDaemonState(directory), undefined);
    await removeDaemonState(directory);
    await removeDaemonState(directory);
    assert.equal(await readDaemonState(join(directory, 'missing')), undefined);
  } finally {
    await rm(directory, { recursive: true });
  }
});
