import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROGRAM } from '../test/harness/component-process.ts';
import { runOrFail } from '../test/harness/run-command.ts';

/** A cluster without nodes in a process of its own, with a home of its own. */
export interface BenchCluster {
  readonly home: string;
  readonly kubeconfig: string;
  readonly server: string;
  readonly dataDir: string;
  readonly pid: number;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startBenchCluster(...flags: string[]): Promise<BenchCluster> {
  const home = await mkdtemp(join(tmpdir(), 'muster-bench-'));
  const env = { HOME: home, MUSTER_HOME: join(home, 'muster'), KUBECONFIG: join(home, 'kubeconfig'), MUSTER_RUNTIME: 'hollow' };
  const muster = (...args: string[]) => runOrFail(process.execPath, [PROGRAM, ...args], { env, timeoutMs: 300_000 });
  const up = JSON.parse(await muster('up', '--nodes', '0', '-o', 'json', ...flags)) as {
    server: string;
    dataDir: string;
    pid: number;
  };
  return {
    home,
    kubeconfig: env.KUBECONFIG,
    ...up,
    async [Symbol.asyncDispose]() {
      await muster('down');
      await rm(home, { recursive: true, force: true });
    },
  };
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** The processor time, user and system, that a process has taken. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

/** The processor time of a process by threads: its first one, V8's (collections, compiling), and all others. */
export interface ThreadsMs {
  readonly main: number;
  readonly v8: number;
  readonly others: number;
}

/** To the microsecond, as the kernel's scheduler counts it; of threads that have ended nothing is known. */
export function threadsMs(pid: number): ThreadsMs {
  const sum = { main: 0, v8: 0, others: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    let name: string;
    let nanoseconds: number;
    try {
      name = readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8');
      nanoseconds = Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      continue; // has ended meanwhile
    }
    sum[Number(thread) === pid ? 'main' : /V8Worker|node-V8/.test(name) ? 'v8' : 'others'] += nanoseconds / 1e6;
  }
  return sum;
}

export function residentMb(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(match?.[1]) / 1024);
}

/** What such a share of the values is below, between 0 and 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** Median and worst of several runs; of rates the worst is the lowest. */
export function summary(values: readonly number[], worst: 'highest' | 'lowest'): { median: number; worst: number } {
  return { median: quantile(values, 0.5), worst: quantile(values, worst === 'highest' ? 1 : 0) };
}

/** One JSON line, with what else the machine was doing. */
export function report(figures: object): void {
  process.stdout.write(`${JSON.stringify({ ...figures, load: Number(loadavg()[0]!.toFixed(1)) })}\n`);
}
