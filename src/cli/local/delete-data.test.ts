import assert from 'node:assert/strict';
import { mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { deleteData, deleteUnmade, unmadePlace } from './delete-data.ts';

test('a first start that failed leaves a directory that was given as it was', async () => {
  await using home = await temporaryDirectory();
  const [entry, dataDir] = [home.file('entry'), home.file('data')];
  await mkdir(dataDir);
  for (const held of [[], ['admin.kubeconfig', 'cluster.log', 'notes']]) {
    for (const name of held) await writeFile(home.file('data', name), 'mine');
    const place = await unmadePlace(entry, dataDir);
    await symlink(dataDir, entry);
    for (const name of ['cluster.log', 'lock', 'kubeconfigs.json']) await writeFile(home.file('data', name), '');
    await deleteUnmade(place!);
    assert.deepEqual((await readdir(dataDir)).sort(), held);
    assert.deepEqual(await readdir(home.path), ['data']);
  }
});

test('what a first start made itself goes, and where a cluster was known before it stays known', async () => {
  await using home = await temporaryDirectory();
  const [entry, dataDir] = [home.file('entry'), home.file('data')];
  for (const given of [undefined, dataDir]) {
    const place = await unmadePlace(entry, given);
    await mkdir(given ?? entry);
    if (given) await symlink(given, entry);
    await writeFile(home.file(given ? 'data' : 'entry', 'cluster.log'), '');
    await deleteUnmade(place!);
    assert.deepEqual(await readdir(home.path), []);
  }
  // As of a disk that is not mounted.
  await mkdir(dataDir);
  await symlink(dataDir, entry);
  await deleteUnmade((await unmadePlace(entry, undefined))!);
  assert.equal(await readlink(entry), dataDir);
  assert.deepEqual(await readdir(dataDir), []);
});

test('a start that is refused since a cluster of that name has its data elsewhere takes nothing from that one', async () => {
  await using home = await temporaryDirectory();
  const entry = home.file('entry');
  await mkdir(entry);
  await writeFile(home.file('entry', 'cluster.log'), 'why it failed');
  await mkdir(home.file('new'));
  await deleteUnmade((await unmadePlace(entry, home.file('new')))!);
  assert.deepEqual(await readdir(entry), ['cluster.log']);
  assert.equal(await unmadePlace(entry, entry).then((place) => place?.theirs?.has('cluster.log')), true);
  await mkdir(home.file('entry', 'pki'));
  assert.equal(await unmadePlace(entry, undefined), undefined);
});

test('of a directory that was given a cluster takes its volumes with it, and leaves what is not its own', async () => {
  await using home = await temporaryDirectory();
  await mkdir(home.file('data', 'volumes', 'default', 'claim'), { recursive: true });
  for (const name of ['cluster.json', 'lock', 'notes']) await writeFile(home.file('data', name), '');
  await symlink(home.file('data'), home.file('entry'));
  await deleteData(home.file('data'), home.file('entry'));
  assert.deepEqual(await readdir(home.file('data')), ['notes']);
});
