import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1APIService } from '../../api/gen/types.ts';
import { readResourceList } from './availability.ts';
import { mergeAggregated, mergeGroupList, mergeSwagger } from './merge-discovery.ts';

const service: V1APIService = {
  spec: { group: 'wardle.example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 },
};

test('what an extension server says that is no resource is left out, and the rest stays', () => {
  const wrong = [null, 7, [], {}, { name: { toString: '' }, kind: 'X' }, { name: 'x', kind: [] }];
  const flunders = { name: 'flunders', kind: 'Flunder', verbs: ['get'], namespaced: true };
  const status = { name: 'flunders/status', kind: 'Flunder', verbs: ['get'] };
  const document = readResourceList({ resources: [...wrong, flunders, status] });
  const merged = mergeAggregated({ items: [] }, [{ service, document, available: true }]) as {
    items: { versions: { resources: { resource: string; subresources: { subresource: string }[] }[] }[] }[];
  };
  const [only, ...more] = merged.items[0]!.versions[0]!.resources;
  assert.deepEqual(more, []);
  assert.deepEqual([only!.resource, only!.subresources.map(({ subresource }) => subresource)], ['flunders', ['status']]);
  for (const none of [undefined, null, 'x', [], {}, { resources: {} }]) assert.equal(readResourceList(none), undefined);
});

test("an extension server's group stands where its priority puts it, among those that are served here", () => {
  const own = ['apps', 'storage.k8s.io', 'crd.example.com'];
  const of = (group: string, groupPriorityMinimum: number) => ({
    service: { spec: { group, version: 'v1', groupPriorityMinimum, versionPriority: 1 } },
    document: undefined,
    available: true,
  });
  const extensions = [of('metrics.k8s.io', 100), of('middle.example.com', 2_000), of('also.example.com', 1_000)];
  const wanted = ['apps', 'storage.k8s.io', 'middle.example.com', 'also.example.com', 'crd.example.com', 'metrics.k8s.io'];
  const listed = mergeGroupList({ groups: own.map((name) => ({ name, versions: [] })) }, extensions) as {
    groups: { name: string }[];
  };
  assert.deepEqual(
    listed.groups.map(({ name }) => name),
    wanted,
  );
  const items = own.map((name) => ({ metadata: { name }, versions: [] }));
  const all = mergeAggregated({ items }, extensions) as { items: { metadata: { name: string } }[] };
  assert.deepEqual(
    all.items.map(({ metadata }) => metadata.name),
    wanted,
  );
});

test('of versions of one priority the one that is most stable stands first, then the newest', () => {
  const versions = ['v1alpha1', 'v1', 'v2beta1', 'v10', 'v2'];
  const extensions = versions.map((version) => ({
    service: { spec: { ...service.spec!, version } },
    document: undefined,
    available: true,
  }));
  const { groups } = mergeGroupList({ groups: [] }, extensions) as { groups: { versions: { version: string }[] }[] };
  assert.deepEqual(
    groups[0]!.versions.map(({ version }) => version),
    ['v10', 'v2', 'v1', 'v2beta1', 'v1alpha1'],
  );
});

test('types that bear names of every JavaScript object are types like any other', () => {
  const added = JSON.parse(
    '{"definitions":{"__proto__":{"type":"object"},"constructor":{}},"paths":{"/apis/g/__proto__":{}}}',
  ) as object;
  const merged = mergeSwagger({ definitions: {}, paths: {} }, added, '/apis/g/');
  assert.deepEqual(Object.keys(merged.definitions!), ['__proto__', 'constructor']);
  assert.equal(Object.getPrototypeOf(merged.definitions), Object.prototype);
});
