import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1APIService } from '../../api/gen/types.ts';
import { readResourceList } from './availability.ts';
import { mergeAggregated, mergeSwagger } from './merge-discovery.ts';

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

test('types that bear names of every JavaScript object are types like any other', () => {
  const added = JSON.parse(
    '{"definitions":{"__proto__":{"type":"object"},"constructor":{}},"paths":{"/apis/g/__proto__":{}}}',
  ) as object;
  const merged = mergeSwagger({ definitions: {}, paths: {} }, added, '/apis/g/');
  assert.deepEqual(Object.keys(merged.definitions!), ['__proto__', 'constructor']);
  assert.equal(Object.getPrototypeOf(merged.definitions), Object.prototype);
});
