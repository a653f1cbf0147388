import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import type { Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { readLog } from './log-reader.ts';
import { createLogRotator } from './log-rotator.ts';

/** Whoever has the node's log directory as a volume may put anything at the place of a log. */
async function read(path: string, options: object = {}): Promise<string> {
  let text = '';
  const reading = readLog({
    path,
    options: { follow: false, timestamps: false, stream: 'All', ...options },
    isRunning: async () => false,
    clock: new VirtualClock(Date.parse('2026-01-02T03:04:05Z')),
    signal: new AbortController().signal,
  });
  for await (const chunk of reading) text += chunk.toString();
  return text;
}

test('a file that is no log tells nothing of what is in it', async () => {
  await using directory = await temporaryDirectory();
  await writeFile(directory.file('shadow'), 'root:$6$hash\nuser:$6$other\n');
  await symlink(directory.file('shadow'), directory.file('0.log'));
  for (const options of [{}, { tailLines: 1 }, { tailLines: 2 }])
    await assert.rejects(read(directory.file('0.log'), options), (error: Error) => {
      assert.match(error.message, /unsupported log format/);
      assert.doesNotMatch(error.message, /\$6\$/);
      return true;
    });
});

test('a pipe or a device at the place of a log is refused, and nobody waits for its other end', async () => {
  await using directory = await temporaryDirectory();
  execFileSync('mkfifo', [directory.file('0.log')]);
  await symlink('/dev/zero', directory.file('1.log'));
  await assert.rejects(read(directory.file('0.log')), /not a regular file/);
  await assert.rejects(read(directory.file('1.log')), /not a regular file/);
});

test('rotation writes through no link, and compresses none', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('0.log');
  const line = '2026-01-02T03:04:05.5Z stdout F a line\n';
  await writeFile(path, line.repeat(100));
  await writeFile(directory.file('host-file'), 'of the node');
  await writeFile(directory.file('0.log.20260102-000001'), line);
  await symlink(directory.file('host-file'), directory.file('0.log.20260102-000000'));
  const clock = new VirtualClock(Date.parse('2026-01-02T03:04:05Z'));
  const runtime = {
    async list() {
      // After what a crash may have left was tidied up.
      return { sandboxes: [], containers: [{ id: 'c', phase: 'running' } as RuntimeContainer] };
    },
    logs: {
      pathOf: async () => path,
      reopen: async () => {
        await writeFile(path, line.repeat(100));
      },
    },
  } as unknown as Pick<Runtime, 'list' | 'logs'>;
  const configuration = completeConfiguration({ containerLogMaxSize: '100', containerLogMaxFiles: 9 });
  const rotator = createLogRotator({ runtime, configuration, clock, logger: silentLogger });
  await rotator.rotateAll(new AbortController().signal);
  for (const name of ['0.log.20260102-000001.tmp', '0.log.20260102-030405.tmp'])
    await symlink(directory.file('host-file'), directory.file(name)).catch(() => undefined);
  await clock.advance(10_000);
  await rotator.rotateAll(new AbortController().signal);
  await clock.advance(10_000);
  await rotator.rotateAll(new AbortController().signal);
  assert.equal(await readFile(directory.file('host-file'), 'utf8'), 'of the node');
  const names = await readdir(directory.path);
  assert.ok(names.includes('0.log.20260102-030405.gz'));
  assert.ok(!names.includes('0.log.20260102-000000.gz'));
});
