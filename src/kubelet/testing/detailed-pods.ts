/** For tests of pod workers: real pods' ways over a runtime that only keeps state. */
import type { V1Pod } from '../../api/gen/types.ts';
import type { NodeAdmission } from '../pods/pod-parts.ts';
import { createBareStarter, type PodStarter } from '../pods/pod-starter.ts';
import { ProbeTracker } from '../pods/probe-tracker.ts';
import type { RealPods } from '../pods/real-pod-options.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface DetailedPods {
  readonly real: RealPods;
  /** What was asked of the starter: `prepare web`, `release web`. Sandboxes and containers are the runtime's own. */
  readonly log: string[];
  /** What of it fails, and how; by the words of the log. */
  readonly failures: Map<string, Error>;
  /** Pods that the starter says to know. */
  readonly known: Set<string>;
}

export function detailedPods(runtime: Runtime, options: { readonly admission?: NodeAdmission } = {}): DetailedPods {
  const log: string[] = [];
  const failures = new Map<string, Error>();
  const known = new Set<string>();
  const bare = createBareStarter(runtime);
  const step = async (words: string) => {
    log.push(words);
    const failure = failures.get(words);
    if (failure) throw failure;
  };
  const nameOf = ({ metadata }: V1Pod) => metadata?.name;
  const starter: PodStarter = {
    ...bare,
    detailed: true,
    prepare: (pod) => step(`prepare ${nameOf(pod)}`),
    async startContainer(request, signal) {
      await step(`start ${nameOf(request.pod)}/${request.container.name}`);
      return bare.startContainer(request, signal);
    },
    resize: (pod, { name }) => step(`resize ${nameOf(pod)}/${name}`),
    release: (uid) => step(`release ${uid}`),
    discard: async (uid) => {
      known.delete(uid);
      await step(`discard ${uid}`);
    },
    known: async () => [...known],
  };
  const real: RealPods = {
    createStarter: () => starter,
    runHook: async () => undefined,
    probes: new ProbeTracker(runtime),
    admission: options.admission ?? { admit: () => undefined },
    subscribe: () => () => undefined,
    longestRetryMs: 10_000,
    syncMs: 60_000,
    sweepMs: 30_000,
  };
  return { real, log, failures, known };
}
