import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DynamicObject } from '../../machinery/object.ts';
import { serviceAccountKind } from './service-account.ts';

test('the annotation that limits which Secrets may be mounted is outlived, which is told once', () => {
  const account = (annotations?: Record<string, string>) => ({ metadata: { name: 'a', annotations } }) as DynamicObject;
  const marked = account({ 'kubernetes.io/enforce-mountable-secrets': 'true' });
  const told = [
    'metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets',
  ];
  assert.deepEqual(serviceAccountKind.warnings?.(marked, undefined), told);
  assert.deepEqual(serviceAccountKind.warnings?.(marked, account()), told);
  assert.deepEqual(serviceAccountKind.warnings?.(marked, marked), []);
  assert.deepEqual(serviceAccountKind.warnings?.(account(), undefined), []);
});
