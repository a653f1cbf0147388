import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Volume } from '../../api/gen/types.ts';
import { createVolumesBench, hostPathOf, mountsOf, never, podWith, type VolumesBench } from '../testing/volumes-bench.ts';

const b64 = (text: string) => Buffer.from(text).toString('base64');

test('a missing ConfigMap or Secret is named, and its coming is told', async () => {
  await using bench = await createVolumesBench();
  const pod = podWith({ volumes: [{ name: 'config', configMap: { name: 'settings' } }] });
  await assert.rejects(bench.volumes.setUp(pod, never), {
    name: 'PodPartError',
    reason: 'FailedMount',
    message: 'MountVolume.SetUp failed for volume "config" : configmap "settings" not found',
  });
  const told = new Promise((resolve) => bench.volumes.subscribe(resolve));
  bench.api.put(configMapKind, { metadata: { name: 'settings', namespace: 'default' }, data: { key: 'value' } } as never);
  assert.equal(await told, 'uid-web');
  await bench.volumes.setUp(pod, never);
  assert.equal(await readFile(`${await hostPathOf(bench, pod, 'config')}/key`, 'utf8'), 'value');
});

test('ConfigMaps and Secrets are shown with their modes, read only, and changes arrive in place', async () => {
  await using bench = await createVolumesBench();
  const meta = (name: string) => ({ name, namespace: 'default' });
  bench.api.put(configMapKind, { metadata: meta('settings'), data: { a: '1' }, binaryData: { raw: 'AP8=' } } as never);
  bench.api.put(secretKind, { metadata: meta('keys'), data: { k: b64('hush'), other: b64('o') } } as never);
  const pod = podWith({
    volumes: [
      { name: 'config', configMap: { name: 'settings', defaultMode: 0o640 } },
      { name: 'keys', secret: { secretName: 'keys', items: [{ key: 'k', path: 'deep/key', mode: 0o400 }] } },
      { name: 'none', secret: { secretName: 'absent', optional: true } },
    ],
  });
  await bench.volumes.setUp(pod, never);
  const [config, keys, none] = await Promise.all(['config', 'keys', 'none'].map((name) => hostPathOf(bench, pod, name)));
  assert.deepEqual(await readFile(`${config}/raw`), Buffer.from([0, 255]));
  assert.deepEqual([(await stat(`${config}/a`)).mode & 0o7777, (await stat(`${keys}/deep/key`)).mode & 0o7777], [0o640, 0o400]);
  assert.deepEqual(await readdir(`${keys}/deep`), ['key']);
  assert.equal((await bench.mounts.at(keys!))?.fsType, 'tmpfs');
  assert.equal(await bench.mounts.at(config!), undefined);
  assert.deepEqual((await readdir(none!)).length, 2);
  assert.ok((await mountsOf(bench, pod)).mounts.every(({ readOnly }) => readOnly));

  const told = new Promise((resolve) => bench.volumes.subscribe(resolve));
  bench.api.change(configMapKind, 'settings', 'default', (object) => Object.assign(object, { data: { b: '2' } }));
  assert.equal(await told, 'uid-web');
  await bench.volumes.setUp(pod, never);
  assert.equal(await readFile(`${config}/b`, 'utf8'), '2');
  assert.ok(!existsSync(`${config}/a`));
  assert.equal(await readlink(`${config}/b`), '..data/b');
});

test('a ConfigMap that is deleted while it is mounted stays as it was, with an event', async () => {
  await using bench = await createVolumesBench();
  bench.api.put(configMapKind, { metadata: { name: 'settings', namespace: 'default' }, data: { a: '1' } } as never);
  const pod = podWith({ volumes: [{ name: 'config', configMap: { name: 'settings' } }] });
  await bench.volumes.setUp(pod, never);
  bench.api.remove(configMapKind, 'settings', 'default');
  const restarted = bench.restarted();
  await restarted.setUp(pod, never);
  assert.deepEqual(bench.events, [
    'Warning FailedMount MountVolume.SetUp failed for volume "config" : configmap "settings" not found',
  ]);
  assert.equal(await readFile(`${await hostPathOf(bench, pod, 'config')}/a`, 'utf8'), '1');
  await restarted.tearDown('uid-web');
});

test('keys that lead out of the volume are refused before anything is written', async () => {
  await using bench = await createVolumesBench();
  bench.api.put(configMapKind, { metadata: { name: 'settings', namespace: 'default' }, data: { a: '1' } } as never);
  const source = { name: 'settings', items: [{ key: 'a', path: '../../../escaped' }] };
  const pod = podWith({ volumes: [{ name: 'config', configMap: source }] });
  await assert.rejects(bench.volumes.setUp(pod, never), /invalid path: must not contain '\.\.'/);
  assert.ok(!existsSync(bench.file('pods', 'uid-web', 'escaped')));
});

test('only what the pods name is watched, each object once, and no longer than they are here', async () => {
  await using bench = await createVolumesBench();
  bench.api.put(configMapKind, { metadata: { name: 'settings', namespace: 'default' }, data: { a: '1' } } as never);
  bench.api.put(configMapKind, { metadata: { name: 'fixed', namespace: 'default' }, data: {}, immutable: true } as never);
  const volumes: V1Volume[] = ['settings', 'fixed'].map((name) => ({ name, configMap: { name } }));
  for (const name of ['one', 'two']) await bench.volumes.setUp(podWith({ volumes }, name), never);
  assert.equal(bench.api.count('list', 'configmaps'), 2);
  bench.api.remove(configMapKind, 'fixed', 'default');
  await bench.volumes.setUp(podWith({ volumes }, 'two'), never);
  assert.deepEqual(bench.events, []);
  const watches = bench.api.calls.filter(({ verb }) => verb === 'watch').map(({ name }) => name);
  assert.ok(watches.every((name) => name.startsWith('metadata.name=')));
  for (const name of ['one', 'two']) await bench.volumes.tearDown(`uid-${name}`);
  assert.equal((bench.volumes.objects as { size?: number }).size, 0);
});

test('the downward API shows the pod as it is now', async () => {
  await using bench = await createVolumesBench();
  const items = [
    { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
    { path: 'cpu', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu', divisor: '1m' } },
  ];
  const pod = podWith({ volumes: [{ name: 'info', downwardAPI: { items } }] });
  await bench.volumes.setUp(pod, never);
  const path = await hostPathOf(bench, pod, 'info');
  assert.deepEqual([await readFile(`${path}/labels`, 'utf8'), await readFile(`${path}/cpu`, 'utf8')], ['app="web"', '4000']);
  pod.metadata!.labels!['tier'] = 'front';
  await bench.volumes.setUp(pod, never);
  assert.equal(await readFile(`${path}/labels`, 'utf8'), 'app="web"\ntier="front"');
});

function issueTokens(bench: VolumesBench): { issued: number } {
  const state = { issued: 0 };
  bench.api.review = (object) => {
    const { expirationSeconds } = object['spec'] as { expirationSeconds: number };
    const expirationTimestamp = new Date(bench.clock.now() + expirationSeconds * 1000).toISOString();
    return { ...object, status: { token: `token-${++state.issued}`, expirationTimestamp } };
  };
  return state;
}

const tokenPod = (spec: object = {}) =>
  podWith({
    volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 600 } }] } }],
    ...spec,
  });

test('a token is renewed at 80 % of its life, and told of when it is time', async () => {
  await using bench = await createVolumesBench();
  const state = issueTokens(bench);
  const pod = tokenPod();
  await bench.volumes.setUp(pod, never);
  const path = `${await hostPathOf(bench, pod, 'token')}/token`;
  assert.equal(await readFile(path, 'utf8'), 'token-1');
  const told: string[] = [];
  bench.volumes.subscribe((uid) => told.push(uid));
  await bench.clock.advance(470_000);
  await bench.volumes.setUp(pod, never);
  assert.deepEqual([told, state.issued], [[], 1]);
  await bench.clock.advance(10_000);
  assert.deepEqual(told, ['uid-web']);
  await bench.volumes.setUp(pod, never);
  assert.equal(await readFile(path, 'utf8'), 'token-2');
  bench.api.before = () => {
    throw new Error('the server is away');
  };
  await bench.clock.advance(590_000);
  await bench.volumes.setUp(pod, never);
  assert.equal(await readFile(path, 'utf8'), 'token-2');
  assert.deepEqual(bench.events, []);
  await bench.clock.advance(20_000);
  await bench.volumes.setUp(pod, never);
  assert.match(bench.events.join(), /token expired and refresh failed: the server is away/);
  assert.ok(bench.lines.every((line) => !line.includes('token-')));
});

test('a token belongs to the user of the containers, or to the group of the pod', async () => {
  await using bench = await createVolumesBench();
  issueTokens(bench);
  const modeOf = async (name: string, securityContext: object) => {
    const pod = { ...tokenPod({ securityContext }), metadata: { name, namespace: 'default', uid: `uid-${name}` } };
    await bench.volumes.setUp(pod, never);
    const { mode, uid, gid } = await stat(`${await hostPathOf(bench, pod, 'token')}/token`);
    return [mode & 0o7777, uid, gid];
  };
  assert.deepEqual(await modeOf('plain', {}), [0o644, 0, 0]);
  assert.deepEqual(await modeOf('user', { runAsUser: 1234 }), [0o600, 1234, 0]);
  assert.deepEqual(await modeOf('group', { runAsUser: 1234, fsGroup: 4321 }), [0o640, 1234, 4321]);
});

test('a projected volume gathers its sources, and names all that is wrong with them', async () => {
  await using bench = await createVolumesBench();
  bench.api.put(configMapKind, { metadata: { name: 'settings', namespace: 'default' }, data: { a: '1' } } as never);
  const sources = [
    { configMap: { name: 'settings', items: [{ key: 'a', path: 'config/a' }] } },
    { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    { secret: { name: 'absent', optional: true } },
  ];
  const pod = podWith({ volumes: [{ name: 'all', projected: { sources, defaultMode: 0o600 } }] });
  await bench.volumes.setUp(pod, never);
  const path = await hostPathOf(bench, pod, 'all');
  assert.deepEqual([await readFile(`${path}/config/a`, 'utf8'), await readFile(`${path}/name`, 'utf8')], ['1', 'web']);
  const wrong = [{ secret: { name: 'x' } }, { configMap: { name: 'settings', items: [{ key: 'no', path: 'n' }] } }];
  const bad = podWith({ volumes: [{ name: 'all', projected: { sources: wrong } }] }, 'bad');
  await assert.rejects(bench.volumes.setUp(bad, never), {
    message:
      'MountVolume.SetUp failed for volume "all" : [secret "x" not found, configmap references non-existent config key: no]',
  });
  const bundle = podWith(
    { volumes: [{ name: 'all', projected: { sources: [{ clusterTrustBundle: { path: 'ca' } }] } }] },
    'bundle',
  );
  await assert.rejects(bench.volumes.setUp(bundle, never), /projected volume source clusterTrustBundle is not supported/);
});
