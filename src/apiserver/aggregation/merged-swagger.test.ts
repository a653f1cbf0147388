import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1APIService } from '../../api/gen/types.ts';
import { MergedSwagger } from './merged-swagger.ts';

const service = { spec: { group: 'g', version: 'v1' } } as V1APIService;

test('the merged document is made once of the same parts, and again of others', async () => {
  const swagger = new MergedSwagger();
  let made = 0;
  const of = async (key: string, document: object) =>
    String(
      await swagger.of(key, [{ service, document: document as Record<string, never> }], async () => Buffer.from(`${++made}`)),
    );
  const [first, second] = [{}, {}];
  assert.deepEqual(await Promise.all([of('a', first), of('a', first), of('b', first)]), ['1', '1', '2']);
  assert.deepEqual([await of('a', second), await of('a', second), await of('b', first)], ['3', '3', '2']);
  for (const key of ['c', 'd', 'e', 'f']) await of(key, first);
  assert.equal(await of('a', second), '8');
});

test('what failed is tried again', async () => {
  const swagger = new MergedSwagger();
  await assert.rejects(swagger.of('a', [], () => Promise.reject(new Error('no'))));
  assert.equal(String(await swagger.of('a', [], async () => Buffer.from('made'))), 'made');
});
