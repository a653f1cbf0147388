import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namespaceKind } from '../../../api/core/v1/namespace.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { ObjectReader } from '../../contracts.ts';
import { currentObjects } from './current-objects.ts';

const version = (name: string, resourceVersion: string) =>
  ({ metadata: { name, uid: name, resourceVersion } }) as object as DynamicObject;

test('what did not change is the same object when another one changes, though it is parsed anew', () => {
  let versions = { a: '1', b: '2' };
  let changed = () => {};
  const reader = {
    list: () => Object.entries(versions).map(([name, of]) => version(name, of)),
    subscribe: (_: unknown, listener: () => void) => {
      changed = listener;
      return () => {};
    },
  } as object as ObjectReader;
  const current = currentObjects(reader, [namespaceKind], (all) => all!);
  const [a, b] = current();
  versions = { a: '1', b: '3' };
  assert.equal(current()[1], b, 'asking costs nothing as long as nobody tells of a change');
  changed();
  assert.equal(current()[0], a);
  assert.deepEqual(current()[1], version('b', '3'));
});
