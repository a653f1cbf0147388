import { type Component, type ComponentGroup, deferred, rejectWhenAborted } from '../std/lifecycle.ts';
import { type ChangeSignal, runSyncs, type SyncRunnerOptions } from '../std/sync-runner.ts';

export interface AgentLifeOptions extends Omit<SyncRunnerOptions, 'run'> {
  /** In which the informers run, and others that are started later. */
  readonly group: ComponentGroup;
  readonly informers: readonly Component[];
  readonly changes: ChangeSignal;
  /** Before anything else. */
  prepare?(signal: AbortSignal): Promise<void>;
  /** When the informers have their first copies: to listen to them. */
  watch(): void;
  /** Compares what there is with what is to be; rejects when it is to be done again. */
  look(why: 'change' | 'period', signal: AbortSignal): Promise<void>;
  /** Whether a first look that failed so will never go well. */
  isHopeless?(error: unknown): boolean;
  /** When nobody looks any more. */
  finish?(): Promise<void>;
}

/** How a node's agent lives: it looks at every change and now and then, one look after the other. Ready when one went well. */
export function createAgentLife(options: AgentLifeOptions): Omit<Component, 'name'> {
  const { group, informers, changes, prepare, watch, look, isHopeless = () => false, finish } = options;
  const done = deferred();
  return {
    done: done.promise,
    async start(signal) {
      try {
        await prepare?.(signal);
        for (const informer of informers) await Promise.race([group.start(informer), rejectWhenAborted(signal)]);
        watch();
        const first = deferred();
        const running = runSyncs(changes, signal, {
          ...options,
          run: async (why) => {
            try {
              await look(why, signal);
              first.resolve();
            } catch (error) {
              // After a look that went well this says nothing any more.
              if (isHopeless(error)) first.reject(error);
              throw error;
            }
          },
        });
        void running
          .then(() => finish?.())
          .then(() => group.stop())
          .then(done.resolve, done.reject);
        await Promise.race([first.promise, done.promise]);
      } catch (error) {
        await group.stop();
        done.resolve();
        throw error;
      }
    },
  };
}
