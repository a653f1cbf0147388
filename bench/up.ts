/**
 * Time from exec to three Ready nodes, each run with a new home and new data, and the memory of the idle cluster.
 *
 *     node bench/up.ts [RUNS]
 *
 * Prints one JSON line. `firstMs` is the first run, before Node's compile cache and the page cache are warm.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runOrFail } from '../test/harness/run-command.ts';

const PROGRAM = resolve(import.meta.dirname, '../bin/muster.js');
const NODES = 3;
const IDLE_AFTER_MS = 10_000;
const runs = Number(process.argv[2] ?? 20);

async function measure(options: { idle: boolean }): Promise<{ upMs: number; downMs: number; idleMb?: number }> {
  const home = await mkdtemp(join(tmpdir(), 'muster-bench-'));
  const env = { HOME: home, MUSTER_HOME: join(home, 'muster'), KUBECONFIG: join(home, 'kubeconfig') };
  const muster = (...args: string[]) => runOrFail(process.execPath, [PROGRAM, ...args], { env });
  try {
    const startMs = performance.now();
    const up = JSON.parse(await muster('up', '--nodes', String(NODES), '-o', 'json')) as { pid: number };
    const upMs = performance.now() - startMs;
    let idleMb: number | undefined;
    if (options.idle) {
      await sleep(IDLE_AFTER_MS);
      idleMb = await residentMb(up.pid);
    }
    const downStartMs = performance.now();
    await muster('down');
    return { upMs, downMs: performance.now() - downStartMs, ...(idleMb !== undefined && { idleMb }) };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function residentMb(pid: number): Promise<number> {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(match?.[1]) / 1024);
}

const results: number[] = [];
const downs: number[] = [];
let idleMb: number | undefined;
for (let run = 0; run < runs; run++) {
  const result = await measure({ idle: run === runs - 1 });
  results.push(result.upMs);
  downs.push(result.downMs);
  idleMb ??= result.idleMb;
}
const sorted = [...results].sort((a, b) => a - b);
const median = (list: readonly number[]) => Math.round([...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!);
process.stdout.write(
  `${JSON.stringify({
    bench: 'up',
    nodes: NODES,
    runs,
    firstMs: Math.round(results[0]!),
    medianMs: median(results),
    worstMs: Math.round(sorted.at(-1)!),
    downMedianMs: median(downs),
    idleMb,
  })}\n`,
);
