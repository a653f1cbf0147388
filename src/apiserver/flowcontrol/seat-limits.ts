import type { V1PriorityLevelConfigurationSpec } from '../../api/gen/types.ts';
import type { Limits, PriorityLevel } from './priority-level.ts';

const DEFAULT_SHARES = 30;

/** Shares the server's seats out among levels (apiserver/pkg/util/flowcontrol, updateLimits). */
export function shareSeats(specs: readonly V1PriorityLevelConfigurationSpec[], total: number): Limits[] {
  const sharesOf = ({ limited, exempt }: V1PriorityLevelConfigurationSpec) =>
    limited ? (limited.nominalConcurrencyShares ?? DEFAULT_SHARES) : (exempt?.nominalConcurrencyShares ?? 0);
  const sum = specs.reduce((shares, spec) => shares + sharesOf(spec), 0);
  return specs.map((spec) => {
    const nominal = sum === 0 ? 0 : Math.ceil((total * sharesOf(spec)) / sum);
    const lendable = Math.round((nominal * (spec.limited?.lendablePercent ?? spec.exempt?.lendablePercent ?? 0)) / 100);
    const borrowPercent = spec.limited?.borrowingLimitPercent;
    const maximum = borrowPercent === undefined ? total : Math.min(total, nominal + Math.round((nominal * borrowPercent) / 100));
    return { nominal, minimum: nominal - lendable, maximum };
  });
}

/**
 * Whether a level may use so many more seats. What it never lends is its own; beyond that it takes what the others do not use, but for
 * what they never lend.
 */
export function fitsInto(level: PriorityLevel, levels: Iterable<PriorityLevel>, seats: number, total: number): boolean {
  const after = level.inUse + seats;
  if (after <= level.limits.minimum) return true;
  if (after > level.limits.maximum) return false;
  let taken = after;
  for (const other of levels) {
    if (other === level || other.exempt) continue;
    taken += Math.max(other.inUse, other.limits.minimum);
  }
  return taken <= total;
}
