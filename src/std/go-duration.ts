const UNITS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go counts nanoseconds in 64 bits: longer ones are none. */
const LONGEST_MS = 2 ** 63 / 1e6;

/**
 * Milliseconds from a duration as Go writes it, `1h30m`, `1.5s`, `-2m`, `0` (https://pkg.go.dev/time#ParseDuration).
 *
 * @throws Error naming the text, in Go's words
 */
export function parseGoDuration(text: string): number {
  const [, sign, body = ''] = /^([+-]?)(.*)$/s.exec(text)!;
  if (body === '0') return 0;
  const fail = (why: string): never => {
    throw new Error(`time: ${why} ${JSON.stringify(text)}`);
  };
  const part = /(\d+\.?\d*|\.\d+)([^.\d]*)/y;
  let totalMs = 0;
  do {
    const found = part.exec(body) ?? fail('invalid duration');
    const [, digits, unit] = found;
    if (!unit) fail('missing unit in duration');
    const unitMs = Object.hasOwn(UNITS, unit!) ? UNITS[unit!] : undefined;
    totalMs += Number(digits) * (unitMs ?? fail(`unknown unit ${JSON.stringify(unit)} in duration`));
    if (totalMs > LONGEST_MS) fail('invalid duration');
  } while (part.lastIndex < body.length);
  return sign === '-' ? -totalMs : totalMs;
}

/** A duration as Go prints it: `2m0s`, `1h0m0s`, `1.5s`, `250ms`, `0s` (https://pkg.go.dev/time#Duration.String). */
export function formatGoDuration(ms: number): string {
  if (ms === 0) return '0s';
  const sign = ms < 0 ? '-' : '';
  const size = Math.abs(ms);
  const decimal = (n: number) => String(Number(n.toFixed(9)));
  if (size < 1e-3) return `${sign}${decimal(size * 1e6)}ns`;
  if (size < 1) return `${sign}${decimal(size * 1e3)}µs`;
  if (size < 1000) return `${sign}${decimal(size)}ms`;
  const hours = Math.floor(size / 3_600_000);
  const minutes = Math.floor((size % 3_600_000) / 60_000);
  const seconds = `${decimal((size % 60_000) / 1000)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}
