import { writeSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo } from '../../std/command.ts';
import { isAbort } from '../../std/lifecycle.ts';
import { createKlogLogger } from '../../std/logger.ts';
import { type DaemonState, removeDaemonState, writeDaemonState } from '../local/daemon-state.ts';
import { ownIdentity } from '../local/process-identity.ts';
import { tidyHeap } from './tidy-heap.ts';
import { DEFAULT_NODES, type UpOptions } from './up-options.ts';

export const DEFAULT_PORT = 6443;

/** What the background process tells its parent, in one line of JSON. */
export type StartReport = { readonly ok: true } | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * Runs a cluster in this process until `io.signal` is aborted.
 *
 * @param onReady called when every node is Ready
 * @returns the exit status
 */
export async function runCluster(
  directoryPath: string,
  options: UpOptions,
  io: CommandIo,
  onReady: () => Promise<void>,
): Promise<number> {
  const startMs = performance.now();
  const { readRuntimeConfig } = await import('../../apiserver/kinds/runtime-config.ts');
  const { legacyServiceAccountTokens } = options;
  const runtimeConfig = readRuntimeConfig(options.runtimeConfig);
  const { openDataDirectory } = await import('../../cluster/data-directory.ts');
  const directory = await openDataDirectory(directoryPath);
  const path = await realpath(directory.path);
  const identity: DaemonState = { ...ownIdentity(), state: 'starting', name: options.name, startedAtMs: io.clock.now() };
  await writeDaemonState(path, identity);
  try {
    const { startClusterIn } = await import('../../cluster/start-cluster.ts');
    const logger = createKlogLogger({ component: 'muster', verbosity: options.verbosity, now: io.clock.now, write: io.stderr });
    await using cluster = await startClusterIn(directory, {
      name: options.name,
      nodes: options.nodes,
      defaultNodes: DEFAULT_NODES,
      runtime: options.runtime,
      containerRuntimeEndpoint: options.containerRuntimeEndpoint,
      ...(options.network !== undefined && { network: options.network }),
      ...(options.store !== undefined && { store: options.store }),
      ...(options.etcdFiles && { etcdFiles: options.etcdFiles }),
      dataDir: path,
      ...{ legacyServiceAccountTokens, runtimeConfig },
      signal: io.signal,
      clock: io.clock,
      random: io.random,
      logger,
      ...(options.port !== undefined && { port: options.port }),
      preferredPort: DEFAULT_PORT,
    });
    const readyMs = Math.round(performance.now() - startMs);
    await writeDaemonState(path, {
      ...identity,
      state: 'ready',
      server: cluster.server,
      nodes: cluster.nodes.map((node) => node.name),
      ...(cluster.realNode !== undefined && { realNode: cluster.realNode }),
      ...(cluster.network !== undefined && { network: cluster.network }),
      ...{ readyMs, store: cluster.store, runtimeConfig, legacyServiceAccountTokens },
    });
    await onReady();
    await Promise.race([cluster.done, aborted(io.signal)]);
    return 0;
  } catch (error) {
    if (!isAbort(error, io.signal)) throw error;
    throw new CodedError('interrupted before the cluster was ready; "muster up" starts it again', {
      code: 'INTERRUPTED',
      cause: error,
    });
  } finally {
    await removeDaemonState(path);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Collects garbage and gives back what is empty then; only in processes that were started with `--expose-gc`. */
function heapCollector(): (() => void) | undefined {
  const { gc } = globalThis;
  return gc && (() => gc({ execution: 'sync', type: 'major', flavor: 'last-resort' }));
}

/** The background process: as `runCluster`, telling on a file descriptor how the start went. */
export async function runClusterInBackground(path: string, options: UpOptions, io: CommandIo, reportFd: number): Promise<number> {
  let told = false;
  const report = (line: StartReport) => {
    if (told) return;
    told = true;
    try {
      writeSync(reportFd, `${JSON.stringify(line)}\n`);
    } catch (cause) {
      // A cluster that nobody was told of would run on unknown to the one who asked for it.
      throw new CodedError('the "up" that asked for this cluster has ended', { code: 'PARENT_GONE', cause });
    }
  };
  let tidying: { cancel(): void } | undefined;
  const onReady = async () => {
    report({ ok: true });
    const heapUse = () => {
      const { used_heap_size: usedBytes, total_heap_size: heldBytes } = getHeapStatistics();
      return { usedBytes, heldBytes };
    };
    const processorMs = () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    };
    const machineLoad = () => loadavg()[0]! / availableParallelism();
    tidying = tidyHeap({ clock: io.clock, heapUse, processorMs, machineLoad, collect: heapCollector() });
  };
  try {
    return await runCluster(path, options, io, onReady);
  } catch (error) {
    report({
      ok: false,
      code: error instanceof CodedError ? error.code : 'START_FAILED',
      message: error instanceof Error ? error.message : String(error),
    });
    throw error;
  } finally {
    tidying?.cancel();
  }
}
