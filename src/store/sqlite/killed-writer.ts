/**
 * The process that `kill.test.ts` kills: 8 writers at a time make transactions of two keys, and each prints `number revision` only
 * when its transaction was acknowledged. Every 50th asks for a compaction.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { put } from '../contract/driver.ts';
import { openSqliteStore } from './sqlite-store.ts';

const [directory, first] = process.argv.slice(2);
const store = await openSqliteStore({ directory: directory!, clock: systemClock, logger: silentLogger, logBytes: 256 * 1024 });
const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Waits while the reader does not read: a worker thread's output makes the pipe one that is not waited for. */
function print(line: string): void {
  for (;;) {
    try {
      writeSync(1, line);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(nothing, 0, 0, 1);
    }
  }
}

print('open\n');
let number = Number(first);

async function writer(): Promise<never> {
  for (;;) {
    const mine = number++;
    const value = `${mine} ${'x'.repeat(mine % 3000)}`;
    const { revision } = await store.transact([], [put(`/left/${mine % 100}`, value), put(`/right/${mine % 100}`, value)]);
    print(`${mine} ${revision}\n`);
    if (mine % 50 === 0) await store.compact(revision);
  }
}

await Promise.all(Array.from({ length: 8 }, writer));
