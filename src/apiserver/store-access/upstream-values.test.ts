import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { until } from '../../../test/harness/until.ts';
import { allKinds } from '../../api/all-kinds.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { systemClock } from '../../std/clock.ts';
import { createMemoryStore } from '../../store/memory/memory-store.ts';
import { StoreError, type StoreEvent } from '../../store/store.ts';
import { startTestApi } from '../test-api.ts';
import { Keyspace } from './keyspace.ts';
import { createUpstreamReader } from './read-upstream-value.ts';
// What kube-apiserver 1.20.2 wrote into etcd.
import recorded from './testdata/upstream-1.20.json' with { type: 'json' };
import { readUpstreamValues } from './upstream-values.ts';

const keyspace = new Keyspace(
  '/registry',
  allKinds.filter(({ storage }) => storage === 'stored'),
);
const values: ReadonlyMap<string, Buffer> = new Map(
  Object.entries(recorded).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
);
const CONFIG_MAP = '/registry/configmaps/default/cm';
const objectOf = (value: Uint8Array) => JSON.parse(Buffer.from(value).toString('utf8')) as DynamicObject;

/** [key, apiVersion and kind, what is in it] */
const READ: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ['configmaps/default/cm', 'v1 ConfigMap', { data: { k: 'v' }, binaryData: { b: 'AAEC' } }],
  ['cronjobs/default/cj', 'batch/v1 CronJob', { 'spec.schedule': '*/5 * * * *', 'spec.concurrencyPolicy': 'Allow' }],
  ['poddisruptionbudgets/default/pdb', 'policy/v1 PodDisruptionBudget', { 'spec.minAvailable': 1 }],
  [
    'ingress/default/ing',
    'networking.k8s.io/v1 Ingress',
    { 'spec.rules.0.http.paths.0.backend': { service: { name: 'web', port: { number: 80 } } } },
  ],
  [
    'horizontalpodautoscalers/default/hpa',
    'autoscaling/v2 HorizontalPodAutoscaler',
    {
      'spec.metrics': [
        { type: 'Resource', resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 50 } } },
      ],
      'spec.maxReplicas': 4,
    },
  ],
  [
    'endpointslices/default/es',
    'discovery.k8s.io/v1 EndpointSlice',
    { 'endpoints.0.deprecatedTopology': { 'kubernetes.io/hostname': 'n1' }, 'endpoints.0.addresses': ['10.1.1.1'] },
  ],
  ['leases/default/l', 'coordination.k8s.io/v1 Lease', { 'spec.renewTime': '2020-01-01T00:00:00.123456Z' }],
  [
    'services/specs/default/web',
    'v1 Service',
    {
      'spec.type': 'NodePort',
      'spec.internalTrafficPolicy': 'Cluster',
      'spec.ipFamilies': ['IPv4'],
      'spec.ipFamilyPolicy': 'SingleStack',
    },
  ],
  [
    'prioritylevelconfigurations/system',
    'flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration',
    { 'spec.limited.nominalConcurrencyShares': 30 },
  ],
  [
    'flowschemas/system-leader-election',
    'flowcontrol.apiserver.k8s.io/v1 FlowSchema',
    { 'spec.distinguisherMethod.type': 'ByUser' },
  ],
  [
    'apiextensions.k8s.io/customresourcedefinitions/widgets.example.com',
    'apiextensions.k8s.io/v1 CustomResourceDefinition',
    { 'spec.versions.0.schema.openAPIV3Schema.type': 'object', 'spec.conversion.strategy': 'None' },
  ],
];

const at = (object: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], object);

test('values of kube-apiserver 1.20 are read in the versions of today', () => {
  const read = createUpstreamReader(keyspace);
  for (const [path, type, fields] of READ) {
    const key = `/registry/${path}`;
    const object = objectOf(read(key, values.get(key)!));
    assert.equal(`${object.apiVersion} ${object.kind}`, type);
    assert.ok(object.metadata.uid, key);
    for (const [field, expected] of Object.entries(fields)) assert.deepEqual(at(object, field), expected, `${key} ${field}`);
  }
});

test('a version that cannot be read is refused by name, and so are bytes that are no message', () => {
  const read = createUpstreamReader(keyspace);
  const refused = (value: Buffer, message: RegExp) =>
    assert.throws(
      () => read(CONFIG_MAP, value),
      (error: StoreError) => error.code === 'corrupt' && message.test(error.message),
    );
  refused(values.get('/registry/cronjobs/default/cj')!, /\/cm holds a CronJob of batch\/v1beta1, a version that cannot be read$/);
  refused(Buffer.from('{"kind":"ConfigMap","apiVersion":"v9"}'), /holds a ConfigMap of v9, a version/);
  refused(Buffer.from('{"kind":'), /\/cm cannot be read: /);
  refused(values.get(CONFIG_MAP)!.subarray(0, 60), /\/cm cannot be read: /);
});

test('whatever follows the magic bytes is read or refused', () => {
  const read = createUpstreamReader(keyspace);
  const whole = values.get(CONFIG_MAP)!;
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (place, byte, length) => {
      const broken = Buffer.from(whole);
      if (place > 3) broken[place] = byte;
      try {
        objectOf(read(CONFIG_MAP, broken.subarray(0, Math.max(4, length))));
      } catch (error) {
        assert.ok(error instanceof StoreError, String(error));
      }
    }),
  );
});

test('keys of no built-in kind are left alone', () => {
  const value = Buffer.from('{"kind":"Widget","apiVersion":"example.com/v1"}');
  assert.equal(createUpstreamReader(keyspace)('/registry/example.com/widgets/default/w', value), value);
});

test('a store shows upstream’s values as its own, wherever they come from', async (t) => {
  const inner = createMemoryStore({ clock: systemClock });
  let loads = 0;
  const store = readUpstreamValues(inner, async () => {
    loads++;
    return createUpstreamReader(keyspace);
  });
  t.after(() => store.close());
  const seen: StoreEvent[] = [];
  store.watch('/registry/', 1, { events: (events) => void seen.push(...events), closed: () => undefined });
  const own = Buffer.from('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"own"}}');
  await store.transact([], [{ type: 'put', key: '/registry/configmaps/default/own', value: own }]);
  assert.equal((await store.list('/registry/')).entries[0]!.value, own);
  assert.equal(loads, 0);
  await inner.transact([], [{ type: 'put', key: CONFIG_MAP, value: values.get(CONFIG_MAP)! }]);
  await inner.transact([], [{ type: 'delete', key: CONFIG_MAP }]);
  await until('all events are seen', () => seen.length === 3);
  const [, put, gone] = seen as [StoreEvent, StoreEvent & { type: 'put' }, StoreEvent];
  assert.deepEqual([objectOf(put.entry.value).kind, objectOf(gone.previous!.value).kind], ['ConfigMap', 'ConfigMap']);
  await inner.transact([], [{ type: 'put', key: CONFIG_MAP, value: values.get(CONFIG_MAP)! }]);
  const listed = (await store.list('/registry/')).entries.find(({ key }) => key === CONFIG_MAP)!;
  const { entry } = await store.get(CONFIG_MAP);
  const { current } = await store.transact([{ key: CONFIG_MAP, modRevision: 0 }], []);
  for (const found of [listed, entry!, current[0]!]) assert.equal(objectOf(found.value)['data'] !== undefined, true);
});

test('a watch ends with what is wrong with a value that cannot be read', async (t) => {
  const inner = createMemoryStore({ clock: systemClock });
  const store = readUpstreamValues(inner, async () => createUpstreamReader(keyspace));
  t.after(() => store.close());
  const closed: (StoreError | undefined)[] = [];
  store.watch('/registry/', 1, { events: () => undefined, closed: (error) => void closed.push(error) });
  await inner.transact([], [{ type: 'put', key: CONFIG_MAP, value: Buffer.from('k8s\0\xff\xff', 'latin1') }]);
  await until('the watch ends', () => closed.length > 0);
  assert.deepEqual(
    closed.map((error) => error?.code),
    ['corrupt'],
  );
});

test('an API server goes on where kube-apiserver 1.20 stopped', async (t) => {
  const store = createMemoryStore({ clock: systemClock });
  for (const [key, value] of values) await store.transact([], [{ type: 'put', key, value }]);
  const api = await startTestApi({ store });
  t.after(() => api.stop());
  const path = '/apis/batch/v1/namespaces/default/cronjobs/cj';
  const found = await api.call<DynamicObject>('GET', path);
  assert.deepEqual([found.status, at(found.body, 'spec.schedule')], [200, '*/5 * * * *']);
  const stored = async () => (await store.get('/registry/cronjobs/default/cj')).entry!.value;
  assert.equal(Buffer.from(await stored()).toString('latin1', 0, 4), 'k8s\0');
  const changed = await api.call('PUT', path, { ...found.body, metadata: { ...found.body.metadata, labels: { a: 'b' } } });
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual(objectOf(await stored()).metadata['labels'], { a: 'b' });
});
