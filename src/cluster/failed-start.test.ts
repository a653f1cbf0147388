import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCluster } from './start-cluster.ts';

/** What this process has open below a directory. */
async function openBelow(directory: string): Promise<string[]> {
  const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
  return (await Promise.all(links)).filter((path) => path.startsWith(directory));
}

test('a start that fails for its keys leaves no store open, and goes well when they are there again', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'muster-failed-start-'));
  t.after(() => rm(dataDir, { recursive: true }));
  await (await startCluster({ dataDir, nodes: 0 })).close();
  const key = join(dataDir, 'pki', 'ca.key');
  const good = await readFile(key);
  await writeFile(key, 'damaged');
  await assert.rejects(startCluster({ dataDir, nodes: 0 }), { code: 'PKI_INVALID' });
  assert.deepEqual(await openBelow(dataDir), []);
  await writeFile(key, good);
  await (await startCluster({ dataDir, nodes: 0 })).close();
});
