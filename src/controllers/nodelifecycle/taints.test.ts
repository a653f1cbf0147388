import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node, V1Taint } from '../../api/gen/types.ts';
import { applyJsonPatch } from '../../api/patch/json-patch.ts';
import { type EvictionMode, planTaints, planTaintsPatch } from './taints.ts';

const T0 = Date.parse('2026-01-01T00:00:00Z');
const node = (ready: string | undefined, taints: V1Taint[] = [], spec: object = {}): V1Node => ({
  metadata: { name: 'n' },
  spec: { taints, ...spec },
  status: { conditions: ready ? [{ type: 'Ready', status: ready }] : [] },
});
const taint = (key: string, effect: string): V1Taint => ({ key: `node.kubernetes.io/${key}`, effect });
const foreign: V1Taint = { key: 'dedicated', value: 'x', effect: 'NoSchedule' };

const table: [string, V1Node, EvictionMode, string[] | undefined][] = [
  ['ready and clean', node('True'), 'keep', undefined],
  [
    'ready loses ours, keeps others',
    node('True', [taint('not-ready', 'NoSchedule'), taint('unreachable', 'NoExecute'), foreign]),
    'keep',
    ['dedicated:NoSchedule'],
  ],
  ['not ready', node('False'), 'keep', ['node.kubernetes.io/not-ready:NoSchedule']],
  [
    'not ready, evicting',
    node('False'),
    'evict',
    ['node.kubernetes.io/not-ready:NoSchedule', 'node.kubernetes.io/not-ready:NoExecute'],
  ],
  ['silent', node('Unknown'), 'keep', ['node.kubernetes.io/unreachable:NoSchedule']],
  [
    'not ready then silent: both taints are swapped',
    node('Unknown', [taint('not-ready', 'NoSchedule'), taint('not-ready', 'NoExecute')]),
    'keep',
    ['node.kubernetes.io/unreachable:NoSchedule', 'node.kubernetes.io/unreachable:NoExecute'],
  ],
  [
    'all nodes down: nobody is evicted',
    node('Unknown', [taint('unreachable', 'NoSchedule'), taint('unreachable', 'NoExecute')]),
    'never',
    ['node.kubernetes.io/unreachable:NoSchedule'],
  ],
  ['cordoned', node('True', [], { unschedulable: true }), 'keep', ['node.kubernetes.io/unschedulable:NoSchedule']],
  ['no word yet', node(undefined), 'evict', undefined],
];
for (const [title, input, mode, expected] of table)
  test(`taints: ${title}`, () => {
    const planned = planTaints(input, mode, T0);
    assert.deepEqual(
      planned?.map((t) => `${t.key}:${t.effect}`),
      expected,
    );
    for (const added of planned ?? [])
      if (!input.spec?.taints?.includes(added)) assert.equal(added.timeAdded, '2026-01-01T00:00:00Z');
  });

test('pressure conditions are taints too', () => {
  const pressed: V1Node = { metadata: {}, status: { conditions: [{ type: 'DiskPressure', status: 'True' }] } };
  assert.deepEqual(
    planTaints(pressed, 'keep', T0)?.map((t) => t.key),
    ['node.kubernetes.io/disk-pressure'],
  );
});

test('a patch of taints fits a node that others have changed elsewhere, and none whose taints have changed', () => {
  const seen = node('True', [taint('not-ready', 'NoSchedule'), foreign]);
  const patch = planTaintsPatch(seen, [foreign]);
  const labelled = { ...seen, metadata: { ...seen.metadata, labels: { a: 'b' }, resourceVersion: '9' } };
  assert.deepEqual(applyJsonPatch(labelled, patch).spec?.taints, [foreign]);
  assert.throws(() => applyJsonPatch(node('True', [foreign]), patch), { code: 422 });
});

test('a patch of taints fits a node that has none, even no spec, and takes the list away with the last', () => {
  const added = taint('unreachable', 'NoSchedule');
  const bare: V1Node = { metadata: { name: 'n' } };
  assert.deepEqual(applyJsonPatch(bare, planTaintsPatch(bare, [added])).spec?.taints, [added]);
  const tainted = node('True', [added]);
  assert.equal('taints' in applyJsonPatch(tainted, planTaintsPatch(tainted, [])).spec!, false);
});
