import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  fdatasyncSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { del, put, RecordingSink, show, withCode, write } from '../contract/driver.ts';
import type { Store } from '../store.ts';
import { StoreError } from '../store.ts';
import type { SqliteStoreOptions } from './sqlite-store.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { endOfSlice, firstId } from './tables.ts';

function newDirectory(t: TestContext): string {
  const parent = mkdtempSync(join(tmpdir(), 'muster-sqlite-'));
  t.after(() => rmSync(parent, { recursive: true }));
  return join(parent, 'store');
}

async function open(t: TestContext, directory: string, options: Partial<SqliteStoreOptions> = {}): Promise<Store> {
  const store = await openSqliteStore({ directory, clock: new VirtualClock(0), logger: silentLogger, ...options });
  t.after(() => store.close());
  return store;
}

/** Refused with this code, in words that match. */
const refusal = (code: StoreError['code'], words: RegExp) => (error: unknown) =>
  error instanceof StoreError && error.code === code && words.test(error.message);

test('only the owner may read the directory and the files in it', async (t) => {
  const directory = newDirectory(t);
  mkdirSync(directory, { mode: 0o755 });
  const store = await open(t, directory);
  await write(store, put('/secret', 'x'));
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  for (const name of ['store.db', 'store.db-wal', 'store.db-shm', 'lock', 'owner'])
    assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
});

test('a second store on the same directory is refused with the process that has it', async (t) => {
  const directory = newDirectory(t);
  const first = await open(t, directory);
  const refused = refusal('locked', new RegExp(`store is in use by process ${process.pid}`));
  await assert.rejects(open(t, directory), refused);
  await assert.rejects(open(t, directory), refused, 'the refused one did not loosen the lock');
  await first.close();
  await open(t, directory);
});

test('a directory held by another process is refused until that process is killed', async (t) => {
  const directory = newDirectory(t);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'killed-writer.ts'), directory, '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await assert.rejects(open(t, directory), refusal('locked', new RegExp(`process ${child.pid}\\b`)));
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  await open(t, directory);
});

test('a store of another schema version is refused and left as it was', async (t) => {
  const directory = newDirectory(t);
  await (await open(t, directory)).close();
  const database = new DatabaseSync(join(directory, 'store.db'));
  database.exec("UPDATE meta SET value = 7 WHERE name = 'schema_version'");
  database.close();
  await assert.rejects(
    open(t, directory),
    refusal('incompatible', /store holds a store of schema version 7, .* reads version 1/),
  );
  await assert.rejects(open(t, directory), withCode('incompatible'), 'the lock was given back');
});

test('somebody else’s database is refused', async (t) => {
  const directory = newDirectory(t);
  mkdirSync(directory);
  const database = new DatabaseSync(join(directory, 'store.db'));
  database.exec('CREATE TABLE customers (name TEXT)');
  database.close();
  await assert.rejects(open(t, directory), refusal('incompatible', /does not hold a store of Muster/));
});

test('a file that is no database, or was cut short, is refused with its name', async (t) => {
  const directory = newDirectory(t);
  const store = await open(t, directory);
  for (let i = 0; i < 50; i++) await write(store, put(`/${i}`, 'x'.repeat(3000)));
  await store.close();
  const file = join(directory, 'store.db');
  truncateSync(file, 8192);
  await assert.rejects(open(t, directory), refusal('corrupt', /store\.db is damaged/));
  writeFileSync(file, 'not a database'.repeat(1000));
  await assert.rejects(open(t, directory), refusal('corrupt', /store\.db is damaged/));
});

test('a full store refuses what does not fit, still reads, and takes writes again when there is space', async (t) => {
  const directory = newDirectory(t);
  const store = await open(t, directory, { maxBytes: 300_000 });
  const sink = new RecordingSink();
  store.watch('/', 2, sink);
  const full = refusal('no-space', /no space left to write .*store\.db/);
  let count = 0;
  await assert.rejects(async () => {
    for (; ; count++) await write(store, put(`/${count}`, 'x'.repeat(10_000)));
  }, full);
  assert.ok(count > 10);
  const revision = count + 1;
  assert.equal(await store.revision(), revision);
  assert.equal((await store.list('/')).entries.length, count);
  // One that is too large does not take its neighbours with it.
  const [small, large] = await Promise.allSettled([write(store, del('/0')), write(store, put('/big', 'x'.repeat(100_000)))]);
  assert.equal(small.status, 'fulfilled');
  assert.ok(large.status === 'rejected' && full(large.reason));
  await store.compact(await store.revision());
  const last = await write(store, put('/again', 'x'));
  await store.healthy();
  await sink.reached(last);
  assert.deepEqual(
    sink.batches.map((batch) => batch.revision),
    Array.from({ length: last - 1 }, (_, i) => i + 2),
  );
});

test('until the disk has it, a write is told to nobody', async (t) => {
  let finish = () => {};
  let flushes = 0;
  const flush = () => {
    // The first belongs to the making of the store.
    if (++flushes === 1) return Promise.resolve();
    return new Promise<void>((resolve) => {
      finish = resolve;
    });
  };
  const store = await open(t, newDirectory(t), { flush });
  const first = write(store, put('/a', '1'), put('/gone', '1'));
  await flushed(2);
  finish();
  await first;
  const sink = new RecordingSink();
  store.watch('/', 3, sink);
  let acknowledged = false;
  const second = write(store, put('/a', '2'), put('/b', '1'), del('/gone')).then(() => {
    acknowledged = true;
  });
  const failed = store.transact([{ key: '/a', modRevision: 2 }], [put('/a', '3')]);
  await flushed(3);
  assert.equal(acknowledged, false);
  assert.deepEqual(sink.batches, []);
  assert.equal(await store.revision(), 2);
  assert.equal(show((await store.get('/a')).entry), '/a=1 2/2');
  assert.deepEqual((await store.list('/')).entries.map(show), ['/a=1 2/2', '/gone=1 2/2']);
  assert.equal((await store.list('/', { limit: 1 })).remaining, 1);
  assert.equal(await store.count('/'), 2);
  await assert.rejects(store.list('/', { revision: 3 }), withCode('future-revision'));
  finish();
  await second;
  assert.equal((await failed).succeeded, false, 'it was compared with what was written before it');
  await sink.reached(3);
  assert.deepEqual((await store.list('/')).entries.map(show), ['/a=2 2/3', '/b=1 3/3']);

  async function flushed(count: number): Promise<void> {
    while (flushes < count) await new Promise((resolve) => setImmediate(resolve));
  }
});

test('writers who come together share a flush, and each has its own revision', async (t) => {
  let flushes = 0;
  const flush = async () => {
    flushes++;
  };
  const store = await open(t, newDirectory(t), { flush });
  flushes = 0;
  const revisions = await Promise.all(Array.from({ length: 32 }, (_, i) => write(store, put(`/${i}`, 'x'))));
  assert.equal(new Set(revisions).size, 32);
  assert.equal(flushes, 1);
});

test('after a flush that failed nothing more is acknowledged until the store is opened again', async (t) => {
  const directory = newDirectory(t);
  let fail = false;
  const flush = async () => {
    if (fail) throw new Error('EIO');
  };
  const store = await open(t, directory, { flush });
  await write(store, put('/a', '1'));
  const sink = new RecordingSink();
  store.watch('/', 3, sink);
  fail = true;
  await assert.rejects(write(store, put('/a', '2')), refusal('unavailable', /EIO.*opened again/));
  await sink.end();
  assert.ok(withCode('unavailable')(sink.ended?.error));
  assert.deepEqual(sink.batches, []);
  assert.ok(withCode('unavailable')(await store.failed));
  fail = false;
  await assert.rejects(write(store, put('/a', '3')), withCode('unavailable'));
  await assert.rejects(store.get('/a'), withCode('unavailable'));
  await assert.rejects(store.healthy(), withCode('unavailable'));
  await store.close();
  const again = await open(t, directory);
  assert.match(show((await again.get('/a')).entry)!, /^\/a=[12] /);
});

test('what was flushed survives a power cut that tears everything written since', async (t) => {
  const directory = newDirectory(t);
  const image = newDirectory(t);
  mkdirSync(image);
  const files = ['store.db', 'store.db-wal'];
  // The disk at the last flush.
  const flush = async (descriptor: number) => {
    fdatasyncSync(descriptor);
    for (const name of files) copyFileSync(join(directory, name), join(image, name));
  };
  const store = await open(t, directory, { flush });
  const acknowledged: number[] = [];
  for (let i = 0; i < 20; i++) {
    await Promise.all(
      Array.from({ length: 5 }, async (_, k) =>
        acknowledged.push(await write(store, put(`/${k}`, `${i}`), put(`/twin/${k}`, `${i}`))),
      ),
    );
    const durable = files.map((name) => readFileSync(join(image, name)));
    // One more commit reaches the file, of which the disk gets every other block.
    const pending = write(store, put('/0', 'torn'.repeat(2000)), put('/twin/0', 'torn'.repeat(2000)));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const now = files.map((name) => readFileSync(join(directory, name)));
    const cut = newDirectory(t);
    mkdirSync(cut);
    for (const [at, name] of files.entries()) writeFileSync(join(cut, name), tear(durable[at]!, now[at]!, i));
    const restored = await open(t, cut);
    assert.ok((await restored.revision()) >= Math.max(...acknowledged));
    for (let k = 1; k < 5; k++) assert.equal(Buffer.from((await restored.get(`/${k}`)).entry!.value).toString(), `${i}`);
    assert.deepEqual((await restored.get('/0')).entry!.value, (await restored.get('/twin/0')).entry!.value);
    await restored.close();
    acknowledged.push(await pending);
  }
});

/** The old file with every second 4 KiB block of the new one, as long as the new one. */
function tear(before: Buffer, after: Buffer, phase: number): Buffer {
  const torn = Buffer.alloc(after.length);
  before.copy(torn);
  for (let at = (phase % 2) * 4096; at < after.length; at += 8192) after.copy(torn, at, at, at + 4096);
  return torn;
}

test('what a killed process left in the log is flushed before anybody reads it', async (t) => {
  const [directory, copy] = [newDirectory(t), newDirectory(t)];
  const store = await open(t, directory);
  await write(store, put('/a', '1'));
  mkdirSync(copy);
  for (const name of ['store.db', 'store.db-wal']) copyFileSync(join(directory, name), join(copy, name));
  await assert.rejects(open(t, copy, { flush: () => Promise.reject(new Error('EIO')) }), /EIO/);
  let flushes = 0;
  const flush = async () => {
    flushes++;
  };
  const again = await open(t, copy, { flush });
  assert.equal(flushes, 1);
  assert.equal(show((await again.get('/a')).entry), '/a=1 2/2');
});

test('a write is not acknowledged when the new log’s own flush failed', async (t) => {
  const flush = () => Promise.reject(new Error('EIO'));
  const store = await open(t, newDirectory(t), { flush });
  await assert.rejects(write(store, put('/a', '1')), refusal('unavailable', /EIO/));
});

test('compaction leaves no record of what was replaced or deleted', async (t) => {
  const directory = newDirectory(t);
  const store = await open(t, directory);
  for (let i = 0; i < 600; i++) await write(store, put(`/${i % 10}`, String(i)));
  for (let i = 0; i < 5; i++) await write(store, del(`/${i}`));
  const revision = await write(store, put('/last', 'x'));
  await store.compact(revision);
  await store.close();
  const database = new DatabaseSync(join(directory, 'store.db'));
  const { records, heads } = database
    .prepare('SELECT (SELECT count(*) FROM record) records, (SELECT count(*) FROM head) heads')
    .get()!;
  database.close();
  assert.deepEqual([records, heads], [6, 6]);
});

test('a compaction that a crash cut short is finished by the next opening', async (t) => {
  const directory = newDirectory(t);
  const store = await open(t, directory);
  for (let i = 0; i < 50; i++) await write(store, put('/a', String(i)));
  await store.close();
  const database = new DatabaseSync(join(directory, 'store.db'));
  database.exec("UPDATE meta SET value = 40 WHERE name = 'compacted_revision'");
  const again = await open(t, directory);
  await assert.rejects(again.list('/', { revision: 39 }), withCode('compacted'));
  await write(again, put('/b', '1'));
  const oldest = database.prepare('SELECT min(id) / 4096 AS oldest FROM record').get()?.['oldest'];
  database.close();
  // Revision 40 keeps what it replaced.
  assert.equal(oldest, 39);
});

test('checkpoints keep the log short while writes go on', async (t) => {
  const directory = newDirectory(t);
  const store = await open(t, directory, { logBytes: 512 * 1024 });
  const logBytes = () => statSync(join(directory, 'store.db-wal')).size;
  // The thread that copies the log takes its time to start where processors are busy.
  let writtenBytes = 0;
  for (let round = 0; round < 2000 && (round < 100 || logBytes() > writtenBytes / 2); round++) {
    await Promise.all(Array.from({ length: 20 }, (_, i) => write(store, put(`/${i}`, 'x'.repeat(2500)))));
    writtenBytes += 20 * 2500;
  }
  assert.ok(logBytes() <= writtenBytes / 2);
});

test('what was there before is read while somebody looks at it, and not for those who do not', async (t) => {
  const store = await open(t, newDirectory(t));
  const careless = Object.assign(new RecordingSink(), { withoutPrevious: true as const });
  store.watch('/', 2, careless);
  await write(store, put('/a', '1'));
  await careless.reached(await write(store, put('/a', '2')));
  const careful = new RecordingSink();
  const handle = store.watch('/', 4, careful);
  await careful.reached(await write(store, put('/a', '3')));
  handle.close();
  await careless.reached(await write(store, del('/a')));
  assert.deepEqual(careless.shown, ['put /a=1 2/2', 'put /a=2 2/3', 'put /a=3 2/4 was /a=2 2/3', 'delete /a @5']);
  assert.deepEqual(careful.shown, ['put /a=3 2/4 was /a=2 2/3']);
});

test('a file that cannot be opened is refused with the reason, and a link that leads nowhere is left as it is', async (t) => {
  const directory = newDirectory(t);
  await (await open(t, directory)).close();
  const file = join(directory, 'store.db');
  mkdirSync(`${file}-wal`);
  await assert.rejects(open(t, directory), refusal('unavailable', /store\.db cannot be opened: .*store\.db-wal is no file/));
  rmSync(`${file}-wal`, { recursive: true });
  renameSync(file, join(directory, 'elsewhere'));
  symlinkSync(join(directory, 'away', 'store.db'), file);
  await assert.rejects(open(t, directory), refusal('unavailable', /store\.db cannot be opened: /));
  assert.ok(lstatSync(file).isSymbolicLink());
});

test('what is compacted, and what a late watch is told, is no more in one turn than a few large values', () => {
  const records = [1, 1, 2, 3, 4].map((revision, i) => ({
    id: firstId(revision) + i,
    key: '/a',
    createRevision: 1,
    previousId: null,
    bytes: 10 * 2 ** 20,
  }));
  assert.equal(endOfSlice(records, 9), 2);
  assert.equal(endOfSlice(records.slice(0, 2), 9), 9);
  assert.equal(endOfSlice(records.slice(2), 9), 4);
});
