import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { workerModule } from '../../std/own-files.ts';
import { type ChronicleEntry, MOST_ENTRIES, turningPoints } from './chronicle.ts';
import { type RehearsalOptions, type RehearsalResult, rehearse } from './rehearse.ts';
import type { Scenario } from './scenario.ts';

/** What a thread answers. */
type Answer = { readonly result: RehearsalResult } | { readonly error: string };

/** From twice as many on, a second processor saves more than another control plane costs. */
const NODES_A_PART = 125;

/** How many control planes a rehearsal of so many nodes is shared out over. Never by the machine: the same seed plays the same story anywhere. */
export const defaultParts = (nodes: number) => Math.max(1, Math.floor(nodes / NODES_A_PART));

/**
 * Plays a scenario as several clusters of about the same size at the same time, as many at once as there are processors. Nodes renew on
 * their own, so that the parts' stories are one story; what many nodes do to one API server is seen in one part only.
 *
 * @param parts at most as many as there are nodes; 1 plays all of them against one control plane, in this thread
 * @throws Error when a part cannot be played, and the signal's reason
 */
export async function rehearseInParts(scenario: Scenario, parts: number, { signal }: RehearsalOptions): Promise<RehearsalResult> {
  if (parts === 1) return rehearse(scenario, { signal });
  const scenarios = partsOf(scenario, parts);
  const results: RehearsalResult[] = [];
  let next = 0;
  const playOnOneThread = async () => {
    const worker = new Worker(workerModule('cluster/rehearsal/rehearsal-worker'));
    try {
      while (next < parts) {
        const part = next++;
        results[part] = await playOn(worker, scenarios[part]!, signal);
      }
    } finally {
      await worker.terminate();
    }
  };
  const threads = Array.from({ length: Math.min(parts, availableParallelism()) }, playOnOneThread);
  try {
    await Promise.all(threads);
  } catch (error) {
    // The others begin nothing more.
    next = parts;
    throw error;
  } finally {
    await Promise.allSettled(threads);
  }
  return joined(scenario, results);
}

function playOn(worker: Worker, scenario: Scenario, signal: AbortSignal): Promise<RehearsalResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RehearsalResult>();
  const onMessage = (answer: Answer) => {
    if ('error' in answer) reject(new Error(answer.error));
    else resolve(answer.result);
  };
  const onExit = (status: number) => reject(new Error(`a part of the rehearsal ended early, with status ${status}`));
  const onAbort = () => reject(signal.reason);
  worker.once('message', onMessage).once('error', reject).once('exit', onExit);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  else worker.postMessage(scenario);
  return promise.finally(() => {
    worker.off('message', onMessage).off('error', reject).off('exit', onExit);
    signal.removeEventListener('abort', onAbort);
  });
}

/** Nodes side by side, each part with the faults of its own nodes and with those of the control plane. */
export function partsOf(scenario: Scenario, parts: number): Scenario[] {
  const { nodes, faults, seed } = scenario;
  return Array.from({ length: parts }, (_, part) => {
    const own = nodes.slice(Math.floor((part * nodes.length) / parts), Math.floor(((part + 1) * nodes.length) / parts));
    const names = new Set(own);
    return {
      ...scenario,
      nodes: own,
      faults: faults
        .map((fault) => ({ ...fault, nodes: fault.nodes.filter((name) => names.has(name)) }))
        .filter((fault, i) => fault.nodes.length > 0 || faults[i]!.nodes.length === 0),
      // The first part plays what the seed plays alone.
      seed: (seed + Math.imul(part, SEED_STEP)) | 0,
    };
  });
}

const SEED_STEP = 0x9e3779b9;
/** What befalls the control plane befalls that of each part; it is told once. */
const OF_CONTROL_PLANE = new Set<ChronicleEntry['what']>(['authority ended', 'authority replaced', 'away', 'back']);

function joined(scenario: Scenario, results: readonly RehearsalResult[]): RehearsalResult {
  const entries = results
    .flatMap((result, part) => result.entries.filter(({ what }) => part === 0 || !OF_CONTROL_PLANE.has(what)))
    .sort((a, b) => a.atMs - b.atMs)
    .slice(0, MOST_ENTRIES);
  const summaries = results.map(({ summary }) => summary);
  const sum = (count: (summary: RehearsalResult['summary']) => number) => summaries.reduce((total, one) => total + count(one), 0);
  return {
    summary: {
      nodes: scenario.nodes.length,
      simulatedDays: summaries[0]!.simulatedDays,
      joined: sum((one) => one.joined),
      renewals: { client: sum((one) => one.renewals.client), serving: sum((one) => one.renewals.serving) },
      failedTries: sum((one) => one.failedTries),
      missed: sum((one) => one.missed),
      lost: summaries.flatMap(({ lost }) => lost),
      ...turningPoints(entries),
      longestGapMs: Math.max(...summaries.map(({ longestGapMs }) => longestGapMs)),
    },
    entries,
  };
}
