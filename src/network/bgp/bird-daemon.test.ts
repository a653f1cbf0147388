import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { recordedPrograms } from '../../host/recorded-programs.ts';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { createBirdDaemon } from './bird-daemon.ts';

/** A BIRD that runs or not, and takes what it is given unless told otherwise. */
async function open(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'bird-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const state = { runs: false, answer: 'Reconfigured' };
  const programs = recordedPrograms(({ program, args }) => {
    if (program === 'bird') {
      state.runs = true;
      return undefined;
    }
    if (!state.runs)
      return { exitCode: 1, stderr: 'Unable to connect to server control socket (bird.ctl): No such file or directory' };
    if (args.includes('configure')) return { stdout: `BIRD 2.0.12 ready.\n${state.answer}\n` };
    if (args.includes('down')) state.runs = false;
    return undefined;
  });
  const bird = createBirdDaemon({ directory, run: programs.run, clock: new VirtualClock(0), logger: silentLogger });
  const did = () => programs.lines.filter((line) => !line.endsWith('show status')).map((line) => line.replaceAll(directory, ''));
  return { directory, state, bird, did };
}

test('it is started once, and reads its configuration again only when that has changed', async (t) => {
  const { directory, bird, did } = await open(t);
  await bird.ensure('one');
  await bird.ensure('one');
  assert.deepEqual(did(), ['bird -c /bird.cfg -s /bird.ctl -P /bird.pid']);
  await bird.ensure('two');
  assert.deepEqual(did().slice(1), ['birdc -s /bird.ctl configure "/bird.cfg"']);
  assert.equal(await readFile(join(directory, 'bird.cfg'), 'utf8'), 'two');
});

test('one that runs already, of an earlier run, is given the configuration and goes on', async (t) => {
  const { state, bird, did } = await open(t);
  state.runs = true;
  await bird.ensure('one');
  assert.deepEqual(did(), ['birdc -s /bird.ctl configure "/bird.cfg"']);
});

test('one that died is started again', async (t) => {
  const { state, bird, did } = await open(t);
  await bird.ensure('one');
  state.runs = false;
  await bird.ensure('one');
  assert.equal(did().length, 2);
});

test('what it says of a configuration that it does not take is told, and tried again', async (t) => {
  const { state, bird, did } = await open(t);
  await bird.ensure('one');
  state.answer = '/bird.cfg:3:1 syntax error, unexpected CF_SYM_UNDEFINED';
  await assert.rejects(bird.ensure('two'), { code: 'BIRD_REFUSES', message: /does not take its configuration: .*syntax error/ });
  state.answer = 'Reconfiguration in progress';
  await bird.ensure('two');
  assert.equal(did().length, 3);
});

test('where it is not installed its package is named', async (t) => {
  const { directory } = await open(t);
  const run: RunProgram = (program, args) =>
    Promise.reject(
      new ProgramError(`${program}: not found`, 'PROGRAM_MISSING', { program, args, exitCode: null, stdout: '', stderr: '' }),
    );
  const bird = createBirdDaemon({ directory, run, clock: new VirtualClock(0), logger: silentLogger });
  await assert.rejects(bird.ensure('one'), { code: 'BIRD_MISSING', message: /Debian's package bird2/ });
});

test('its end leaves no files, and a second one does no harm', async (t) => {
  const { directory, bird, did } = await open(t);
  await bird.ensure('one');
  await bird.stop();
  await bird.stop();
  assert.deepEqual(did().slice(1), ['birdc -s /bird.ctl down']);
  assert.deepEqual(await readdir(directory), []);
});
