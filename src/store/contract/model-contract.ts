import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../std/clock.ts';
import type { Compare, ListResult, Store, TransactionResult, Write } from '../store.ts';
import type { DriverUnderTest } from './driver.ts';
import { del, put, RecordingSink, show, withCode } from './driver.ts';
import { StoreModel } from './store-model.ts';

/** `STORE_SEED=… node --test FILE` repeats a run. */
const seed = Number(process.env['STORE_SEED'] ?? randomInt(2 ** 31));

const KEYS = ['/a', '/a/', '/a/1', '/a/2', '/a/\u{ffff}', '/a/\u{1f600}', '/b', '/b/1', '/b/é'];
const PREFIXES = ['', '/', '/a', '/a/', '/b', '/b/1', '/c'];

const key = fc.constantFrom(...KEYS);
const prefix = fc.constantFrom(...PREFIXES);
/** Where in the history, as a part of it, so that it stays meaningful when a run is made shorter. */
const past = fc.double({ min: 0, max: 1.1, noNaN: true });

const transaction = fc.record({
  compares: fc.array(fc.record({ key, right: fc.boolean() }), { maxLength: 2 }),
  writes: fc.uniqueArray(fc.record({ key, kind: fc.constantFrom('put', 'put', 'put', 'leased', 'delete') }), {
    selector: (write) => write.key,
    maxLength: 4,
  }),
});

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('transact' as const), group: fc.array(transaction, { minLength: 1, maxLength: 4 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('list' as const),
      prefix,
      limit: fc.nat(4),
      start: fc.constantFrom('', '1', '/1', '\u{1f600}'),
      at: fc.option(past),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('watch' as const), prefix, from: past }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const), at: past }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Transaction = typeof transaction extends fc.Arbitrary<infer T> ? T : never;

const showList = ({ entries, revision, remaining }: ListResult) => ({ entries: entries.map(show), revision, remaining });

interface Watch {
  readonly prefix: string;
  readonly from: number;
  readonly sink: RecordingSink;
  /** It began before the last compaction. */
  readonly tooOld: boolean;
}

/** One store and its model, taken through the same steps. */
class Comparison {
  readonly #model = new StoreModel();
  #store: Store;
  #watches: Watch[] = [];
  #lease: string | undefined;
  readonly #unordered: boolean;
  #values = 0;

  constructor(store: Store, unordered: boolean) {
    this.#store = store;
    this.#unordered = unordered;
  }

  async run(action: Step, reopen: (() => Promise<Store>) | undefined): Promise<void> {
    const model = this.#model;
    if (action.do === 'transact') await this.#transact(action.group);
    else if (action.do === 'list') await this.#list(action);
    else if (action.do === 'watch') this.#watch(action.prefix, this.#revisionAt(action.from));
    else if (action.do === 'compact') {
      const revision = this.#revisionAt(action.at);
      if (revision > model.revision) await assert.rejects(this.#store.compact(revision), withCode('future-revision'));
      else {
        // Watches that still read what is forgotten would rightly be closed; that is the contract suite's matter.
        await this.#settle();
        await this.#store.compact(revision);
        model.compacted = Math.max(model.compacted, revision);
      }
    } else if (action.do === 'revoke' && this.#lease !== undefined) {
      await this.#store.revokeLease(this.#lease);
      model.revokeLease(this.#lease);
      this.#lease = undefined;
    } else if (action.do === 'reopen' && reopen) {
      await this.#settle();
      this.#watches = [];
      this.#store = await reopen();
    }
    assert.equal(await this.#store.revision(), model.revision);
  }

  /** What must hold after every run, whatever it did. */
  async finish(): Promise<void> {
    await this.#settle();
    for (let revision = this.#model.compacted; revision <= this.#model.revision; revision++)
      assert.deepEqual(showList(await this.#store.list('', { revision })), showList(this.#model.list('', revision)));
    for (const prefix of PREFIXES) this.#watch(prefix, this.#model.compacted);
    await this.#settle();
  }

  /** Makes a group of transactions at the same time; they take effect in the order they were made, if the driver has one. */
  async #transact(group: readonly Transaction[]): Promise<void> {
    if (group.some(({ writes }) => writes.some(({ kind }) => kind === 'leased')))
      this.#lease ??= await this.#store.grantLease(600_000);
    const pending: { expected: TransactionResult; result: Promise<TransactionResult> }[] = [];
    for (const { compares, writes } of group) {
      const now = this.#model.now;
      const checks: Compare[] = compares.map(({ key, right }) => ({
        key,
        modRevision: (now.get(key)?.modRevision ?? 0) + (right ? 0 : 1),
      }));
      const changes: Write[] = writes.map(({ key, kind }) =>
        kind === 'delete' ? del(key) : put(key, String(this.#values++), kind === 'leased' ? this.#lease : undefined),
      );
      const succeeded = this.#model.transact(checks, changes);
      const current = succeeded ? [] : checks.map(({ key }) => now.get(key));
      const expected = { succeeded, revision: this.#model.revision, current };
      const result = this.#store.transact(checks, changes);
      if (this.#unordered) await result;
      pending.push({ expected, result });
    }
    const shown = (result: TransactionResult) => ({ ...result, current: result.current.map(show) });
    for (const { expected, result } of pending) assert.deepEqual(shown(await result), shown(expected));
  }

  async #list({ prefix, start, limit, at }: Extract<Step, { do: 'list' }>): Promise<void> {
    const model = this.#model;
    const revision = at === null ? undefined : this.#revisionAt(at);
    const options = { startKey: prefix + start, limit, ...(revision === undefined ? {} : { revision }) };
    if (revision !== undefined && revision < model.compacted)
      await assert.rejects(this.#store.list(prefix, options), withCode('compacted'));
    else if (revision !== undefined && revision > model.revision)
      await assert.rejects(this.#store.list(prefix, options), withCode('future-revision'));
    else {
      const expected = model.list(prefix, revision ?? model.revision, options);
      assert.deepEqual(showList(await this.#store.list(prefix, options)), showList(expected));
      assert.equal(await this.#store.count(prefix), model.list(prefix, model.revision).entries.length);
      for (const key of KEYS) assert.equal(show((await this.#store.get(key)).entry), show(model.now.get(key)));
    }
  }

  #watch(prefix: string, from: number): void {
    const sink = new RecordingSink();
    this.#store.watch(prefix, from, sink);
    this.#watches.push({ prefix, from, sink, tooOld: from < this.#model.compacted });
  }

  /** Waits until each watch was told all it has to be told, and compares. */
  async #settle(): Promise<void> {
    const open: Watch[] = [];
    for (const watch of this.#watches) {
      const { prefix, from, sink, tooOld } = watch;
      if (tooOld) {
        await sink.end();
        assert.ok(withCode('compacted')(sink.ended?.error));
        continue;
      }
      const expected = this.#model.changes(prefix, from);
      await sink.reached(expected.at(-1)?.revision ?? 0);
      const told = sink.batches.map(({ revision, events }) => ({ revision, events: [...events].sort() }));
      assert.deepEqual(told, expected);
      assert.equal(sink.ended, undefined);
      open.push(watch);
    }
    this.#watches = open;
  }

  #revisionAt(part: number): number {
    return 1 + Math.floor(part * this.#model.revision);
  }
}

/** Registers a test that takes the driver's stores and the model through the same random calls. */
export function testAgainstModel(driver: DriverUnderTest, numRuns: number): void {
  test(`${driver.name}: any sequence of calls has the results that the model has (seed ${seed})`, async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), async (steps) => {
      const under = await driver.create(new VirtualClock(0));
      try {
        const comparison = new Comparison(under.store, driver.unordered ?? false);
        for (const action of steps) await comparison.run(action, under.reopen);
        await comparison.finish();
      } finally {
        await under.dispose();
      }
    });
    await fc.assert(property, { seed, numRuns });
  });
}
