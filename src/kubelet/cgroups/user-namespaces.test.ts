import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1Pod } from '../../api/gen/types.ts';
import { silentLogger } from '../../std/logger.ts';
import { idRangeOf } from './sub-ids.ts';
import { createUserNamespaces } from './user-namespaces.ts';

async function scratch() {
  const root = await mkdtemp(join(tmpdir(), 'user-namespaces-'));
  const open = (others: { maxPods?: number; supported?: boolean } = {}) =>
    createUserNamespaces({
      paths: { root, logs: root, containerLogs: root },
      maxPods: others.maxPods ?? 10,
      supported: async () => others.supported ?? true,
      logger: silentLogger,
      subIdFiles: { uids: join(root, 'none'), gids: join(root, 'none') },
    });
  return { root, open, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

const podOf = (uid: string, hostUsers?: boolean): V1Pod => ({
  metadata: { name: uid, uid },
  spec: { containers: [], ...(hostUsers !== undefined && { hostUsers }) },
});

test('only a pod that asks for it has ids of its own, no two the same, though they ask at once', async () => {
  await using at = await scratch();
  const namespaces = at.open();
  assert.equal(await namespaces.mappingsOf(podOf('a')), undefined);
  assert.equal(await namespaces.mappingsOf(podOf('a', true)), undefined);
  const all = await Promise.all(['a', 'b', 'c'].map((uid) => namespaces.mappingsOf(podOf(uid, false))));
  assert.deepEqual(
    all.map((mappings) => mappings!.uids[0]!.hostId),
    [65_536, 131_072, 196_608],
  );
  assert.deepEqual(all[0], {
    uids: [{ hostId: 65_536, containerId: 0, length: 65_536 }],
    gids: [{ hostId: 65_536, containerId: 0, length: 65_536 }],
  });
});

test('a kubelet started anew keeps the ids of its pods and gives freed ones away', async () => {
  await using at = await scratch();
  const before = at.open();
  await before.mappingsOf(podOf('a', false));
  const ofB = await before.mappingsOf(podOf('b', false));
  const after = at.open();
  const ofC = await after.mappingsOf(podOf('c', false));
  assert.equal(ofC!.uids[0]!.hostId, 196_608);
  assert.deepEqual(await after.mappingsOf(podOf('b', false)), ofB);
  await after.release('a');
  assert.deepEqual(await readdir(join(at.root, 'pods', 'a')), []);
  assert.equal((await after.mappingsOf(podOf('d', false)))!.uids[0]!.hostId, 65_536);
  assert.deepEqual(JSON.parse(await readFile(join(at.root, 'pods', 'd', 'userns'), 'utf8')).gidMappings, [
    { hostId: 65_536, containerId: 0, length: 65_536 },
  ]);
});

test('a pod that cannot have one is told why', async () => {
  await using at = await scratch();
  await assert.rejects(at.open({ supported: false }).mappingsOf(podOf('a', false)), {
    reason: 'CreateContainerConfigError',
    message: "can't set `spec.hostUsers: false`, runtime does not support user namespaces",
  });
  const full = at.open({ maxPods: 1 });
  await full.mappingsOf(podOf('a', false));
  await assert.rejects(full.mappingsOf(podOf('b', false)), /could not find an empty slot/);
});

test('a broken file of an earlier life is refused, not written over', async () => {
  await using at = await scratch();
  await mkdir(join(at.root, 'pods', 'a'), { recursive: true });
  await writeFile(join(at.root, 'pods', 'a', 'userns'), '{"uidMappings":[{"hostId":0,"containerId":7}]}');
  await assert.rejects(at.open().mappingsOf(podOf('b', false)), /invalid user namespace mappings file/);
});

test('the range of the user kubelet is taken when it fits, and refused in words when not', () => {
  const range = (uids: string, gids = uids) => idRangeOf({ uids, gids, length: 65_536, maxPods: 2 });
  assert.deepEqual(range(''), { first: 65_536, count: 131_072 });
  assert.deepEqual(range('root:1:2\nkubelet:131072:196608\n'), { first: 131_072, count: 196_608 });
  assert.throws(() => range('kubelet:131072:196608', ''), /different mappings/);
  assert.throws(() => range('kubelet:100:131072'), /is not a multiple of 65536/);
  assert.throws(() => range('kubelet:0:131072'), /must be greater or equal to 65536/);
  assert.throws(() => range('kubelet:65536:65536'), /not enough to support 2 pods/);
  assert.throws(() => range('kubelet:65536:131072\nkubelet:655360:131072'), /more than one range/);
});

test('any file of subordinate ids is read to a safe range or refused', () => {
  const entry = fc.oneof(
    fc.string(),
    fc.tuple(fc.nat(2 ** 33), fc.nat(2 ** 33)).map(([a, b]) => `kubelet:${a}:${b}`),
  );
  fc.assert(
    fc.property(fc.array(entry), (lines) => {
      const text = lines.join('\n');
      try {
        const { first, count } = idRangeOf({ uids: text, gids: text, length: 65_536, maxPods: 3 });
        assert.ok(first >= 65_536 && first % 65_536 === 0 && count / 65_536 >= 3);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'SUB_IDS_INVALID');
      }
    }),
  );
});
