import assert from 'node:assert/strict';
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { parseFlags } from '../std/flags.ts';
import { kubeletFlags } from './flags.ts';
import { createLogOutput } from './log-output.ts';

test('lines go to the files of their severity and of lesser ones; what cannot be written is counted and ends nothing', async () => {
  await using directory = await temporaryDirectory();
  const logs = directory.file('logs');
  const errors: string[] = [];
  const flags = parseFlags('kubelet', kubeletFlags(), ['--logtostderr=false', `--log-dir=${logs}`]);
  const write = createLogOutput(flags, (text) => errors.push(text), Date.UTC(2026, 0, 2, 3, 4, 5));
  write('I1 first\n');
  write('E1 second\n');
  await rename(logs, `${logs}-away`);
  write('I1 lost\n');
  write('E1 lost, but for standard error\n');
  await rename(`${logs}-away`, logs);
  write('I1 last\n');
  const linesOf = async (severity: string) =>
    (await readFile(join(logs, `kubelet.${severity}`), 'utf8')).split('\n').slice(3, -1);
  assert.deepEqual(await linesOf('INFO'), ['I1 first', 'E1 second', '2 messages could not be written here: ENOENT', 'I1 last']);
  assert.deepEqual(await linesOf('ERROR'), ['E1 second']);
  assert.deepEqual(errors, ['E1 second\n', 'E1 lost, but for standard error\n']);
  assert.deepEqual(
    (await readdir(logs)).filter((name) => name.includes('FATAL')),
    [],
  );
});
