import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRotatingFile } from '../../src/apiserver/audit/rotating-file.ts';
import { systemClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';

/** Run beside the test: writes an audit log to a small disk until it is full, makes room, goes on, and prints what was acknowledged and what is there. */
const disk = process.argv[2]!;
const path = join(disk, 'audit.log');
const log = createRotatingFile({ path, maxSizeMb: 0, maxBackups: 0, maxAgeDays: 0, compress: false }, systemClock, silentLogger);
const acknowledged: number[] = [];
let failure = '';
const append = async (n: number) => {
  await log.append(`${JSON.stringify({ n, fill: 'x'.repeat(1500) })}\n`);
  acknowledged.push(n);
};
await writeFile(join(disk, 'rest'), 'x'.repeat(20_000));
let next = 0;
while (!failure) {
  await append(next++).catch((error: NodeJS.ErrnoException) => {
    failure = error.code ?? '';
  });
}
await rm(join(disk, 'rest'));
await append(next);
await log.close();
const lines = (await readFile(path, 'utf8')).trim().split('\n');
console.log(JSON.stringify({ failure, acknowledged, written: lines.map((line) => (JSON.parse(line) as { n: number }).n) }));
