import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, cp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { kubectl } from '../harness/kubectl.ts';
import { clusterDirectory, type MusterHome, musterHome } from '../harness/muster.ts';

/** Random bytes over a part of a file. */
async function scribble(file: string, offset: number, length: number): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(Buffer.alloc(length, 0xa5), 0, length, offset);
  await handle.close();
}

interface Damage {
  readonly what: string;
  readonly damage: (file: (...parts: string[]) => string) => Promise<unknown>;
  /** What `up` says of it, in one line. */
  readonly says: RegExp;
}

const DAMAGES: readonly Damage[] = [
  {
    what: 'a store whose head is overwritten',
    damage: (file) => scribble(file('store', 'store.db'), 0, 8192),
    says: /store\.db is damaged \(file is not a database\): restore it from a backup/,
  },
  {
    what: 'a store whose middle is overwritten',
    damage: (file) => scribble(file('store', 'store.db'), 8 * 4096, 8 * 4096),
    says: /store\.db is damaged \(database disk image is malformed\): restore it from a backup/,
  },
  {
    what: 'a store that was cut off',
    damage: (file) => truncate(file('store', 'store.db'), 100),
    says: /store\.db is damaged \(.*\): restore it from a backup/,
  },
  {
    what: 'an empty store',
    damage: (file) => truncate(file('store', 'store.db'), 0),
    says: /store does not hold a store of Muster: use another directory/,
  },
  {
    what: 'a record that breaks off',
    damage: (file) => writeFile(file('cluster.json'), '{"format": 1, '),
    says: /cluster\.json is not the record of a cluster: /,
  },
  {
    what: 'an authority that is gone with all its keys',
    damage: (file) => rm(file('pki'), { recursive: true }),
    says: /pki\/ca\.crt is missing: restore it from a backup, or delete the cluster with "muster down"/,
  },
  {
    what: 'an authority whose key is gone',
    damage: (file) => rm(file('pki', 'ca.key')),
    says: /pki\/ca\.key is missing: restore it from a backup, or delete the cluster with "muster down"/,
  },
  {
    what: 'an authority whose key is no key',
    damage: (file) => writeFile(file('pki', 'ca.key'), 'garbage'),
    says: /pki\/ca\.key: no private key found/,
  },
  {
    what: 'a key for service accounts that is gone',
    damage: (file) => rm(file('pki', 'sa.key')),
    says: /pki\/sa\.key is missing: restore it from a backup/,
  },
];

const readIfThere = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);

describe('data that is damaged', () => {
  let home: MusterHome;
  let saved: string;
  const file = (...parts: string[]) => join(clusterDirectory(home), ...parts);
  before(async () => {
    home = await musterHome();
    await home.up('--nodes', '1');
    await kubectl('1.35', home.kubeconfig, home.path).run('create configmap kept');
    await home.run(['down', '--keep-data']);
    saved = join(home.path, 'saved');
    await cp(clusterDirectory(home), saved, { recursive: true });
  });
  after(() => home?.[Symbol.asyncDispose]());
  const restore = async () => {
    await rm(clusterDirectory(home), { recursive: true });
    await cp(saved, clusterDirectory(home), { recursive: true });
  };

  for (const { what, damage, says } of DAMAGES)
    test(`${what}: up says so and changes nothing`, async () => {
      await damage(file);
      const broken = await readFile(file('store', 'store.db'));
      const authority = readIfThere(file('pki', 'ca.crt'));
      const result = await home.try(['up']);
      assert.equal(result.status, 1);
      assert.match(result.stderr, says);
      assert.equal(result.stderr.trimEnd().split('\n').length, 1, result.stderr);
      assert.doesNotMatch(await home.run(['ls']), /Running|Starting/);
      assert.deepEqual(await readFile(file('store', 'store.db')), broken);
      assert.equal(readIfThere(file('pki', 'ca.crt')), authority);
      await restore();
    });

  test('what a start can make again is made again', async () => {
    await writeFile(file('process.json'), '{');
    await rm(file('admin.kubeconfig'));
    await rm(file('pki', 'apiserver.crt'));
    await rm(file('nodes', 'node-1', 'kubeconfig'));
    await writeFile(file('nodes', 'node-1', 'pki', 'kubelet-client-current.pem'), 'garbage');
    await chmod(file('lock'), 0o644);
    const up = await home.up();
    assert.deepEqual(up.nodes, ['node-1']);
    const client = kubectl('1.35', home.kubeconfig, home.path);
    assert.match(await client.run('get nodes --no-headers'), /^node-1 +Ready /);
    assert.equal(await client.run('get configmap kept -o name'), 'configmap/kept\n');
    await home.run(['down', '--keep-data']);
    await restore();
  });

  test('a damaged cluster can be deleted', async () => {
    await truncate(file('store', 'store.db'), 0);
    await writeFile(file('cluster.json'), '{');
    assert.match(await home.run(['down']), /deleted/);
    const up = await home.up('--nodes', '0');
    assert.deepEqual(up.nodes, []);
  });
});
