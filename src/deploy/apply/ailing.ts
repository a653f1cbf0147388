import { atMost } from '../../std/at-most.ts';
import { HOSTS_AT_ONCE } from '../facts/survey.ts';
import type { Transport } from '../transport/transport.ts';
import { ailingUnits } from './steady-units.ts';
import { describeUnit, type UnitReport } from './unit-report.ts';

/** By host: its services that do not work, or why it cannot be asked. Hosts whose services all work are not in it. */
export type Ailing = ReadonlyMap<string, readonly UnitReport[] | string>;

export interface Asking {
  readonly transports: ReadonlyMap<string, Transport>;
  readonly signal: AbortSignal;
}

const HEARD_AT_ONCE = 3;

/** How services fare that do not work. @param units of each host that is asked */
export async function ailingOf({ transports, signal }: Asking, units: ReadonlyMap<string, readonly string[]>): Promise<Ailing> {
  const asked = [...units];
  const results = await atMost(HOSTS_AT_ONCE, asked, ([host, names]) => ailingUnits(transports.get(host)!, names, signal));
  signal.throwIfAborted();
  return new Map(
    asked.flatMap(([host], i) => {
      const result = results[i]!;
      const found = result.status === 'fulfilled' ? result.value : messageOf(result.reason);
      return found.length === 0 ? [] : [[host, found] as const];
    }),
  );
}

/** Of a few of them: `; a: kubelet.service is activating, …`. */
export const said = (ailing: Ailing): string =>
  [...ailing]
    .slice(0, HEARD_AT_ONCE)
    .map(([host, found]) => `; ${host}: ${typeof found === 'string' ? found : found.map(describeUnit).join(', ')}`)
    .join('');

/** A failure in one line. */
export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message.trim().replaceAll('\n', ' | ') : JSON.stringify(error);
