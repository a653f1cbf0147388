import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDataDirectory, openTemporaryDirectory, parseRecord } from './data-directory.ts';

async function withDirectory(run: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'muster-test-'));
  try {
    await run(path);
  } finally {
    await rm(path, { recursive: true });
  }
}

const record = { name: 'muster', port: 6443, nodes: [{ name: 'node-1', address: '127.9.8.1', port: 10250 }] };

test('what a cluster records is there at the next start', () =>
  withDirectory(async (path) => {
    const first = await openDataDirectory(path);
    assert.equal(first.record, undefined);
    await first.save(record);
    await first.close();
    const second = await openDataDirectory(path);
    assert.deepEqual(second.record, record);
    await second.close();
    assert.equal(statSync(join(path, 'cluster.json')).mode & 0o777, 0o600);
  }));

test('two owners at once are refused, one after the other are not', () =>
  withDirectory(async (path) => {
    const first = await openDataDirectory(path);
    await assert.rejects(openDataDirectory(path), { code: 'DATA_LOCKED' });
    await first.close();
    await (await openDataDirectory(path)).close();
  }));

test('data of another version is refused, and the refusal gives the lock back', () =>
  withDirectory(async (path) => {
    await writeFile(join(path, 'cluster.json'), JSON.stringify({ ...record, format: 99, writtenBy: 'muster 9.0.0' }));
    for (let i = 0; i < 2; i++)
      await assert.rejects(openDataDirectory(path), {
        code: 'DATA_INCOMPATIBLE',
        message: /format 99 \(written by muster 9\.0\.0\)/,
      });
  }));

test('a directory with a lock or volumes of somebody else is refused as it is; what a start left that failed is taken up', () =>
  withDirectory(async (path) => {
    await writeFile(join(path, 'lock'), 'of another program');
    await assert.rejects(openDataDirectory(path), { code: 'DATA_FOREIGN', message: /holds a "lock" of somebody else's/ });
    assert.equal(await readFile(join(path, 'lock'), 'utf8'), 'of another program');
    await rm(join(path, 'lock'));
    await mkdir(join(path, 'volumes'));
    await assert.rejects(openDataDirectory(path), { code: 'DATA_FOREIGN', message: /holds a "volumes"/ });
    await writeFile(join(path, 'lock'), '');
    await (await openDataDirectory(path)).close();
  }));

test('a record that is no record is named with its file', () => {
  assert.throws(() => parseRecord('{', '/x/cluster.json'), { code: 'DATA_CORRUPT', message: /^\/x\/cluster\.json/ });
  assert.throws(() => parseRecord('{"format":1,"name":"a"}', '/x/cluster.json'), { code: 'DATA_CORRUPT' });
});

test('a temporary directory is gone after close', async () => {
  const directory = await openTemporaryDirectory();
  assert.ok(existsSync(directory.path));
  await directory.close();
  assert.ok(!existsSync(directory.path));
});
