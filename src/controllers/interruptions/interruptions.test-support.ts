/**
 * Controllers whose requests go wrong: a scenario is run once undisturbed, and then once for each request that was made in it and each way
 * that this one can go wrong. Whatever went wrong, the same must have come of it in the end. For tests only.
 */
import assert from 'node:assert/strict';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { conflict, MODIFIED } from '../../api/machinery/status-error.ts';
import type { Client, WatchEvent, WatchOptions } from '../../client/client.ts';
import { type Component, deferred } from '../../std/lifecycle.ts';
import type { ControllerContext } from '../framework/controller.ts';
import { type ControllerRun, runController, serverError, TestingCluster } from '../framework/testing-client.test-support.ts';

export interface Scenario {
  /** They run in one process: when it is killed all are, and all are started anew. */
  readonly controllers: readonly ((context: ControllerContext) => Component)[];
  /** What there is at first. */
  prepare(cluster: TestingCluster): void;
  /** What kubelets and drivers do, by what they see; asked again and again. */
  outside?(cluster: TestingCluster): void;
  /** What people do, one after the other: each is asked until it says that it was time for it, and that it is done. */
  readonly steps?: readonly ((cluster: TestingCluster) => boolean)[];
  /** What must come of it. Without names that are made up and times. */
  outcome(cluster: TestingCluster): unknown;
  /** What must not be the case at any time, said when it is. Looked at after each write. */
  wrong?(cluster: TestingCluster): string | undefined;
  /** How often the outside is asked, and how long things take in between. Default 12 times, a second. */
  readonly rounds?: number;
  readonly stepMs?: number;
  /** How long nobody does anything then, twice. Default 11 minutes: retries of what failed often have come by then, and regular looks. */
  readonly longMs?: number;
}

const MISHAPS = ['refused', 'conflict', 'lost', 'killed'] as const;
/** `lost`: the server does it, and its answer does not arrive. `killed`: neither, and the process is gone and started anew. */
export type Mishap = (typeof MISHAPS)[number];

const READS: ReadonlySet<string> = new Set(['get', 'list', 'raw']);
const CHANGES: ReadonlySet<string> = new Set(['update', 'patch']);
const VERBS = ['get', 'list', 'create', 'update', 'patch', 'delete', 'deleteCollection'] as const;

const LONG_MS = 660_000;
/** How much later events come in runs in which they are late: then much is tried in vain, and not each request is disturbed. */
const LAG_MS = 300;
const MOST_LATE = 20;

/** What a run has shown. */
interface Result {
  readonly outcome: unknown;
  readonly requests: readonly string[];
  readonly wrong: string | undefined;
}

/** Requests of a process, one of which goes wrong. */
class Requests {
  readonly made: string[] = [];
  readonly #at: number | undefined;
  readonly #mishap: Mishap | undefined;
  readonly #afterWrite: () => void;
  readonly #kill = new AbortController();

  constructor(afterWrite: () => void, at?: number, mishap?: Mishap) {
    this.#afterWrite = afterWrite;
    this.#at = at;
    this.#mishap = mishap;
  }

  get killed(): AbortSignal {
    return this.#kill.signal;
  }

  /** @param watching watches of those that have informers of their own */
  clientOf(client: Client, watching: Client): Client {
    const resource = (kind: ResourceKind, namespace?: string) => {
      const real = client.resource(kind, namespace) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
      const { watch } = watching.resource(kind, namespace);
      // Lists of everything are those of informers, which wait for the clock until they have them.
      const disturbed = VERBS.filter((verb) => verb !== 'list' || namespace !== undefined).map((verb) => [
        verb,
        (...args: unknown[]) => this.#ask(verb, kind.resource, () => real[verb]!(...args)),
      ]);
      return { ...real, ...Object.fromEntries(disturbed), watch };
    };
    const disturbed = {
      ...client,
      resource,
      raw: (request: { path: string }) => this.#ask('raw', request.path, () => client.raw(request)),
      withUserAgent: () => disturbed,
    } as unknown as Client;
    return disturbed;
  }

  async #ask(verb: string, what: string, really: () => Promise<unknown>): Promise<unknown> {
    this.killed.throwIfAborted();
    const isHit = this.made.push(`${verb} ${what}`) - 1 === this.#at;
    if (isHit && (this.#mishap === 'refused' || READS.has(verb))) throw serverError();
    if (isHit && this.#mishap === 'conflict') throw conflict({ group: '', resource: what }, '', MODIFIED);
    const answer = await really();
    if (!READS.has(verb)) this.#afterWrite();
    if (!isHit) return answer;
    if (this.#mishap === 'killed') this.#kill.abort(new DOMException('killed', 'AbortError'));
    throw new Error('the connection was lost');
  }
}

/** Whether there is such a mishap for a request. */
function isPossible(request: string, mishap: Mishap): boolean {
  const [verb = ''] = request.split(' ');
  if (READS.has(verb)) return mishap === 'refused';
  return mishap !== 'conflict' || CHANGES.has(verb);
}

/** Events come later than they are told. */
function late({ client, clock }: TestingCluster, delayMs: number): Client {
  async function* delayed(events: AsyncIterable<WatchEvent<DynamicObject>>, signal?: AbortSignal) {
    const coming: { readonly event: WatchEvent<DynamicObject>; readonly dueMs: number }[] = [];
    let news = deferred();
    const read = async () => {
      for await (const event of events) {
        coming.push({ event, dueMs: clock.now() + delayMs });
        news.resolve();
      }
    };
    const ended = read();
    for (;;) {
      const next = coming.shift();
      if (next) {
        await clock.sleep(Math.max(0, next.dueMs - clock.now()), signal);
        yield next.event;
      } else {
        news = deferred();
        await Promise.race([news.promise, ended]);
        if (signal?.aborted) return;
      }
    }
  }
  const resource = (kind: ResourceKind, namespace?: string) => {
    const real = client.resource(kind, namespace);
    return { ...real, watch: (options: WatchOptions) => delayed(real.watch(options), options.signal) };
  };
  return { ...client, resource } as unknown as Client;
}

/** Controllers of one process, which share their informers. */
const together =
  (makes: Scenario['controllers']) =>
  (context: ControllerContext): Component => {
    const parts = makes.map((make) => make(context));
    const done = Promise.all(parts.map((part) => part.done)).then(() => undefined);
    return { name: 'all', done, start: async (signal) => void (await Promise.all(parts.map((part) => part.start(signal)))) };
  };

async function play(scenario: Scenario, lagMs: number, at?: number, mishap?: Mishap): Promise<Result> {
  const cluster = new TestingCluster();
  scenario.prepare(cluster);
  let wrong: string | undefined;
  const look = () => {
    wrong ??= scenario.wrong?.(cluster);
  };
  const watching = lagMs > 0 ? late(cluster, lagMs) : cluster.client;
  const first = new Requests(look, at, mishap);
  let running: ControllerRun | undefined;
  const begin = async (requests: Requests) => {
    const clients = { client: requests.clientOf(cluster.client, watching), watching, killed: requests.killed };
    try {
      running = await runController(together(scenario.controllers), cluster, clients);
    } catch (error) {
      // Who is killed while it starts does not start.
      if (!requests.killed.aborted) throw error;
    }
  };
  const end = async () => {
    await running?.[Symbol.asyncDispose]();
    running = undefined;
  };
  const steps = [...(scenario.steps ?? [])];
  const others = () => {
    scenario.outside?.(cluster);
    if (steps[0]?.(cluster)) steps.shift();
  };
  let isAnew = false;
  const settle = async (ms: number) => {
    await cluster.clock.advance(ms);
    for (let i = 0; i < 4; i++) await cluster.clock.advance(0);
    if (!first.killed.aborted || isAnew) return;
    isAnew = true;
    await end();
    await begin(new Requests(look));
  };
  try {
    await begin(first);
    for (let round = 0; round < (scenario.rounds ?? 12); round++) {
      await settle(scenario.stepMs ?? 1000);
      others();
    }
    for (let round = 0; round < 2; round++) {
      await settle(scenario.longMs ?? LONG_MS);
      others();
      await settle(1000);
    }
  } finally {
    await end();
  }
  if (steps.length > 0) wrong ??= `the last ${steps.length} steps were not come to: ${JSON.stringify(scenario.outcome(cluster))}`;
  return { outcome: scenario.outcome(cluster), requests: first.made, wrong };
}

/** @returns what came of the scenario undisturbed; rejects when something else came of it, or something was wrong, after a mishap */
export async function interrupted(scenario: Scenario): Promise<unknown> {
  const { outcome, requests, wrong } = await play(scenario, 0);
  assert.equal(wrong, undefined, 'undisturbed');
  assert.ok(requests.length > 0, 'nothing was asked');
  const check = (result: Result, what: string) => {
    assert.equal(result.wrong, undefined, what);
    assert.deepEqual(result.outcome, outcome, what);
  };
  for (const [at, request] of requests.entries())
    for (const mishap of MISHAPS.filter((one) => isPossible(request, one)))
      check(await play(scenario, 0, at, mishap), `${mishap}: request ${at} (${request}) of ${requests.join(', ')}`);
  const slow = await play(scenario, LAG_MS);
  check(slow, 'late events');
  const step = Math.ceil(slow.requests.length / MOST_LATE);
  for (const [at, request] of slow.requests.entries())
    for (const mishap of (['lost', 'killed'] as const).filter((one) => at % step === 0 && isPossible(request, one)))
      check(
        await play(scenario, LAG_MS, at, mishap),
        `${mishap} and late events: request ${at} (${request}) of ${slow.requests.join(', ')}`,
      );
  return outcome;
}
