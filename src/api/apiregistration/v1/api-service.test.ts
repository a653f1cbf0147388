import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DynamicObject } from '../../machinery/object.ts';
import { renderTable } from '../../machinery/table.ts';
import { apiServiceKind } from './api-service.ts';

test('a table tells of a group version whether it is served, and by whom', () => {
  const cells = (fields: object) => {
    const object = { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: 'v1.a' }, ...fields };
    return renderTable(apiServiceKind, [object as DynamicObject], { nowMs: 0 }).rows[0]!.cells.slice(1, 3);
  };
  const available = (condition: object) => ({ status: { conditions: [{ type: 'Available', ...condition }] } });
  assert.deepEqual(cells({}), ['Local', 'Unknown']);
  assert.deepEqual(cells({ spec: { service: { namespace: 'a', name: 'b' } } }), ['a/b', 'Unknown']);
  assert.deepEqual(cells(available({ status: 'True' })), ['Local', 'True']);
  assert.deepEqual(cells(available({ status: 'False', reason: 'MissingEndpoints' })), ['Local', 'False (MissingEndpoints)']);
  assert.deepEqual(cells(available({ status: 'Unknown' })), ['Local', 'Unknown ()']);
});
