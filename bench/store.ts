/**
 * How fast the stores are: `node bench/store.ts` prints one JSON line per measurement. Values of 2.5 KB, about a pod.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock } from '../src/std/clock.ts';
import { silentLogger } from '../src/std/logger.ts';
import { openStore } from '../src/store/open-store.ts';
import type { Store } from '../src/store/store.ts';
import { quantile, report } from './bench-cluster.ts';

const WRITERS = 32;
const PUT_MS = 4000;
const LONE_PUTS = 1000;
const OPENINGS = 20;
const value = new Uint8Array(2500).fill(97);

function print(measurement: string, driver: string, figures: Record<string, number>): void {
  const rounded = Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, Math.round(figure * 100) / 100]));
  report({ measurement, driver, ...rounded });
}

function quantiles(samples: number[]): { p50Ms: number; p99Ms: number; maxMs: number } {
  return { p50Ms: quantile(samples, 0.5), p99Ms: quantile(samples, 0.99), maxMs: quantile(samples, 1) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** New objects and updates of them in turn, each compared with what is there, as an API server writes. */
async function putAsManyWriters(store: Store): Promise<Record<string, number>> {
  const samples: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const start = performance.now();
  const writer = async (name: number) => {
    let modRevision = 0;
    for (let i = 0; performance.now() - start < PUT_MS; i++) {
      const key = `/registry/pods/default/pod-${name}-${i >> 1}`;
      const compare = { key, modRevision: i % 2 === 0 ? 0 : modRevision };
      samples.push(
        await timed(async () => {
          const result = await store.transact([compare], [{ type: 'put', key, value }]);
          if (!result.succeeded) throw new Error(`${key} was written by somebody else`);
          modRevision = result.revision;
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, name) => writer(name)));
  const seconds = (performance.now() - start) / 1000;
  delay.disable();
  return {
    putsPerSecond: samples.length / seconds,
    ...quantiles(samples),
    eventLoopP99Ms: delay.percentile(99) / 1e6,
    eventLoopMaxMs: delay.max / 1e6,
  };
}

async function measure(driver: 'memory' | 'sqlite', directory: string): Promise<void> {
  const openings: number[] = [];
  for (let i = 0; i < OPENINGS; i++) {
    let opened: Store | undefined;
    openings.push(
      await timed(async () => {
        opened = await openStore(driver, { directory: join(directory, `new-${i}`), clock: systemClock, logger: silentLogger });
      }),
    );
    await opened?.close();
  }
  print('open a new store', driver, { firstMs: openings[0]!, ...quantiles(openings) });

  const options = { directory: join(directory, 'store'), clock: systemClock, logger: silentLogger };
  let store = await openStore(driver, options);
  const lone: number[] = [];
  for (let i = 0; i < LONE_PUTS; i++)
    lone.push(await timed(() => store.transact([], [{ type: 'put', key: `/registry/lone/${i % 100}`, value }])));
  print('put, one writer', driver, quantiles(lone));
  print(`put, ${WRITERS} writers`, driver, await putAsManyWriters(store));

  const count = await store.count('/registry/pods/');
  print('get', driver, quantiles(await samplesOf(2000, (i) => store.get(`/registry/pods/default/pod-${i % WRITERS}-3`))));
  print('list a page of 500', driver, {
    keys: count,
    ...quantiles(await samplesOf(50, () => store.list('/registry/pods/', { limit: 500 }))),
  });
  const revision = await store.revision();
  print('compact all', driver, { revisions: revision, ms: await timed(() => store.compact(revision)) });
  if (driver === 'sqlite') {
    await store.close();
    const reopenMs = await timed(async () => {
      store = await openStore(driver, options);
    });
    print('open a full store', driver, { keys: count, ms: reopenMs });
  }
  await store.close();
}

async function samplesOf(count: number, work: (i: number) => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) samples.push(await timed(() => work(i)));
  return samples;
}

for (const driver of ['memory', 'sqlite'] as const) {
  const directory = await mkdtemp(join(tmpdir(), 'muster-bench-'));
  try {
    await measure(driver, directory);
    print('memory of the process', driver, { rssMb: process.memoryUsage().rss / 2 ** 20 });
  } finally {
    await rm(directory, { recursive: true });
  }
}
