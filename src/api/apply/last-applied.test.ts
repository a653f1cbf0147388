import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DynamicObject } from '../machinery/object.ts';
import { LAST_APPLIED, refreshLastApplied } from './last-applied.ts';

const configMap = (annotations?: Record<string, string>): DynamicObject => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name: 'a', ...(annotations && { annotations }) },
  data: { b: '<1>', a: '2' },
});

test('the annotation of client-side apply follows what is applied, as Go would write it', () => {
  const object = configMap({ [LAST_APPLIED]: 'old' });
  refreshLastApplied(object, configMap());
  assert.equal(
    object.metadata.annotations?.[LAST_APPLIED],
    '{"apiVersion":"v1","data":{"a":"2","b":"\\u003c1\\u003e"},"kind":"ConfigMap","metadata":{"name":"a"}}\n',
  );
  refreshLastApplied(object, configMap({ x: 'y', [LAST_APPLIED]: 'z' }));
  assert.match(object.metadata.annotations?.[LAST_APPLIED] ?? '', /"metadata":\{"annotations":\{"x":"y"\},"name":"a"\}\}\n$/);
});

test('an object without the annotation gets none', () => {
  const object = configMap();
  refreshLastApplied(object, configMap());
  assert.equal(object.metadata.annotations, undefined);
});
