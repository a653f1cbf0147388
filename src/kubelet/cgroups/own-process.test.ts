import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { recordedPrograms } from '../../host/recorded-programs.ts';
import { systemClock } from '../../std/clock.ts';
import { type Logger, silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { fakeV1 } from '../testing/fake-cgroup-files.ts';
import { protectOwnProcess } from './own-process.ts';

const configuration = completeConfiguration({ oomScoreAdj: -500, maxOpenFiles: 5000 });

test('the kubelet gives itself its OOM score and its open files', async () => {
  await using directory = await temporaryDirectory();
  const oomScoreFile = directory.file('oom_score_adj');
  await writeFile(oomScoreFile, '0');
  const programs = recordedPrograms();
  await protectOwnProcess({ configuration, logger: silentLogger, clock: systemClock, run: programs.run, oomScoreFile, pid: 42 });
  assert.equal(await readFile(oomScoreFile, 'utf8'), '-500');
  assert.deepEqual(programs.lines, ['prlimit --pid=42 --nofile=5000:5000']);
});

test('where it may not, it says so by the field and goes on', async () => {
  await using directory = await temporaryDirectory();
  const warnings: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message) };
  const { run } = recordedPrograms(() => ({
    exitCode: 1,
    stderr: 'prlimit: failed to set the NOFILE resource limit: Operation not permitted',
  }));
  await protectOwnProcess({ configuration, logger, clock: systemClock, run, oomScoreFile: directory.file('none') });
  assert.equal(warnings.length, 2);
  assert.match(warnings[0]!, /oomScoreAdj \(--oom-score-adj\)/);
  assert.match(warnings[1]!, /maxOpenFiles \(--max-open-files\)/);
});

test('the kubelet moves to the cgroup that it is told, in every tree', async () => {
  await using directory = await temporaryDirectory();
  const { files, mounts } = fakeV1();
  const { run } = recordedPrograms();
  const own = completeConfiguration({ kubeletCgroups: '/system.slice/kubelet' });
  const common = { logger: silentLogger, clock: systemClock, run, oomScoreFile: directory.file('none') };
  await protectOwnProcess({ ...common, configuration: own, pid: 42, mounts, files });
  for (const tree of mounts.trees) assert.equal(await files.read(`${tree}/system.slice/kubelet/cgroup.procs`), '42');
});
