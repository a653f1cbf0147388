import assert from 'node:assert/strict';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { startCsiDriver } from '../../../../test/harness/csi-driver.ts';
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

test('a plugin that does not answer keeps neither the others nor the node waiting, and what lies deeper is found', async () => {
  await using directory = await temporaryDirectory();
  const root = directory.file('plugins_registry');
  const clock = new VirtualClock(0);
  const life = new AbortController();
  const events: string[] = [];
  const never = new Promise<void>(() => undefined);
  const watcher = createPluginWatcher({
    directory: root,
    handlers: {
      CSIPlugin: {
        async register({ name }) {
          events.push(`asked ${name}`);
          if (name === 'slow') await never;
          events.push(`took ${name}`);
        },
        deregister: async ({ name }) => void events.push(`left ${name}`),
      },
    },
    clock,
    logger: silentLogger,
    random: () => 0.5,
  });
  await mkdir(root);
  const common = { kubeletRoot: directory.path, directory: directory.file('volumes') };
  await using _slow = await startCsiDriver({ ...common, name: 'slow' });
  const start = watcher.start(life.signal);
  await until('the slow one was asked', () => events.includes('asked slow'));
  await clock.advance(10_000);
  await start;
  await using _quick = await startCsiDriver({ ...common, name: 'quick' });
  await until('the quick one is registered', () => events.includes('took quick'));
  await mkdir(`${root}/below`);
  await rename(`${root}/quick-reg.sock`, `${root}/below/quick-reg.sock`);
  await until('it has gone from where it was, and is found where it is', async () => {
    await clock.advance(10_000);
    return events.filter((event) => event === 'took quick').length === 2;
  });
  assert.deepEqual(events, ['asked slow', 'asked quick', 'took quick', 'left quick', 'asked quick', 'took quick']);
  life.abort();
  await watcher.done;
});

test('a plugin that starts anew while it is asked is asked when that has ended, and stays registered', async () => {
  await using directory = await temporaryDirectory();
  await mkdir(directory.file('plugins_registry'));
  const life = new AbortController();
  const events: string[] = [];
  const answered = Promise.withResolvers<void>();
  const watcher = createPluginWatcher({
    directory: directory.file('plugins_registry'),
    handlers: {
      CSIPlugin: {
        async register({ name }) {
          events.push(`asked ${name}`);
          if (name === 'twice') await answered.promise;
          events.push(`took ${name}`);
        },
        deregister: async ({ name }) => void events.push(`left ${name}`),
      },
    },
    clock: new VirtualClock(0),
    logger: silentLogger,
    random: () => 0.5,
  });
  const common = { kubeletRoot: directory.path, directory: directory.file('volumes') };
  const before = await startCsiDriver({ ...common, name: 'twice' });
  void watcher.start(life.signal);
  await until('it was asked', () => events.includes('asked twice'));
  await before[Symbol.asyncDispose]();
  await using _twice = await startCsiDriver({ ...common, name: 'twice' });
  await using _other = await startCsiDriver({ ...common, name: 'other' });
  await until('the directory was looked at', () => events.includes('took other'));
  answered.resolve();
  const last = ['took twice', 'left twice', 'asked twice', 'took twice'];
  await until('the new one is registered', () => events.filter((event) => event === 'took twice').length === 2);
  assert.deepEqual(events, ['asked twice', 'asked other', 'took other', ...last]);
  life.abort();
  await watcher.done;
});
