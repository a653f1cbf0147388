import { hash } from 'node:crypto';

/** A fifth of the time. */
const SHARE = 0.2;

/**
 * When to look again at something that waits: `ms` from now, or up to a fifth sooner, by its name. A thousand requests that began to wait together
 * are so looked at one after the other, and nobody new has to stand behind all of them once a minute.
 */
export function spreadOut(ms: number, name: string): number {
  const part = Number.parseInt(hash('sha1', name).slice(0, 8), 16) / 2 ** 32;
  return Math.ceil(ms * (1 - SHARE * part));
}
