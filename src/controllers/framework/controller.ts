import type { KubeObject } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import type { LoopMetrics } from '../../client/loop-metrics.ts';
import type { Reconciler } from '../../client/reconciler.ts';
import type { Clock } from '../../std/clock.ts';
import { type Component, deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { SharedInformers } from './shared-informers.ts';

/** What every controller is given. */
export interface ControllerContext {
  /** Upstream's name: `token-cleaner-controller`. */
  readonly name: string;
  /** Acts as this controller. */
  readonly client: Client;
  /** Reads as the manager; shared with the other controllers. */
  readonly informers: SharedInformers;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly logger: Logger;
  random(): number;
  readonly metrics: LoopMetrics;
}

/** What one informer's changes mean to a controller. */
export interface Source<T extends KubeObject = KubeObject> {
  readonly informer: Informer<T>;
  /** Called for each change, and once for each object that is there when the work begins. Adds keys to a reconciler. */
  enqueue(object: T, change: Change<T>): void;
  /** A source that is only looked at now and then need not be there before the work begins. Default true. */
  readonly required?: boolean;
}

export interface Change<T> {
  readonly type: 'added' | 'updated' | 'deleted';
  readonly previous?: T;
}

export interface ControllerParts {
  readonly sources: readonly Source<never>[];
  readonly loops: readonly Reconciler[];
  /** Work besides the loops (a periodic pass), until the signal is aborted. Begun when the sources are there. */
  readonly background?: (signal: AbortSignal) => Promise<void>;
}

/** Ties a typed informer to a reconciler. */
export function source<T extends KubeObject>(
  informer: Informer<T>,
  enqueue: (object: T, change: Change<T>) => void,
  options: { required?: boolean } = {},
): Source<never> {
  return { informer, enqueue, ...options } as unknown as Source<never>;
}

/**
 * A controller as a component: ready when its sources are there and its loops run; ends when the signal is aborted and the work that
 * had begun has ended. Rejects `done` only when a loop itself breaks, never for a failed reconciliation.
 */
export function createController(context: ControllerContext, parts: ControllerParts): Component {
  const done = deferred();
  done.promise.catch(() => undefined); // the manager awaits it; a failure before it does is not unhandled
  return {
    name: context.name,
    done: done.promise,
    async start(signal) {
      const sources = parts.sources as unknown as readonly Source[];
      const unsubscribe = sources.map(({ informer, enqueue }) =>
        informer.onChange(({ type, object, previous }) => enqueue(object, { type, previous })),
      );
      const unsubscribeAll = () => {
        for (const end of unsubscribe) end();
      };
      signal.addEventListener('abort', unsubscribeAll, { once: true });
      // Listeners are told of what there is already, so an informer that another controller started needs nothing more.
      const begin = (some: readonly Source[]) => context.informers.sync(...some.map((s) => s.informer));
      await begin(sources.filter((s) => s.required !== false));
      const running = [
        ...parts.loops.map((loop) => loop.run(signal)),
        ...(parts.background ? [parts.background(signal)] : []),
        begin(sources.filter((s) => s.required === false)),
      ];
      for (const part of running) part.catch((error: unknown) => signal.aborted || done.reject(error));
      const stopped = deferred();
      if (signal.aborted) stopped.resolve();
      signal.addEventListener('abort', () => stopped.resolve(), { once: true });
      void Promise.allSettled([stopped.promise, ...running]).then(() => done.resolve());
    },
  };
}

/** `namespace/name`, or the name alone. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata ?? {};
  return namespace ? `${namespace}/${name}` : (name ?? '');
}

/** The parts of a key made by `keyOf`. */
export function splitKey(key: string): { namespace: string; name: string } {
  const at = key.indexOf('/');
  return at < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, at), name: key.slice(at + 1) };
}
