import { CodedError } from '../../std/coded-error.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const fail = (message: string) => new CodedError(`time: ${message}`, { code: 'DURATION_INVALID' });

/**
 * Milliseconds of a duration as Go writes it: `1h30m`, `2m0s`, `-1.5s`, `0`. Throws DURATION_INVALID in the words of Go's
 * time.ParseDuration.
 */
export function parseDuration(text: string): number {
  const shown = JSON.stringify(text);
  const signed = /^([+-]?)(.*)$/s.exec(text)!;
  let rest = signed[2]!;
  if (rest === '0') return 0;
  if (rest === '') throw fail(`invalid duration ${shown}`);
  let totalMs = 0;
  while (rest !== '') {
    const part = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest);
    if (!part) throw fail(`invalid duration ${shown}`);
    const unit = part[2]!;
    if (unit === '') throw fail(`missing unit in duration ${shown}`);
    const unitMs = Object.hasOwn(UNIT_MS, unit) ? UNIT_MS[unit] : undefined;
    if (unitMs === undefined) throw fail(`unknown unit ${JSON.stringify(unit)} in duration ${shown}`);
    totalMs += Number(part[1]) * unitMs;
    rest = rest.slice(part[0].length);
  }
  // 292 years: what Go's 64 bits of nanoseconds hold.
  if (totalMs > 2 ** 63 / 1e6) throw fail(`invalid duration ${shown}`);
  return signed[1] === '-' ? -totalMs : totalMs;
}

const withoutTrailingZeros = (value: number, digits: number) => Number(value.toFixed(digits)).toString();

/** As Go's Duration.String: `1h0m0s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 1e-3) return `${Math.round(ms * 1e6)}ns`;
  if (ms < 1) return `${withoutTrailingZeros(ms * 1e3, 3)}µs`;
  if (ms < 1000) return `${withoutTrailingZeros(ms, 6)}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = `${withoutTrailingZeros((ms % 60_000) / 1000, 9)}s`;
  if (hours) return `${hours}h${minutes}m${seconds}`;
  return minutes ? `${minutes}m${seconds}` : seconds;
}
