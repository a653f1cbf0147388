import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseKubeconfig } from '../../pki/kubeconfig.ts';
import { systemClock, VirtualClock } from '../../std/clock.ts';
import { addContext, removeContext } from './kubeconfig-file.ts';

const config = (name: string) => ({
  clusters: [{ name, cluster: { server: `https://${name}:6443` } }],
  contexts: [{ name, context: { cluster: name, user: name } }],
  users: [{ name, user: { token: 't' } }],
  'current-context': name,
});

async function withFile(run: (path: string, directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-test-'));
  try {
    await run(join(directory, 'sub', 'config'), directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
const read = async (path: string) => parseKubeconfig(await readFile(path, 'utf8'), '/');

test('a context is added, selected and taken out again, and the others stay', () =>
  withFile(async (path) => {
    await addContext(path, config('mine'), systemClock);
    await addContext(path, config('muster'), systemClock);
    await addContext(path, config('muster'), systemClock);
    const both = await read(path);
    assert.deepEqual(both.contexts.map((c) => c.name).sort(), ['mine', 'muster']);
    assert.equal(both['current-context'], 'muster');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await removeContext(path, 'muster', systemClock);
    const left = await read(path);
    assert.deepEqual(
      [left.clusters, left.contexts, left.users].map((list) => list.map((e) => e.name)),
      [['mine'], ['mine'], ['mine']],
    );
    assert.equal(left['current-context'], '');
  }));

test('many writers at once lose nothing', () =>
  withFile(async (path) => {
    const names = Array.from({ length: 12 }, (_, i) => `c${i}`);
    await Promise.all(names.map((name) => addContext(path, config(name), systemClock)));
    assert.deepEqual((await read(path)).contexts.map((c) => c.name).sort(), [...names].sort());
  }));

test('a link to a kubeconfig stays a link', () =>
  withFile(async (_, directory) => {
    const target = join(directory, 'real');
    const link = join(directory, 'link');
    await writeFile(target, '');
    await symlink(target, link);
    await addContext(link, config('muster'), systemClock);
    assert.equal((await read(target))['current-context'], 'muster');
  }));

test('taking out of a file that is not there makes none', () =>
  withFile(async (path) => {
    await removeContext(path, 'muster', systemClock);
    await assert.rejects(stat(path), { code: 'ENOENT' });
  }));

test('a lock that stays is named after a while', () =>
  withFile(async (_, directory) => {
    const path = join(directory, 'config');
    await writeFile(`${path}.lock`, '');
    const clock = new VirtualClock(0);
    const adding = assert.rejects(addContext(path, config('muster'), clock), {
      code: 'KUBECONFIG_LOCKED',
      message: /remove .*config\.lock/,
    });
    // The file operations between two tries take real time, so time is moved until the attempt has ended.
    let ended = false;
    void adding.finally(() => {
      ended = true;
    });
    while (!ended) await clock.advance(1000);
    await adding;
  }));

test('a file that is no kubeconfig is left as it is', () =>
  withFile(async (_, directory) => {
    const path = join(directory, 'config');
    await writeFile(path, 'clusters: 5\n');
    await assert.rejects(addContext(path, config('muster'), systemClock), { code: 'KUBECONFIG_MALFORMED' });
    assert.equal(await readFile(path, 'utf8'), 'clusters: 5\n');
  }));
