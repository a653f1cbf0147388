import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { recordedPrograms } from '../../host/recorded-programs.ts';
import type { RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { ipvsObstacle } from './obstacle.ts';

let directory: string;
const TABLE = () => join(directory, 'net', 'ip_vs');
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-test-'));
  await mkdir(join(directory, 'net'));
});
after(() => rm(directory, { recursive: true }));

/** A machine by what it lacks, and what `modprobe ip_vs` does to it. */
async function machine(lacks: { program?: string; module?: boolean; sets?: boolean; scheduler?: string }, list = '') {
  await rm(TABLE(), { force: true });
  const recorded = recordedPrograms(({ program, args }) => {
    const line = [program, ...args].join(' ');
    if (line === 'ipvsadm --list --numeric') return { stdout: list };
    if (line === 'ipset list -name' && lacks.sets) return { exitCode: 1, stderr: 'Cannot open session to kernel.' };
    if (program === 'modprobe' && lacks.module) return { exitCode: 1, stderr: 'Module ip_vs not found' };
    if (args.includes('--add-service') && args.at(-1) === lacks.scheduler)
      return { exitCode: 255, stderr: 'Scheduler or persistence engine not found' };
    return undefined;
  });
  const run: RunProgram = async (program, args, options) => {
    if (program === lacks.program) throw new CodedError(`${program}: executable file not found`, { code: 'PROGRAM_MISSING' });
    const answer = await recorded.run(program, args, options);
    if (program === 'modprobe') await writeFile(TABLE(), '');
    return answer;
  };
  return { lines: () => recorded.lines, obstacle: ipvsObstacle({ run, scheduler: 'wlc', procDirectory: directory }) };
}

test('PRX-31 a machine with IPVS has no obstacle: its module is loaded, its scheduler tried and nothing left of that', async () => {
  const { obstacle, lines } = await machine({});
  assert.equal(await obstacle, undefined);
  assert.deepEqual(
    lines().filter((line) => /modprobe|-service/.test(line)),
    [
      'modprobe -- ip_vs',
      'ipvsadm --add-service --tcp-service 198.51.100.0:20000 --scheduler wlc',
      'ipvsadm --delete-service --tcp-service 198.51.100.0:20000',
    ],
  );
});

test('a scheduler that a service has is not tried', async () => {
  const { obstacle, lines } = await machine({}, 'TCP  10.96.0.1:80 wlc\n');
  assert.equal(await obstacle, undefined);
  assert.ok(!lines().some((line) => line.includes('--add-service')));
});

test('what is missing is named: a program with its package, the module, sets, the scheduler', async () => {
  const obstacleOf = async (lacks: Parameters<typeof machine>[0]) => (await machine(lacks)).obstacle;
  assert.match((await obstacleOf({ program: 'ipvsadm' }))!, /^ipvsadm is not installed \(Debian's package ipvsadm\)$/);
  assert.match((await obstacleOf({ program: 'ipset' }))!, /^ipset is not installed/);
  assert.match((await obstacleOf({ module: true }))!, /no IPVS, and its module ip_vs cannot be loaded$/);
  assert.match((await obstacleOf({ program: 'modprobe' }))!, /no IPVS, and its module ip_vs cannot be loaded$/);
  assert.match((await obstacleOf({ sets: true }))!, /no sets of addresses \(module ip_set\)/);
  assert.match((await obstacleOf({ scheduler: 'wlc' }))!, /no IPVS scheduler "wlc" \(module ip_vs_wlc\)$/);
});
