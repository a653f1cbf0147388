import { nodeKind } from '../api/core/v1/node.ts';
import type { V1Node } from '../api/gen/types.ts';
import type { Client } from '../client/client.ts';
import { createInformer } from '../client/informer.ts';
import type { Clock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import { deferred } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';

/** Why a node is not Ready, in words; undefined when it is. */
export function whyNotReady(node: V1Node | undefined): string | undefined {
  if (!node) return 'has not registered';
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  if (!ready) return 'has no Ready condition yet';
  return ready.status === 'True' ? undefined : `is not Ready: ${ready.message || ready.reason || ready.status}`;
}

export interface ReadyNodesOptions {
  readonly client: Client;
  readonly names: readonly string[];
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the wait with its reason. */
  readonly signal: AbortSignal;
}

/**
 * Resolves when every named node is Ready.
 *
 * @throws CodedError NODES_NOT_READY after the time, saying of each node what it lacks
 */
export async function waitForReadyNodes({ client, names, timeoutMs, clock, logger, signal }: ReadyNodesOptions): Promise<void> {
  const end = new AbortController();
  const informer = createInformer<V1Node>({ client, kind: nodeKind, clock, logger });
  const waiting = new Set(names);
  const ready = deferred();
  const look = (name: string, node: V1Node | undefined) => {
    if (waiting.has(name) && whyNotReady(node) === undefined) waiting.delete(name);
    if (waiting.size === 0) ready.resolve();
  };
  informer.onChange(({ object }) => look(object.metadata?.name ?? '', object));
  const timer = clock.setTimer(timeoutMs, () => {
    const missing = [...waiting].map((name) => `node "${name}" ${whyNotReady(informer.get(name))}`);
    const shown = missing.length > 5 ? [...missing.slice(0, 5), `and ${missing.length - 5} more`] : missing;
    ready.reject(
      new CodedError(`not all nodes are Ready after ${timeoutMs / 1000} s: ${shown.join('; ')}`, { code: 'NODES_NOT_READY' }),
    );
  });
  const onAbort = () => ready.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    await Promise.race([ready.promise, informer.start(end.signal).then(() => ready.promise)]);
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
    end.abort(new DOMException('nodes are Ready', 'AbortError'));
    await informer.done.catch((error: unknown) => logger.warn('The watch on nodes did not end cleanly', { error }));
  }
}
