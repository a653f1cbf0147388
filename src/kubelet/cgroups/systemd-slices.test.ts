import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordedPrograms } from '../../host/recorded-programs.ts';
import { ProgramError } from '../../host/run-program.ts';
import { systemClock } from '../../std/clock.ts';
import type { CgroupValues } from './cgroup-values.ts';
import { createSystemdSlices } from './systemd-slices.ts';

const NAME = ['kubepods', 'burstable', 'poda'];
const UNIT = 'kubepods-burstable-poda.slice';
const quota = (quotaMicroseconds: number | 'max') => ({ quotaMicroseconds, periodMicroseconds: 100_000 });

/** systemd as busctl shows it: units by name; what `refuse` says it answers instead. */
function machine(refuse: (args: readonly string[]) => string | undefined = () => undefined) {
  const calls: string[] = [];
  const units = new Set<string>();
  const programs = recordedPrograms();
  const run: typeof programs.run = async (program, args, options) => {
    const at = args.findIndex((arg) => /^(StartTransientUnit|SetUnitProperties|StopUnit)$/.test(arg));
    const unit = args.find((arg) => arg.endsWith('.slice'))!;
    calls.push(args.slice(at).join(' '));
    const unknown = args[at] === 'SetUnitProperties' && !units.has(unit) ? `Unit ${unit} not loaded.` : undefined;
    const stderr = refuse(args) ?? unknown;
    if (stderr !== undefined)
      throw new ProgramError(stderr, 'PROGRAM_FAILED', { program, args, exitCode: 1, stdout: '', stderr });
    if (args[at] === 'StartTransientUnit') units.add(unit);
    return programs.run(program, args, options);
  };
  const slices = createSystemdSlices({ run, version: 2, clock: systemClock });
  const ensure = (values: CgroupValues, there = false) => slices.ensure(NAME, values, async () => there || units.has(UNIT));
  return { calls, units, slices, ensure };
}

const methodsOf = (calls: readonly string[]) => calls.map((call) => call.split(' ')[0]);

test('systemd is told of every limit that it would otherwise undo with the next', async () => {
  const { calls, ensure } = machine();
  const unified = { 'memory.min': '0', 'memory.low': '1048576' };
  await ensure({ cpuShares: 512, cpuQuota: quota(50_500), memoryLimitBytes: 2 ** 26, pidLimit: 7, unified });
  assert.match(
    calls[0]!,
    /CPUWeight t 20 CPUQuotaPeriodUSec t 100000 CPUQuotaPerSecUSec t 510000 MemoryMax t 67108864 TasksMax t 7 MemoryMin t 0 MemoryLow t 1048576 0$/,
  );
  await ensure({ cpuShares: 512, cpuQuota: quota('max'), memoryLimitBytes: 'max' });
  assert.match(calls[1]!, /^SetUnitProperties .* CPUQuotaPerSecUSec t 18446744073709551615 MemoryMax t 18446744073709551615$/);
});

test('what systemd was told already is not told again, until the unit is started anew', async () => {
  const { calls, units, slices, ensure } = machine();
  for (let i = 0; i < 3; i++) await ensure({ cpuShares: 512 });
  assert.deepEqual(methodsOf(calls), ['StartTransientUnit']);
  for (let i = 0; i < 3; i++) await ensure({ cpuShares: 1024 });
  assert.deepEqual(methodsOf(calls), ['StartTransientUnit', 'SetUnitProperties']);
  await slices.stop(NAME);
  units.delete(UNIT);
  await ensure({ cpuShares: 1024 });
  assert.deepEqual(methodsOf(calls.slice(2)), ['StopUnit', 'StartTransientUnit']);
});

test('a cgroup that systemd has forgotten, or never knew, becomes a unit of it', async () => {
  const { calls, units, ensure } = machine();
  await ensure({ cpuShares: 512 }, true);
  assert.deepEqual(methodsOf(calls), ['SetUnitProperties', 'StartTransientUnit']);
  assert.ok(units.has(UNIT));
});

test('an older systemd, which has no periods, is told of quotas without them', async () => {
  const { calls, ensure } = machine((args) =>
    args.includes('CPUQuotaPeriodUSec') ? 'Cannot set property CPUQuotaPeriodUSec, or unknown property.' : undefined,
  );
  await ensure({ cpuQuota: quota(50_000) });
  await ensure({ cpuQuota: quota(60_000) });
  assert.deepEqual(methodsOf(calls), ['StartTransientUnit', 'StartTransientUnit', 'SetUnitProperties']);
  assert.deepEqual(
    calls.map((call) => [call.includes('CPUQuotaPeriodUSec'), call.includes('CPUQuotaPerSecUSec')]),
    [
      [true, true],
      [false, true],
      [false, true],
    ],
  );
});

test('what else systemd says is an error', async () => {
  const { ensure } = machine(() => 'Access denied');
  await assert.rejects(ensure({ cpuShares: 2 }), /Access denied/);
});
