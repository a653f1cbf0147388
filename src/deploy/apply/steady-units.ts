import { atMost } from '../../std/at-most.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { HOSTS_AT_ONCE } from '../facts/survey.ts';
import type { HostPlan } from '../plan/plan.ts';
import type { Transport } from '../transport/transport.ts';
import {
  describeUnit,
  graceLeftS,
  isSteady,
  parseUnitReports,
  type UnitReport,
  unitReportScript,
  unsteady,
} from './unit-report.ts';

export interface SteadyOptions {
  readonly plans: readonly HostPlan[];
  readonly transports: ReadonlyMap<string, Transport>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Longer than services of ours pause before they are started again. */
const PAUSE_MS = 8_000;

/**
 * Resolves when all services that the plans started have stayed up: a program that ends at once is one that has started, to systemd.
 *
 * @throws CodedError APPLY_FAILED naming each that did not, with its last words
 */
export async function requireSteadyUnits(options: SteadyOptions): Promise<void> {
  const { plans, clock, signal } = options;
  const started = new Map(
    plans.map(({ host, changes }) => [host, changes.flatMap(({ step }) => (step.type === 'unit' ? [step.name] : []))] as const),
  );
  let before = await reportsOf(options, started);
  const graceS = graceLeftS([...before.values()].flat());
  if (graceS > 0) {
    await clock.sleep(graceS * 1000, signal);
    before = await reportsOf(options, started);
  }
  const doubtful = new Map(
    [...before].flatMap(([host, reports]) => {
      const names = reports.filter((report) => !isSteady(report)).map(({ name }) => name);
      return names.length > 0 ? [[host, names] as const] : [];
    }),
  );
  if (doubtful.size === 0) return;
  await clock.sleep(PAUSE_MS, signal);
  const after = await reportsOf(options, doubtful);
  const failures = [...after].flatMap(([host, reports]) =>
    unsteady(before.get(host) ?? [], reports).map((failure) => `${host}: ${failure}`),
  );
  if (failures.length > 0)
    throw new CodedError(`services do not stay up: ${failures.join('; ')}; the same command goes on from here`, {
      code: 'APPLY_FAILED',
      retryable: true,
    });
}

/** How a host's service fares, as one reads it; empty when the host says nothing. */
export async function wordsOfUnit(transport: Transport | undefined, unit: string, signal: AbortSignal): Promise<string> {
  const output = await transport?.run(unitReportScript([unit]), { signal });
  const [report] = parseUnitReports(output?.stdout ?? '');
  return report ? describeUnit(report) : '';
}

async function reportsOf(
  { transports, signal }: SteadyOptions,
  units: ReadonlyMap<string, readonly string[]>,
): Promise<Map<string, UnitReport[]>> {
  const asked = [...units].filter(([, names]) => names.length > 0);
  const results = await atMost(HOSTS_AT_ONCE, asked, async ([host, names]) => {
    const { stdout } = await transports.get(host)!.run(unitReportScript(names), { signal });
    return [host, parseUnitReports(stdout)] as const;
  });
  return new Map(
    results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    }),
  );
}
