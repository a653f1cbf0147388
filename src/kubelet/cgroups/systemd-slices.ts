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
  /**
   * Starts the slice (its parents come with it) or changes its limits; resolves when `isThere` says so. What it was told last is not told
   * again.
   */
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
const QUOTA_PERIOD = 'CPUQuotaPeriodUSec';
const DEFAULT_PERIOD_MICROSECONDS = 100_000;
const UNLIMITED = '18446744073709551615';
/** busctl says the error's words or its D-Bus name, by its version. */
const NOT_LOADED = ['not loaded', 'NoSuchUnit'];
const EXISTS = ['UnitExists', 'already'];

type Property = readonly [name: string, type: string, value: string];

export function createSystemdSlices({ run, version, clock }: SystemdSlicesOptions): SystemdSlices {
  const told = new Map<string, string>();
  let knowsPeriods = true;
  const call = (method: string, signature: string, args: readonly string[]) =>
    run('busctl', ['--system', 'call', ...MANAGER, method, signature, ...args], { timeoutMs: LONGEST_START_MS });

  /** False: systemd said one of the words. Before 242 it has no period of its own for quotas: there the default is what it knows. */
  async function tell(
    properties: readonly Property[],
    words: readonly string[],
    callWith: (known: readonly string[]) => Promise<unknown>,
  ): Promise<boolean> {
    try {
      await callWith(flat(properties.filter(([name]) => knowsPeriods || name !== QUOTA_PERIOD)));
      return true;
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      if (words.some((word) => error.stderr.includes(word))) return false;
      if (!knowsPeriods || !error.stderr.includes(QUOTA_PERIOD)) throw error;
      knowsPeriods = false;
      return tell(properties, words, callWith);
    }
  }

  return {
    async ensure(name, values, isThere) {
      const unit = sliceOf(name);
      const limits = limitProperties(values, version);
      const wanted = JSON.stringify(limits);
      if (await isThere()) {
        if (limits.length === 0 || told.get(unit) === wanted) return;
        const change = (known: readonly string[]) => call('SetUnitProperties', 'sba(sv)', [unit, 'true', ...known]);
        // A cgroup that systemd does not know becomes its own: it is started below.
        if (await tell(limits, NOT_LOADED, change)) {
          told.set(unit, wanted);
          return;
        }
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
      const start = (known: readonly string[]) =>
        call('StartTransientUnit', 'ssa(sv)a(sa(sv))', [unit, 'replace', ...known, '0']);
      if (await tell(properties, EXISTS, start)) told.set(unit, wanted);
      for (const deadlineMs = clock.now() + LONGEST_START_MS; !(await isThere()); await clock.sleep(POLL_MS))
        if (clock.now() >= deadlineMs)
          throw new CodedError(`systemd did not start ${unit} within ${LONGEST_START_MS} ms`, {
            code: 'CGROUP_FAILED',
            retryable: true,
          });
    },
    async stop(name) {
      told.delete(sliceOf(name));
      await tell([], NOT_LOADED, () => call('StopUnit', 'ss', [sliceOf(name), 'replace']));
    },
  };
}

/**
 * The limits that systemd knows; the rest is written into the files alone. Whenever it writes one of a controller it writes its others,
 * too: a quota that it was not told of would go with the next weight.
 */
function limitProperties(values: CgroupValues, version: 1 | 2): Property[] {
  const { cpuShares, cpuQuota, memoryLimitBytes, pidLimit, unified = {} } = values;
  const amount = (value: number | 'max') => (value === 'max' ? UNLIMITED : String(value));
  const properties: Property[] = [];
  const add = (name: string, value: string) => properties.push([name, 't', value]);
  if (cpuShares !== undefined)
    if (version === 1) add('CPUShares', String(cpuShares));
    else add('CPUWeight', String(weightOfShares(cpuShares)));
  if (cpuQuota) {
    const { quotaMicroseconds, periodMicroseconds } = cpuQuota;
    if (version === 2 || periodMicroseconds !== DEFAULT_PERIOD_MICROSECONDS) add(QUOTA_PERIOD, String(periodMicroseconds));
    add(
      'CPUQuotaPerSecUSec',
      amount(quotaMicroseconds === 'max' ? 'max' : quotaPerSecond(quotaMicroseconds, periodMicroseconds)),
    );
  }
  if (memoryLimitBytes !== undefined) add(version === 1 ? 'MemoryLimit' : 'MemoryMax', amount(memoryLimitBytes));
  if (pidLimit !== undefined) add('TasksMax', amount(pidLimit));
  if (version === 2)
    for (const [file, name] of Object.entries(UNIFIED)) if (unified[file] !== undefined) add(name, unified[file]);
  return properties;
}

/** What of cgroup v2's files systemd keeps by names of its own. */
const UNIFIED: Readonly<Record<string, string>> = { 'memory.min': 'MemoryMin', 'memory.low': 'MemoryLow' };

/** systemd reckons in hundredths of a CPU, and loses what is less. */
const quotaPerSecond = (quota: number, period: number) => Math.ceil((quota * 1_000_000) / period / 10_000) * 10_000;

const flat = (properties: readonly Property[]) => [String(properties.length), ...properties.flat()];
