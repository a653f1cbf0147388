import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../std/clock.ts';
import { silentLogger } from '../std/logger.ts';
import { put, write } from './contract/driver.ts';
import { openStore } from './open-store.ts';

test('the spec picks the driver: sqlite is still there after closing, memory is not', async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'muster-open-'));
  t.after(() => rmSync(parent, { recursive: true }));
  for (const [spec, kept] of [
    ['memory', 0],
    ['sqlite', 1],
  ] as const) {
    const options = { directory: join(parent, 'a', spec), clock: systemClock, logger: silentLogger };
    const store = await openStore(spec, options);
    await write(store, put('/a', '1'));
    await store.close();
    assert.equal(existsSync(options.directory), kept === 1);
    const again = await openStore(spec, options);
    assert.equal(await again.count('/'), kept);
    await again.close();
  }
});

test('a driver that is not there is refused with those that are, and so is what is no URL of an etcd', async () => {
  const options = { directory: '/nonexistent', clock: systemClock, logger: silentLogger };
  await assert.rejects(openStore('postgres' as never, options), /no driver "postgres": use --store sqlite .* --store memory/);
  await assert.rejects(openStore('etcd=', options), /no etcd server is named/);
  await assert.rejects(openStore('etcd=https://10.0.0.1:2379,ftp://x', options), /"ftp:\/\/x" is no URL of an etcd member/);
});
