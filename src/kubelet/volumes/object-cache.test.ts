import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { FakeApi, unreachable } from '../testing/fake-api.ts';
import { type ChangeDetection, createObjectCache } from './object-cache.ts';
import { objectReferences } from './object-references.ts';
import { renewalDueMs } from './service-account-tokens.ts';

const podNaming = (uid: string, ...names: string[]): V1Pod => ({
  metadata: { uid, namespace: 'default', name: uid },
  spec: { containers: [], volumes: names.map((name) => ({ name, configMap: { name } })) },
});

function start(changeDetection: ChangeDetection) {
  const clock = new VirtualClock(0);
  const api = new FakeApi(clock);
  const put = (name: string, more: object = {}) =>
    api.put(configMapKind, { metadata: { name, namespace: 'default' }, data: { at: String(clock.now()) }, ...more } as never);
  const cache = createObjectCache({ client: api.client(), changeDetection, clock, logger: silentLogger, random: () => 0.5 });
  return { clock, api, put, cache };
}

test('everything that a pod may name is found, each once', () => {
  const valueFrom = { secretKeyRef: { name: 'env-secret', key: 'k' } };
  const pod: V1Pod = {
    spec: {
      imagePullSecrets: [{ name: 'pull' }, {}],
      initContainers: [{ name: 'i', env: [{ name: 'A', valueFrom }] }],
      containers: [
        { name: 'c', envFrom: [{ configMapRef: { name: 'from' } }, { secretRef: { name: 'env-secret' } }] },
        { name: 'd', env: [{ name: 'B', valueFrom: { configMapKeyRef: { name: 'constructor', key: 'k' } } }] },
      ],
      volumes: [
        { name: 'v', secret: { secretName: 'mounted' } },
        { name: 'w', csi: { driver: 'x', nodePublishSecretRef: { name: 'publish' } } },
        { name: 'x', projected: { sources: [{ configMap: { name: 'from' } }, { secret: { name: 'projected' } }] } },
      ],
    },
  };
  assert.deepEqual(
    objectReferences(pod).map(({ kind, name }) => `${kind}/${name}`),
    [
      'secret/pull',
      'secret/env-secret',
      'configMap/from',
      'configMap/constructor',
      'secret/mounted',
      'secret/publish',
      'secret/projected',
    ],
  );
});

test('with Get every question reaches the server, with Cache the old answer holds for a minute unless a pod is new', async () => {
  for (const [strategy, counts] of [
    ['Get', [1, 2, 3, 4]],
    ['Cache', [1, 1, 2, 3]],
  ] as const) {
    const { clock, api, put, cache } = start(strategy);
    put('settings');
    cache.register(podNaming('one', 'settings'));
    const seen: number[] = [];
    const read = async () => {
      await cache.configMap('default', 'settings');
      seen.push(api.count('get', 'configmaps'));
    };
    await read();
    await read();
    await clock.advance(60_000);
    await read();
    cache.register(podNaming('two', 'settings'));
    await read();
    assert.deepEqual([strategy, ...seen], [strategy, ...counts]);
    assert.equal(api.count('watch', 'configmaps'), 0);
  }
});

test('a pod that names other objects lets go of the old ones, and what nobody names is asked for each time', async () => {
  const { api, put, cache } = start('Watch');
  put('a');
  put('b');
  cache.register(podNaming('one', 'a'));
  await cache.configMap('default', 'a');
  cache.register(podNaming('one', 'b'));
  await cache.configMap('default', 'b');
  assert.equal(cache.size, 1);
  await cache.configMap('default', 'a');
  assert.equal(api.count('get', 'configmaps'), 1);
  await assert.rejects(cache.configMap('default', 'c'), { reason: 'NotFound' });
  cache.close();
  assert.equal(cache.size, 0);
});

test('a server that does not answer is not waited for without end', async () => {
  const { clock, api, cache } = start('Watch');
  api.before = () => {
    throw unreachable();
  };
  cache.register(podNaming('one', 'a'));
  const refused = assert.rejects(cache.configMap('default', 'a'), {
    message: 'failed to sync configmap cache: timed out waiting for the condition',
  });
  await clock.advance(10_000);
  await refused;
  cache.close();
});

test('tokens are renewed after 80 % of their life, the longest-lived after a day, some seconds apart', () => {
  const hour = 3_600_000;
  assert.equal(renewalDueMs(hour, hour, 0), 0.8 * hour);
  assert.equal(renewalDueMs(hour, hour, 1), 0.8 * hour - 10_000);
  assert.equal(renewalDueMs(100 * hour, 100 * hour, 0), 24 * hour);
});
