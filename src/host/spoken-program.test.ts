import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { until } from '../../test/harness/until.ts';
import { speakWithProgram } from './spoken-program.ts';

test('what a program said can be read when it has ended, and what is said to it then is lost', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'pid');
  const { stream, ended } = speakWithProgram('sh', ['-c', `echo said; echo $$ > ${file}.new; mv ${file}.new ${file}; exit 3`]);
  const pid = await until('it has told who it is', async () => existsSync(file) && (await readFile(file, 'utf8')).trim());
  // Gone, and not only at its end: its end was noticed here.
  await until('it has ended', async () => !existsSync(`/proc/${pid}`));
  stream.write('are you there?');
  assert.equal(await text(stream), 'said\n');
  stream.end();
  assert.equal((await ended).exitCode, 3);
});

test('it is heard and answers while it runs, and ends with its input', async () => {
  const { stream, ended } = speakWithProgram('cat', []);
  stream.write('one ');
  stream.end('two');
  assert.equal(await text(stream), 'one two');
  assert.equal((await ended).exitCode, 0);
});

test('destroying the stream ends it', async () => {
  const { stream, ended } = speakWithProgram('sleep', ['1000']);
  stream.destroy();
  assert.equal((await ended).exitCode, null);
});

test('a program that is not there ends with the reason', async () => {
  const { stream, ended } = speakWithProgram('/nonexistent/program', []);
  const { exitCode, stderr } = await ended;
  assert.equal(exitCode, null);
  assert.match(stderr, /ENOENT/);
  await until('its stream is closed', async () => stream.destroyed);
});
