import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { Checkpointer } from './checkpointer.ts';

test('a thread is kept for the next checkpoint, and ends with the store or when there was none for a while', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'muster-checkpoints-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'store.db');
  const database = new DatabaseSync(file);
  t.after(() => database.close());
  database.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE kept (text TEXT)');
  const threads: Worker[] = [];
  const onThread = (thread: Worker) => threads.push(thread);
  process.on('worker', onThread);
  t.after(() => process.off('worker', onThread));
  const clock = new VirtualClock(0);
  let released = Promise.withResolvers<void>();
  const hold = async () => () => released.resolve();
  const checkpointer = new Checkpointer({ file, hold, logger: silentLogger, clock, logBytes: 1000 });

  const write = async () => {
    released = Promise.withResolvers();
    database.prepare('INSERT INTO kept VALUES (?)').run('x'.repeat(100_000));
    checkpointer.wrote(1000);
    await released.promise;
    // What comes after the release is a matter of this thread's microtasks.
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (let i = 0; i < 20; i++) await write();
  assert.equal(threads.length, 1);
  // Of 20 texts the log never held more than a few: it was begun anew.
  assert.ok(statSync(`${file}-wal`).size < 500_000);

  const idle = once(threads[0]!, 'exit');
  await clock.advance(10_000);
  await idle;
  await write();
  assert.equal(threads.length, 2);
  const ended = once(threads[1]!, 'exit');
  await checkpointer.close();
  await ended;
  checkpointer.request();
  assert.equal(threads.length, 2);
});
