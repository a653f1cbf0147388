import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Answer, Send } from './stall-steps/step.ts';

/** After which what a write has set off is over. */
const SETTLES_MS = 300;

interface LongTurn {
  readonly pid: number;
  readonly atMs: number;
  readonly cpuMs: number;
  readonly seen?: readonly string[];
}

/** The long turns of the event loops of processes that are started by `watched`. */
export interface Turns extends AsyncDisposable {
  /** Starts something whose turns are written down. */
  watched<T>(start: () => Promise<T>): Promise<T>;
  /** Does a step, prints how long the longest turn was meanwhile, and keeps it. Answers from the code `expected` on are printed, too. */
  measure(pid: number, name: string, run: () => Promise<Answer | undefined>, expected?: number): Promise<void>;
  /** By the names of steps, in milliseconds of the main thread's processor time. */
  readonly longest: Readonly<Record<string, number>>;
}

export async function openTurns(): Promise<Turns> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-bench-turns-'));
  const file = join(directory, 'turns');
  const longest: Record<string, number> = {};
  const turnsSince = (pid: number, sinceMs: number): LongTurn[] => {
    let text = '';
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      // not one long turn so far
    }
    const turns = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LongTurn);
    return turns.filter((turn) => turn.pid === pid && turn.atMs >= sinceMs).sort((a, b) => b.cpuMs - a.cpuMs);
  };
  return {
    longest,
    async watched(start) {
      process.env['MUSTER_BENCH_TURNS'] = file;
      process.env['NODE_OPTIONS'] = `--import ${pathToFileURL(join(import.meta.dirname, 'turn-monitor.ts'))}`;
      try {
        return await start();
      } finally {
        delete process.env['NODE_OPTIONS'];
      }
    },
    async measure(pid, name, run, expected = 300) {
      await sleep(SETTLES_MS);
      const startMs = Date.now();
      const answer = await run();
      await sleep(SETTLES_MS);
      const [turn] = turnsSince(pid, startMs);
      const ms = Math.round(turn?.cpuMs ?? 0);
      longest[name] = ms;
      process.stderr.write(
        `${String(ms).padStart(6)} ${name} ${answer ? answer.status : ''} ${Date.now() - startMs - SETTLES_MS}\n`,
      );
      for (const line of turn?.seen ?? []) process.stderr.write(`         ${line}\n`);
      if (answer && answer.status >= expected) process.stderr.write(`       answered ${answer.body.toString('utf8', 0, 600)}\n`);
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

/** Sends requests to a server by the agent of the time. */
export const sender =
  (server: string, agent: () => Agent): Send =>
  (method, path, body, headers = {}, answerBody = 'kept') =>
    new Promise((resolve, reject) => {
      const all = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      request(`${server}${path}`, { method, headers: { ...all, ...headers }, agent: agent() }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => {
          if (answerBody === 'kept') chunks.push(chunk);
        });
        answer.on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
      })
        .on('error', reject)
        .end(body);
    });
