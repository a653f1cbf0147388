import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../test/harness/until.ts';
import { VirtualClock } from '../std/clock.ts';
import { feedWatchdog, watchdogIntervalMs } from './systemd-notify.ts';

test('systemd is fed twice as often as it wants, when it wants this process', () => {
  const env = { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '30000000' };
  assert.equal(watchdogIntervalMs(env, 7), 15_000);
  assert.equal(watchdogIntervalMs({ ...env, WATCHDOG_PID: '7' }, 7), 15_000);
  assert.equal(watchdogIntervalMs({ ...env, WATCHDOG_PID: '8' }, 7), undefined);
  assert.equal(watchdogIntervalMs({ WATCHDOG_USEC: '30000000' }, 7), undefined);
  for (const WATCHDOG_USEC of ['', '0', '-1', 'soon']) assert.equal(watchdogIntervalMs({ ...env, WATCHDOG_USEC }, 7), undefined);
});

test('the watchdog is told by systemd’s own program, again and again', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'notify-'));
  const path = process.env['PATH'];
  t.after(() => {
    process.env['PATH'] = path;
    return rm(directory, { recursive: true });
  });
  const log = join(directory, 'log');
  await writeFile(log, '');
  await writeFile(join(directory, 'systemd-notify'), `#!/bin/sh\necho "$@" >> ${log}\n`);
  await chmod(join(directory, 'systemd-notify'), 0o755);
  process.env['PATH'] = `${directory}:${path}`;
  const clock = new VirtualClock(0);
  feedWatchdog({ NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '2000000' }, clock, assert.fail);
  await clock.advance(1500);
  const lines = await until('it was told twice', async () => {
    const text = await readFile(log, 'utf8');
    return text.split('\n').length === 3 && text;
  });
  assert.equal(lines, `--pid=${process.pid} WATCHDOG=1\n`.repeat(2));
});
