import type { Inventory } from '../../api/config/v1/inventory.ts';
import { atMost } from '../../std/at-most.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { HOSTS_AT_ONCE } from '../facts/survey.ts';
import type { HostPlan } from '../plan/plan.ts';
import type { Transport } from '../transport/transport.ts';
import { describeUnit, isSteady, parseUnitReports, type UnitReport, unitReportScript } from './unit-report.ts';

export interface SteadyOptions {
  readonly inventory: Pick<Inventory, 'distribution'>;
  readonly plans: readonly HostPlan[];
  readonly transports: ReadonlyMap<string, Transport>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** One restart, as of a controller whose API server was away for a moment, is over by then. */
const STEADY_MS = 45_000;
const POLL_MS = 500;
/** Programs that cannot work say so within this time, in seconds: upstream's look at their machine for a while, ours at their flags. */
const GRACE_S = { upstream: 4, muster: 1 } as const;

/**
 * Resolves when all services that the plans started have stayed up for a while: a program that ends at once is one that has started, to systemd.
 *
 * @throws CodedError APPLY_FAILED naming each that does not, with its last words
 */
export async function requireSteadyUnits(options: SteadyOptions): Promise<void> {
  const { plans, inventory, clock, signal } = options;
  const graceS = GRACE_S[inventory.distribution.type];
  const endMs = clock.now() + STEADY_MS;
  let doubtful: ReadonlyMap<string, readonly string[]> = new Map(
    plans.map(({ host, changes }) => [host, changes.flatMap(({ step }) => (step.type === 'unit' ? [step.name] : []))]),
  );
  for (;;) {
    const unsteady = [...(await reportsOf(options, doubtful, graceS))].map(
      ([host, reports]) => [host, reports.filter((report) => !isSteady(report, graceS))] as const,
    );
    doubtful = new Map(unsteady.map(([host, reports]) => [host, reports.map(({ name }) => name)]));
    const failures = unsteady.flatMap(([host, reports]) => reports.map((report) => `${host}: ${describeUnit(report)}`));
    if (failures.length === 0) return;
    if (clock.now() > endMs)
      throw new CodedError(`services do not stay up: ${failures.join('; ')}; the same command goes on from here`, {
        code: 'APPLY_FAILED',
        retryable: true,
      });
    await clock.sleep(POLL_MS, signal);
  }
}

/** Those of a host's services that do not work, or have not from the first, by what was heard of them. */
export async function ailingUnits(transport: Transport, units: readonly string[], signal: AbortSignal): Promise<UnitReport[]> {
  const { stdout } = await transport.run(unitReportScript(units, GRACE_S.upstream), { signal });
  return parseUnitReports(stdout).filter((report) => report.restarts > 0 || !isSteady(report, GRACE_S.upstream));
}

async function reportsOf(
  { transports, signal }: SteadyOptions,
  units: ReadonlyMap<string, readonly string[]>,
  graceS: number,
): Promise<Map<string, UnitReport[]>> {
  const asked = [...units].filter(([, names]) => names.length > 0);
  const results = await atMost(HOSTS_AT_ONCE, asked, async ([host, names]) => {
    const { stdout } = await transports.get(host)!.run(unitReportScript(names, graceS), { signal });
    return [host, parseUnitReports(stdout)] as const;
  });
  return new Map(
    results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    }),
  );
}
