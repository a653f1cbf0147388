import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceUnavailable } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { VirtualClock } from '../../std/clock.ts';
import { discoverKinds, KnownKinds } from './discovery.ts';

const resource = (name: string, kind: string) => ({ name, kind, namespaced: true, verbs: ['list', 'delete'] });
const documents: Record<string, object> = {
  '/apis': {
    groups: [
      {
        name: 'autoscaling',
        versions: [
          { groupVersion: 'autoscaling/v1', version: 'v1' },
          { groupVersion: 'autoscaling/v2', version: 'v2' },
        ],
        preferredVersion: { groupVersion: 'autoscaling/v2', version: 'v2' },
      },
      { name: 'metrics.k8s.io', versions: [{ groupVersion: 'metrics.k8s.io/v1beta1', version: 'v1beta1' }] },
    ],
  },
  '/api/v1': { resources: [resource('pods', 'Pod'), resource('pods/status', 'Pod')] },
  '/apis/autoscaling/v1': {
    resources: [resource('horizontalpodautoscalers', 'HorizontalPodAutoscaler'), resource('old', 'Old')],
  },
  '/apis/autoscaling/v2': { resources: [resource('horizontalpodautoscalers', 'HorizontalPodAutoscaler')] },
};
const client = {
  raw: async ({ path }: { path: string }) => {
    if (!documents[path]) throw serviceUnavailable('away');
    return { status: 200, text: JSON.stringify(documents[path]) };
  },
} as unknown as Client;

test('each resource is found once, in the preferred version where it has it, without subresources', async () => {
  const { kinds } = await discoverKinds(client);
  assert.deepEqual(
    kinds.map((k) => `${k.group}/${k.version}/${k.resource}`),
    ['/v1/pods', 'autoscaling/v2/horizontalpodautoscalers', 'autoscaling/v1/old'],
  );
});

test('a group that cannot be asked is told of and does not hide the others', async () => {
  const { failures } = await discoverKinds(client);
  assert.deepEqual([...failures.keys()], ['metrics.k8s.io/v1beta1']);
});

test('a server that can say all at once is asked twice', async () => {
  const asked: string[] = [];
  const list = (items: object[]) => ({ kind: 'APIGroupDiscoveryList', items });
  const of = (name: string, kind: string, version: string) => ({
    resource: name,
    responseKind: { group: '', version, kind },
    scope: 'Namespaced',
    verbs: ['list'],
    subresources: [{ subresource: 'status' }],
  });
  const aggregated: Record<string, object> = {
    '/api': list([{ metadata: {}, versions: [{ version: 'v1', resources: [of('pods', 'Pod', 'v1')] }] }]),
    '/apis': list([
      {
        metadata: { name: 'example.com' },
        versions: [
          { version: 'v2', resources: [of('widgets', 'Widget', 'v2')] },
          { version: 'v1', resources: [of('widgets', 'Widget', 'v1'), of('old', 'Old', 'v1')] },
        ],
      },
      { metadata: { name: 'metrics.k8s.io' }, versions: [{ version: 'v1beta1', freshness: 'Stale' }] },
    ]),
  };
  const modern = {
    async raw({ path, accept }: { path: string; accept?: string }) {
      asked.push(path);
      assert.match(accept ?? '', /as=APIGroupDiscoveryList/);
      return { status: 200, text: JSON.stringify(aggregated[path]) };
    },
  } as unknown as Client;
  const { kinds, failures } = await discoverKinds(modern);
  assert.deepEqual(asked, ['/apis', '/api']);
  assert.deepEqual(
    kinds.map((k) => `${k.group}/${k.version}/${k.resource}/${k.kind}`),
    ['/v1/pods/Pod', 'example.com/v2/widgets/Widget', 'example.com/v1/old/Old'],
  );
  assert.equal(failures.get('metrics.k8s.io/v1beta1')?.message, 'stale GroupVersion discovery: metrics.k8s.io/v1beta1');
});

test('who looks for a kind while the server is being asked waits for the answer, and a question that failed is asked again', async () => {
  const clock = new VirtualClock(0);
  let asked = 0;
  let away = true;
  const counting = {
    raw: (request: { path: string }) => {
      if (request.path === '/apis') asked++;
      return away ? Promise.reject(serviceUnavailable('away')) : client.raw(request);
    },
  } as unknown as Client;
  const kinds = new KnownKinds(counting, clock);
  const { signal } = new AbortController();
  await assert.rejects(kinds.find('', 'Pod', signal), /away/);
  away = false;
  const found = await Promise.all([kinds.find('', 'Pod', signal), kinds.find('autoscaling', 'Old', signal)]);
  assert.deepEqual(
    found.map((kind) => kind?.resource),
    ['pods', 'old'],
  );
  assert.equal(asked, 2);
  assert.equal(await kinds.find('', 'Other', signal), undefined);
  assert.equal(asked, 2, 'one that is not known is not asked for at once again');
  await clock.advance(30_000);
  await kinds.find('', 'Other', signal);
  await kinds.find('', 'Pod', signal);
  assert.equal(asked, 3);
});
