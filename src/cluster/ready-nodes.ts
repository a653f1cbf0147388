import { nodeKind } from '../api/core/v1/node.ts';
import type { V1Node } from '../api/gen/types.ts';
import type { Client } from '../client/client.ts';
import { createInformer } from '../client/informer.ts';
import type { Clock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import { deferred } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';
import { Patience } from './patience.ts';

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
  /** How long none of them may come further: register or become Ready. */
  readonly timeoutMs: number;
  /** Told of each that comes further. */
  readonly onProgress?: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the wait with its reason. */
  readonly signal: AbortSignal;
}

/**
 * Resolves when every named node is Ready.
 *
 * @throws CodedError NODES_NOT_READY when none has come further for the time, saying of each node what it lacks
 */
export async function waitForReadyNodes(options: ReadyNodesOptions): Promise<void> {
  const { client, names, timeoutMs, clock, logger, signal, onProgress } = options;
  const end = new AbortController();
  const informer = createInformer<V1Node>({ client, kind: nodeKind, clock, logger });
  const waiting = new Set(names);
  const unregistered = new Set(names);
  const ready = deferred();
  if (waiting.size === 0) ready.resolve();
  const look = (name: string, node: V1Node | undefined) => {
    const registered = unregistered.delete(name);
    const becameReady = whyNotReady(node) === undefined && waiting.delete(name);
    if (registered || becameReady) {
      patience.renew();
      onProgress?.();
    }
    if (waiting.size === 0) ready.resolve();
  };
  informer.onChange(({ object }) => look(object.metadata?.name ?? '', object));
  const patience = new Patience(clock, timeoutMs, () => {
    const missing = [...waiting].map((name) => `node "${name}" ${whyNotReady(informer.get(name))}`);
    const shown = missing.length > 5 ? [...missing.slice(0, 5), `and ${missing.length - 5} more`] : missing;
    ready.reject(
      new CodedError(`not all nodes are Ready, and for ${timeoutMs / 1000} s none has come further: ${shown.join('; ')}`, {
        code: 'NODES_NOT_READY',
      }),
    );
  });
  const onAbort = () => ready.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal.aborted) onAbort();
    await Promise.race([ready.promise, informer.start(end.signal).then(() => ready.promise)]);
  } finally {
    patience.end();
    signal.removeEventListener('abort', onAbort);
    end.abort(new DOMException('nodes are Ready', 'AbortError'));
    await informer.done.catch((error: unknown) => logger.warn('The watch on nodes did not end cleanly', { error }));
  }
}
