/**
 * Loaded into a cluster's process by `bench/stalls.ts`: writes down the turns of its event loop that took long, as lines of JSON with the
 * time of their end and the processor time of the main thread, which other programs' work hardly changes. With MUSTER_BENCH_PROFILE it
 * says where each was, too: what V8 was seen in, every millisecond, most often.
 */
import { appendFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector';
import { isMainThread } from 'node:worker_threads';

const LONG_MS = 20;
const SHOWN = 16;
const file = process.env['MUSTER_BENCH_TURNS'];
const profiled = process.env['MUSTER_BENCH_PROFILE'] !== undefined;

const nowUs = () => Number(process.hrtime.bigint() / 1000n);

interface Turn {
  readonly atMs: number;
  readonly cpuMs: number;
  /** On the clock that profiles go by. */
  readonly startUs: number;
  readonly endUs: number;
}

if (file && isMainThread) {
  const session = profiled ? startProfile() : undefined;
  let before = process.threadCpuUsage();
  let beforeUs = nowUs();
  let long: Turn[] = [];
  const look = () => {
    const { user, system } = process.threadCpuUsage(before);
    const turn = { atMs: Date.now(), cpuMs: (user + system) / 1000, startUs: beforeUs, endUs: nowUs() };
    if (turn.cpuMs >= LONG_MS) {
      if (session) long.push(turn);
      else write(turn);
    }
    if (session && long.length && turn.cpuMs < LONG_MS) {
      const profile = takeProfile(session);
      for (const each of long) write(each, where(profile, each));
      long = [];
    }
    before = process.threadCpuUsage();
    beforeUs = nowUs();
  };
  setInterval(look, 1).unref();
}

function write({ atMs, cpuMs }: Turn, seen?: readonly string[]): void {
  appendFileSync(file!, `${JSON.stringify({ pid: process.pid, atMs, cpuMs, seen })}\n`);
}

function startProfile(): Session {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 1000 });
  session.post('Profiler.start');
  return session;
}

/** What was seen since the last time, and begins anew. */
function takeProfile(session: Session): Profiler.Profile {
  let profile: Profiler.Profile | undefined;
  session.post('Profiler.stop', (error, result) => {
    if (error) throw error;
    profile = result.profile;
  });
  session.post('Profiler.start');
  return profile!;
}

/** Functions that were seen while a turn ran, with those that they call, in milliseconds. */
function where(profile: Profiler.Profile, { startUs, endUs }: Turn): string[] {
  const parents = new Map<number, number>();
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  for (const { id, children } of profile.nodes) for (const inner of children ?? []) parents.set(inner, id);
  const inside = new Map<string, number>();
  let atUs = profile.startTime;
  for (const [i, id] of (profile.samples ?? []).entries()) {
    const tookUs = profile.timeDeltas?.[i] ?? 0;
    atUs += tookUs;
    if (atUs < startUs || atUs > endUs) continue;
    const names = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const { functionName, url, lineNumber } = nodes.get(at)!.callFrame;
      if (functionName !== '(root)')
        names.add(`${functionName || '(unnamed)'} ${url.replace(/^.*\/src\//, '')}:${lineNumber + 1}`);
    }
    for (const name of names) inside.set(name, (inside.get(name) ?? 0) + tookUs / 1000);
  }
  const sorted = [...inside].sort(([, a], [, b]) => b - a).filter(([name]) => !/^\(program\)|node:internal/.test(name));
  return sorted.slice(0, SHOWN).map(([name, ms]) => `${Math.round(ms)} ${name}`);
}
