import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import { linkLog, logDirectories, logLinkPath, removeDeadLinks } from './log-links.ts';

const POD: V1Pod = { metadata: { name: 'web', namespace: 'default', uid: 'u1' } };
const CONTAINER = { name: 'main', attempt: 2, id: 'abc' };

async function setUp(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'muster-links-'));
  t.after(() => rm(root, { recursive: true }));
  const paths = { root, logs: join(root, 'pods'), containerLogs: join(root, 'containers') };
  const log = join(paths.logs, 'default_web_u1/main/2.log');
  await mkdir(dirname(log), { recursive: true });
  return { paths, log };
}

test('a container’s log is linked under the name that log shippers know, once it is there', async (t) => {
  const { paths, log } = await setUp(t);
  await linkLog(paths, POD, CONTAINER);
  assert.deepEqual(await readdir(paths.containerLogs).catch(() => []), []);
  await writeFile(log, '');
  await linkLog(paths, POD, CONTAINER);
  await linkLog(paths, POD, CONTAINER);
  assert.deepEqual(await readdir(paths.containerLogs), ['web_default_main-abc.log']);
  assert.equal(await readlink(join(paths.containerLogs, 'web_default_main-abc.log')), log);
});

test('a link’s name is no longer than a file system takes', async (t) => {
  const { paths } = await setUp(t);
  const long: V1Pod = { metadata: { name: 'n'.repeat(253), namespace: 'default', uid: 'u1' } };
  const name = logLinkPath(paths, long, 'main', 'abc').slice(paths.containerLogs.length + 1);
  assert.equal(name.length, 255);
  await mkdir(join(paths.logs, `default_${'n'.repeat(200)}_u1/main`), { recursive: true });
  await writeFile(join(paths.logs, `default_${'n'.repeat(200)}_u1/main/2.log`), '');
  const named = { metadata: { name: 'n'.repeat(200), namespace: 'default', uid: 'u1' } };
  await linkLog(paths, named, { ...CONTAINER, id: 'a'.repeat(64) });
  assert.equal((await readdir(paths.containerLogs))[0]?.length, 255);
  assert.ok(name.endsWith('.log'));
});

test('links whose log is gone go; those that lead somewhere, and files, stay', async (t) => {
  const { paths, log } = await setUp(t);
  await mkdir(paths.containerLogs);
  await writeFile(log, '');
  await linkLog(paths, POD, CONTAINER);
  await symlink(join(paths.logs, 'gone/0.log'), join(paths.containerLogs, 'dead.log'));
  await writeFile(join(paths.containerLogs, 'file.log'), '');
  await symlink('/nowhere', join(paths.containerLogs, 'other'));
  // A kubelet was killed while it made this one.
  await symlink(join(paths.logs, 'gone/1.log'), join(paths.containerLogs, '.link-0123456789ab'));
  assert.equal(await removeDeadLinks(paths), 2);
  assert.deepEqual((await readdir(paths.containerLogs)).sort(), ['file.log', 'other', 'web_default_main-abc.log']);
});

test('log directories are known by the uid in their names', async (t) => {
  const { paths } = await setUp(t);
  await mkdir(join(paths.logs, 'somebody-elses'));
  assert.deepEqual([...(await logDirectories(paths))], [['u1', join(paths.logs, 'default_web_u1')]]);
  assert.equal((await logDirectories({ ...paths, logs: join(paths.root, 'none') })).size, 0);
});
