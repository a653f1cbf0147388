import type { Clock } from '../../std/clock.ts';

const TAKEN_MS = 30_000;
const POLL_MS = 1_000;
/** Members have not been connected for five seconds, have not begun, or the leader has just changed: etcd says so, and may be asked again. */
const FOR_NOW = /unhealthy cluster|not enough started members|leader changed|no leader/;

/** Asks for a change of etcd's members, again for as long as etcd takes none for now. @throws what it says otherwise, or after a time */
export async function untilTaken(
  change: () => Promise<void>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const endMs = clock.now() + TAKEN_MS;
  for (;;) {
    try {
      await change();
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!FOR_NOW.test((error as Error).message) || clock.now() > endMs) throw error;
    }
    await clock.sleep(POLL_MS, signal);
  }
}
