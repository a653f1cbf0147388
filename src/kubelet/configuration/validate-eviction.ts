import { parseQuantity } from '../../api/machinery/quantity.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

const SIGNALS =
  /^(memory\.available|allocatableMemory\.available|(nodefs|imagefs|containerfs)\.(available|inodesFree)|pid\.available)$/;

/** Eviction thresholds: signals that there are, amounts that can be read, and a grace period for each soft one. */
export function checkEviction(c: KubeletConfiguration): string[] {
  const mistakes: string[] = [];
  for (const [name, flag] of [
    ['evictionHard', 'eviction-hard'],
    ['evictionSoft', 'eviction-soft'],
    ['evictionMinimumReclaim', 'eviction-minimum-reclaim'],
  ] as const)
    for (const [signal, amount] of Object.entries(c[name] ?? {})) {
      if (!SIGNALS.test(signal)) mistakes.push(`${name} (--${flag}) has unknown eviction signal ${JSON.stringify(signal)}`);
      else if (!isThreshold(amount))
        mistakes.push(`${name}.${signal} (--${flag}) ${JSON.stringify(amount)} must be a quantity or a percentage`);
    }
  for (const [signal, period] of Object.entries(c.evictionSoftGracePeriod ?? {})) {
    const label = 'evictionSoftGracePeriod (--eviction-soft-grace-period)';
    if (!SIGNALS.test(signal)) mistakes.push(`${label} has unknown eviction signal ${JSON.stringify(signal)}`);
    else if (!isPeriod(period))
      mistakes.push(`${label} ${signal}=${JSON.stringify(period)} must be a duration that is not negative`);
  }
  for (const signal of Object.keys(c.evictionSoft ?? {}))
    if (!c.evictionSoftGracePeriod || !Object.hasOwn(c.evictionSoftGracePeriod, signal))
      mistakes.push(`grace period must be specified for the soft eviction threshold ${signal}`);
  if ((c.evictionMaxPodGracePeriod ?? 0) < 0)
    mistakes.push(
      `evictionMaxPodGracePeriod (--eviction-max-pod-grace-period) ${c.evictionMaxPodGracePeriod} must not be a negative number`,
    );
  return mistakes;
}

function isThreshold(text: string): boolean {
  if (text.endsWith('%')) return /^\d+(\.\d+)?%$/.test(text) && Number(text.slice(0, -1)) <= 100;
  try {
    return parseQuantity(text).nano >= 0n;
  } catch {
    return false;
  }
}

function isPeriod(text: string): boolean {
  try {
    return parseGoDuration(text) >= 0;
  } catch {
    return false;
  }
}
