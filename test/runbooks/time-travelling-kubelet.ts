import { setTimeout as sleep } from 'node:timers/promises';
import { kubeletCommand } from '../../src/kubelet/command.ts';
import { VirtualClock } from '../../src/std/clock.ts';
import { parseFlags } from '../../src/std/flags.ts';
import { until } from '../harness/until.ts';
import type { KubeletOptions, RunbookCluster } from './runbook-cluster.ts';

const TICK_MS = 20;

/** A kubelet with a document's command line and files, in this process, for whom hours pass when told to. */
export interface TimeTravellingKubelet extends AsyncDisposable {
  /** All that it has logged. */
  readonly journal: string;
  /** What time it is for the kubelet. */
  now(): number;
  /** Lets that much time pass for it; other times its clock goes as everybody's. */
  jump(ms: number): Promise<void>;
  /** Resolves with the match when it has logged what is looked for. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts it and waits for nothing. The rest of the cluster keeps its own time, so that a jump must not outlast a certificate. */
export function startTimeTravellingKubelet(
  cluster: RunbookCluster,
  name: string,
  options?: KubeletOptions,
): TimeTravellingKubelet {
  const { args, cwd } = cluster.prepareKubelet(name, options);
  const clock = new VirtualClock(Date.now());
  const life = new AbortController();
  let journal = '';
  const write = (text: string) => {
    journal += text;
  };
  let advancing = Promise.resolve();
  const advance = (ms: number) => {
    // One after the other: the clock is moved by steps that must not overlap.
    advancing = advancing.then(() => clock.advance(ms));
    return advancing;
  };
  const ticking = (async () => {
    for (let lastMs = performance.now(); !life.signal.aborted; ) {
      await sleep(TICK_MS);
      const nowMs = performance.now();
      await advance(nowMs - lastMs);
      lastMs = nowMs;
    }
  })();
  const exited = kubeletCommand.run(parseFlags('kubelet', kubeletCommand.flags, args), {
    stdout: write,
    stderr: write,
    clock,
    signal: life.signal,
    random: Math.random,
    env: {},
    cwd,
    ready: () => undefined,
  });
  exited.then(
    (status) => write(`ended with ${status}\n`),
    (error: unknown) => write(`ended: ${String(error)}\n`),
  );
  return {
    get journal() {
      return journal;
    },
    now: () => clock.now(),
    jump: advance,
    waitFor: (pattern) =>
      until(`the kubelet logs ${pattern}`, () => {
        if (/^ended/m.test(journal)) throw new Error(`the kubelet has ended:\n${journal}`);
        return pattern.exec(journal);
      }),
    async [Symbol.asyncDispose]() {
      life.abort(new DOMException('stopped', 'AbortError'));
      await Promise.all([exited, ticking]);
    },
  };
}
