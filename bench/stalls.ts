/**
 * What holds up everybody else: the longest turn of the control plane's event loop while it works on something large or made to be slow,
 * in milliseconds of its main thread's processor time.
 *
 *     node bench/stalls.ts [WORD…]      only what has one of the words in its name
 *     MUSTER_BENCH_PROFILE=1 node bench/stalls.ts WORD      and where each long turn was
 *
 * Prints one JSON line. Takes some minutes, and a gigabyte.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { readKubeconfig, resolveContext } from '../src/pki/kubeconfig.ts';
import { report, startBenchCluster } from './bench-cluster.ts';
import { customResourceSteps } from './stall-steps/custom-resources.ts';
import { expressionSteps } from './stall-steps/expressions.ts';
import { largeObjectSteps } from './stall-steps/large-objects.ts';
import { manyObjectSteps } from './stall-steps/many-objects.ts';
import { patchSteps } from './stall-steps/patches.ts';
import type { Answer, StallStep } from './stall-steps/step.ts';

/** After which what a write has set off is over. */
const SETTLES_MS = 300;
const words = process.argv.slice(2);

await using stack = new AsyncDisposableStack();
const directory = await mkdtemp(join(tmpdir(), 'muster-bench-turns-'));
stack.defer(() => rm(directory, { recursive: true }));
const turnsFile = join(directory, 'turns');
process.env['MUSTER_BENCH_TURNS'] = turnsFile;
process.env['NODE_OPTIONS'] = `--import ${pathToFileURL(join(import.meta.dirname, 'turn-monitor.ts'))}`;
const cluster = stack.use(await startBenchCluster());
delete process.env['NODE_OPTIONS'];
const identity = await resolveContext(await readKubeconfig(cluster.kubeconfig));
const agent = new Agent({ keepAlive: true, ca: identity.caPem, cert: identity.clientCertificatePem, key: identity.clientKeyPem });
stack.defer(() => agent.destroy());

function send(method: string, path: string, body?: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const all = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    request(`${cluster.server}${path}`, { method, headers: { ...all, ...headers }, agent }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
    })
      .on('error', reject)
      .end(body);
  });
}

interface LongTurn {
  readonly pid: number;
  readonly atMs: number;
  readonly cpuMs: number;
  readonly seen?: readonly string[];
}

function turnsSince(sinceMs: number): LongTurn[] {
  let text = '';
  try {
    text = readFileSync(turnsFile, 'utf8');
  } catch {
    // not one long turn so far
  }
  const turns = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LongTurn);
  return turns.filter(({ pid, atMs }) => pid === cluster.pid && atMs >= sinceMs).sort((a, b) => b.cpuMs - a.cpuMs);
}

const steps: readonly StallStep[] = [
  ...largeObjectSteps(),
  ...patchSteps(),
  ...expressionSteps(),
  ...customResourceSteps(),
  ...manyObjectSteps(),
];
const longest: Record<string, number> = {};
for (const { name, prepare, run, expected = 300 } of steps) {
  if (words.length && !words.some((word) => name.includes(word))) continue;
  await prepare?.(send);
  await sleep(SETTLES_MS);
  const startMs = Date.now();
  const answer = await run(send);
  await sleep(SETTLES_MS);
  const turns = turnsSince(startMs);
  longest[name] = Math.round(turns[0]?.cpuMs ?? 0);
  process.stderr.write(
    `${String(longest[name]).padStart(6)} ${name} ${answer ? answer.status : ''} ${Date.now() - startMs - SETTLES_MS}\n`,
  );
  for (const line of turns[0]?.seen ?? []) process.stderr.write(`         ${line}\n`);
  if (answer && answer.status >= expected) process.stderr.write(`       answered ${answer.body.toString('utf8', 0, 600)}\n`);
}
report({ bench: 'stalls', longestTurnCpuMs: longest });
