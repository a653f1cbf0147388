import { Backoff } from '../../std/backoff.ts';
import type { Clock } from '../../std/clock.ts';
import { type Component, ComponentGroup } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';

export interface RestartedPartOptions {
  /** In messages: `the cluster DNS server`. */
  readonly what: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Runs it once. */
  run(life: PartLife): Promise<void>;
}

export interface PartLife {
  /** Starts a component that is stopped again with the part; answers false when that is to stop meanwhile. */
  start(component: Component): Promise<boolean>;
  /** The part works. Resolves when one of its components has ended or it is to stop; rejects with a component's failure. */
  work(...components: readonly Component[]): Promise<void>;
}

export interface RestartedPart {
  /** Resolves when the part works, or has failed for the first time; it is tried again until `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A part of the cluster that is started again when it fails, as a pod would be. */
export function createRestartedPart({ what, clock, logger, random, run }: RestartedPartOptions): RestartedPart {
  const life = new AbortController();
  const backoff = new Backoff({ initialMs: 1000, maxMs: 60_000, random });
  const started = Promise.withResolvers<void>();
  const stopped = new Promise<void>((resolve) => life.signal.addEventListener('abort', () => resolve(), { once: true }));
  let ended: Promise<void> = Promise.resolve();

  async function attempt(): Promise<void> {
    const group = new ComponentGroup();
    let failure: unknown;
    try {
      await run({
        async start(component) {
          if (!life.signal.aborted) await Promise.race([group.start(component), stopped]);
          return !life.signal.aborted;
        },
        async work(...components) {
          started.resolve();
          backoff.reset();
          await Promise.race([stopped, ...components.map(({ done }) => done)]);
        },
      });
    } catch (error) {
      failure = error;
    }
    await group.stop().catch((error: unknown) => {
      failure ??= error; // that of a part that failed is known already
    });
    if (failure !== undefined) throw failure;
  }

  async function keepUp(): Promise<void> {
    while (!life.signal.aborted) {
      try {
        await attempt();
      } catch (error) {
        if (life.signal.aborted) return;
        logger.error(`${what} failed and will be started again`, { error });
        started.resolve();
        await clock.sleep(backoff.next(), life.signal).catch(() => undefined); // stopped meanwhile
      }
    }
  }

  return {
    start() {
      ended = keepUp();
      return started.promise;
    },
    async stop() {
      life.abort(new DOMException(`${what} is stopped`, 'AbortError'));
      started.resolve();
      await ended;
    },
  };
}
