import { createHash } from 'node:crypto';

/** Characters of names that make no words: no vowels, no digits that look like them (k8s.io/apimachinery/pkg/util/rand). */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

/** A short name for a value, the same whatever the order of its fields. `collisions` makes it another when somebody has taken the first. */
export function shortHash(value: unknown, collisions?: number): string {
  const digest = createHash('sha256').update(canonical(value));
  if (collisions !== undefined) digest.update(`\n${collisions}`);
  return Array.from(digest.digest().subarray(0, 10), (byte) => SAFE[byte % SAFE.length]).join('');
}

/** The same text for the same value, whatever the order of its fields. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join()}}`;
}
