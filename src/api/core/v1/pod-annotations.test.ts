import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invalid } from '../../machinery/status-error.ts';
import { podKind } from './pod.ts';

await podKind.loadFirst?.();

const CONTEXT = { nowMs: 0, user: { name: 'system:node:n', groups: [] } };
const pod = (annotations?: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', ...(annotations && { annotations }) },
  spec: { containers: [], nodeName: 'n' },
});

test('what a mirror pod is does not change, by a write of the pod or of its status', () => {
  const mirror = pod({ 'kubernetes.io/config.mirror': 'x', a: 'b' });
  const status = podKind.parts.find(({ name }) => name === 'status');
  for (const validate of [podKind.validateUpdate, status?.validate]) {
    const details = (after: object, before: object) =>
      validate?.(after as never, before as never, CONTEXT).map(({ field, message }) => `${field}: ${message}`);
    assert.deepEqual(details(pod({ a: 'b' }), mirror), [
      'metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not remove or update mirror pod annotation',
    ]);
    assert.deepEqual(details(mirror, pod()), [
      'metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation',
    ]);
    assert.deepEqual(details(pod({ ...mirror.metadata.annotations, a: 'c' }), mirror), []);
  }
});

test('long lists are compared in the time that their length takes, and their errors told to a limit', { timeout: 30_000 }, () => {
  const many = Array.from({ length: 60_000 }, (_, i) => `n${i}`);
  const spec = (names: string[]) => ({
    containers: [],
    nodeName: 'n',
    tolerations: many.map((key) => ({ key, operator: 'Exists' })),
    schedulingGates: names.map((name) => ({ name })),
  });
  const before = { ...pod(), spec: spec([]) };
  const errors = podKind.validateUpdate?.({ ...pod(), spec: spec(many) }, before, CONTEXT) ?? [];
  assert.equal(errors.filter(({ field }) => field.startsWith('spec.schedulingGates[')).length, many.length);
  const { status } = invalid({ group: '', kind: 'Pod' }, 'p', errors);
  assert.equal(status.details?.causes?.length, 200);
  assert.match(status.message ?? '', /, and \d+ more\]$/);
});
