import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { systemClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { openSqliteStore } from './sqlite-store.ts';

const ROUNDS = 16;

/** Lets a process write until it has acknowledged `killAfter` transactions, kills it at once, and returns what it acknowledged. */
async function writeAndKill(directory: string, first: number, killAfter: number): Promise<Map<number, number>> {
  const args = [join(import.meta.dirname, 'killed-writer.ts'), directory, String(first)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<string | null>((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  const acknowledged = new Map<number, number>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [number, revision] = line.split(' ').map(Number);
    if (revision !== undefined) acknowledged.set(number!, revision);
    if (acknowledged.size >= killAfter) child.kill('SIGKILL');
  }
  assert.equal(await ended, 'SIGKILL', 'the writer did not end by itself');
  return acknowledged;
}

test('a store killed in the midst of its writes has lost nothing that it acknowledged, and nothing is half there', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'muster-kill-'));
  try {
    let next = 1;
    let written = 0;
    for (let round = 0; round < ROUNDS; round++) {
      // Round 0 dies right after opening, in the making of the first transactions.
      const acknowledged = await writeAndKill(directory, next, round === 0 ? 0 : randomInt(1, 400));
      written += acknowledged.size;
      const store = await openSqliteStore({ directory, clock: systemClock, logger: silentLogger });
      const [left, right] = [await store.list('/left/'), await store.list('/right/')];
      const describe = ({ entries }: typeof left) =>
        entries.map(({ key, value, modRevision }) => [key.split('/')[2], Buffer.from(value).toString(), modRevision]);
      assert.deepEqual(describe(left), describe(right), 'both keys of each transaction');
      const numbers = new Map<number, number>();
      for (const [slot, value, revision] of describe(left) as [string, string, number][]) {
        const number = Number.parseInt(value, 10);
        assert.equal(value.length, `${number} `.length + (number % 3000), 'the whole value');
        numbers.set(Number(slot), revision);
        next = Math.max(next, number + 1);
      }
      for (const [number, revision] of acknowledged)
        assert.ok((numbers.get(number % 100) ?? 0) >= revision, `transaction ${number} at revision ${revision} is lost`);
      assert.ok((await store.revision()) >= Math.max(0, ...acknowledged.values()));
      await store.close();
    }
    t.diagnostic(`${ROUNDS} kills, ${written} acknowledged transactions`);
  } finally {
    await rm(directory, { recursive: true });
  }
});
