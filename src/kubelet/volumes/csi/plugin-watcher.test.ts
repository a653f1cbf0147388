import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../../test/harness/temporary-directory.ts';
import { until } from '../../../../test/harness/until.ts';
import { VirtualClock } from '../../../std/clock.ts';
import { silentLogger } from '../../../std/logger.ts';
import { createPluginWatcher } from './plugin-watcher.ts';

test('whatever lies among the sockets of plugins, watching goes on', async () => {
  await using directory = await temporaryDirectory();
  const root = directory.file('plugins_registry');
  await mkdir(`${root}/a/b/c/d`, { recursive: true });
  await symlink('loop', `${root}/loop`);
  await symlink('nowhere', `${root}/dangling`);
  await symlink('..', `${root}/a/up`);
  await symlink('file/below', `${root}/beyond`);
  await writeFile(`${root}/file`, '');
  const life = new AbortController();
  const warnings: string[] = [];
  const watcher = createPluginWatcher({
    directory: root,
    handlers: {},
    clock: new VirtualClock(0),
    logger: { ...silentLogger, warn: (message) => void warnings.push(message) },
    random: () => 0.5,
  });
  let ended = false;
  watcher.done.then(
    () => {
      ended = true;
    },
    () => undefined, // told by start
  );
  await watcher.start(life.signal);
  await symlink('again', `${root}/again`);
  await until('it was looked at', () => warnings.length > 1);
  assert.equal(ended, false);
  life.abort();
  await watcher.done;
});

test('a machine without a watch to spare costs nobody his node: the directory is looked at again', async () => {
  await using directory = await temporaryDirectory();
  const clock = new VirtualClock(0);
  const life = new AbortController();
  const warnings: string[] = [];
  let tries = 0;
  const watcher = createPluginWatcher({
    directory: directory.path,
    handlers: {},
    clock,
    logger: { ...silentLogger, warn: (message) => void warnings.push(message) },
    random: () => 0.5,
    watchDirectory() {
      tries++;
      throw Object.assign(new Error('EMFILE: too many open files, watch'), { code: 'EMFILE' });
    },
  });
  await watcher.start(life.signal);
  await until('it waits for the next look', () => clock.pending > 0);
  await clock.advance(10_000);
  await until('it has tried again', () => tries === 2);
  assert.deepEqual(warnings, ['Cannot watch for plugins; their directory is looked at every 10 s']);
  life.abort();
  await watcher.done;
});
