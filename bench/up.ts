/**
 * Time from exec to three Ready nodes, each run with a new home and new data, and the memory of the idle cluster.
 *
 *     node bench/up.ts [RUNS]
 *
 * Prints one JSON line. `firstMs` is the first run, before Node's compile cache and the page cache are warm.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROGRAM } from '../test/harness/component-process.ts';
import { runOrFail } from '../test/harness/run-command.ts';
import { report, residentMb, summary } from './bench-cluster.ts';

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
      idleMb = residentMb(up.pid);
    }
    const downStartMs = performance.now();
    await muster('down');
    return { upMs, downMs: performance.now() - downStartMs, ...(idleMb !== undefined && { idleMb }) };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
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
report({
  bench: 'up',
  nodes: NODES,
  runs,
  firstMs: Math.round(results[0]!),
  upMs: summary(results.map(Math.round), 'highest'),
  downMs: summary(downs.map(Math.round), 'highest'),
  idleMb,
});
