import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type CgroupName, sliceOf } from './cgroup-names.ts';
import type { CgroupValues } from './cgroup-values.ts';
import { weightOfShares } from './cpu-shares.ts';

/**
 * Slices as transient units of systemd, asked for over D-Bus with busctl(1). systemd owns the tree where the cgroup driver is
 * `systemd`: what it did not make itself it may take away again at its next reload, and limits that it does not know it may undo.
 */
export interface SystemdSlices {
  /** Starts the slice (its parents come with it) or changes its limits; resolves when `isThere` says so. */
  ensure(name: CgroupName, values: CgroupValues, isThere: () => Promise<boolean>): Promise<void>;
  /** Succeeds when there is none. */
  stop(name: CgroupName): Promise<void>;
}

export interface SystemdSlicesOptions {
  readonly run: RunProgram;
  readonly version: 1 | 2;
  readonly clock: Clock;
}

const MANAGER = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager'];
const POLL_MS = 20;
const LONGEST_START_MS = 30_000;
const UNLIMITED = '18446744073709551615';

type Property = readonly [name: string, type: string, value: string];

export function createSystemdSlices({ run, version, clock }: SystemdSlicesOptions): SystemdSlices {
  const call = (method: string, signature: string, args: readonly string[]) =>
    run('busctl', ['--system', 'call', ...MANAGER, method, signature, ...args], { timeoutMs: LONGEST_START_MS });

  return {
    async ensure(name, values, isThere) {
      const unit = sliceOf(name);
      const limits = limitProperties(values, version);
      if (await isThere()) {
        if (limits.length > 0)
          await call('SetUnitProperties', 'sba(sv)', [unit, 'true', ...flat(limits)]).catch(unless('not loaded', 'NoSuchUnit'));
        return;
      }
      const properties: Property[] = [
        ['Description', 's', `Muster kubelet ${unit}`],
        ['DefaultDependencies', 'b', 'false'],
        ['CPUAccounting', 'b', 'true'],
        ['MemoryAccounting', 'b', 'true'],
        ['TasksAccounting', 'b', 'true'],
        [version === 1 ? 'BlockIOAccounting' : 'IOAccounting', 'b', 'true'],
        ...limits,
      ];
      await call('StartTransientUnit', 'ssa(sv)a(sa(sv))', [unit, 'replace', ...flat(properties), '0']).catch(
        unless('UnitExists', 'already'),
      );
      for (const deadlineMs = clock.now() + LONGEST_START_MS; !(await isThere()); await clock.sleep(POLL_MS))
        if (clock.now() >= deadlineMs)
          throw new CodedError(`systemd did not start ${unit} within ${LONGEST_START_MS} ms`, {
            code: 'CGROUP_FAILED',
            retryable: true,
          });
    },
    async stop(name) {
      await call('StopUnit', 'ss', [sliceOf(name), 'replace']).catch(unless('not loaded', 'NoSuchUnit'));
    },
  };
}

/** The limits that systemd knows; the rest is written into the files alone. */
function limitProperties(values: CgroupValues, version: 1 | 2): Property[] {
  const { cpuShares, memoryLimitBytes, pidLimit } = values;
  const amount = (value: number | 'max') => (value === 'max' ? UNLIMITED : String(value));
  return [
    ...(cpuShares === undefined
      ? []
      : [
          version === 1
            ? (['CPUShares', 't', String(cpuShares)] as const)
            : (['CPUWeight', 't', String(weightOfShares(cpuShares))] as const),
        ]),
    ...(memoryLimitBytes === undefined
      ? []
      : [[version === 1 ? 'MemoryLimit' : 'MemoryMax', 't', amount(memoryLimitBytes)] as const]),
    ...(pidLimit === undefined ? [] : [['TasksMax', 't', amount(pidLimit)] as const]),
  ];
}

const flat = (properties: readonly Property[]) => [String(properties.length), ...properties.flat()];

/** busctl says the error's words or its D-Bus name, by its version. */
function unless(...words: string[]) {
  return (error: unknown) => {
    if (error instanceof ProgramError && words.some((word) => error.stderr.includes(word))) return;
    throw error;
  };
}
