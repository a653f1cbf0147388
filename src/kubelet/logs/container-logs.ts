import type { Clock } from '../../std/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { LogOptions } from '../server/log-options.ts';
import { readLog } from './log-reader.ts';

export interface ContainerLogsOptions {
  readonly runtime: Pick<Runtime, 'list' | 'logs' | 'stats' | 'version'>;
  readonly clock: Clock;
}

/** `KubeletView.readLog`: the output of a container that the runtime knows by this id. */
export type ReadContainerLog = (containerId: string, options: LogOptions, signal: AbortSignal) => AsyncIterable<Uint8Array>;

/** Reads the logs of a runtime's containers where the runtime says that they lie. */
export function createContainerLogReader({ runtime, clock }: ContainerLogsOptions): ReadContainerLog {
  const isRunning = async (id: string) => {
    // Of one container rather than of all: a node has many, and a follower asks again and again.
    if (runtime.stats) return (await runtime.stats.pidOf(id)) !== undefined;
    return (await runtime.list()).containers.some((container) => container.id === id && container.phase === 'running');
  };
  return async function* read(id, options, signal) {
    const path = await runtime.logs?.pathOf(id);
    if (!path) throw new Error(`unable to retrieve container logs for ${runtime.version.name}://${id}`);
    yield* readLog({ path, options, isRunning: () => isRunning(id), clock, signal });
  };
}
