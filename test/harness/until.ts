import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** Default 90 s: a machine that does three other things takes its time, and a condition that holds costs none. */
  timeoutMs?: number;
  intervalMs?: number;
}

/**
 * Asks again until `condition` answers something other than undefined, null and false, and returns that. A rejection counts as
 * "not yet"; the last one is the cause when the time is up.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeoutMs = 90_000, intervalMs = 25 }: UntilOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const endMs = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== null && value !== false) return value as NonNullable<Exclude<T, false>>;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`, { cause: lastError });
    await sleep(intervalMs);
  }
}
