import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';

/** The first three numbers of a /24 that no interface of this machine is in, the second of them in [from, to). */
export function unusedPrefix(first: number, from: number, to: number): string {
  const taken = new Set(
    Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .map(({ address }) => address.split('.').slice(0, 3).join('.')),
  );
  for (;;) {
    const prefix = `${first}.${randomInt(from, to)}.${randomInt(0, 256)}`;
    if (!taken.has(prefix)) return prefix;
  }
}
