import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { V1ClusterRole } from '../../api/gen/types.ts';
import { calicoObjects } from './calico-rights.ts';

test('the rights that the documentation gives are those that calico-node needs', async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/calico.md'), 'utf8');
  const [, yaml = ''] = /```yaml\n([\s\S]+?)```/.exec(page) ?? [];
  const documented = parse(yaml) as V1ClusterRole;
  const role = calicoObjects({ kind: 'User', name: 'calico-node' }).find(({ kind }) => kind === 'ClusterRole');
  assert.deepEqual(documented, role);
});

test('a service account of Calico’s name comes along, another subject is the caller’s own', () => {
  const kinds = (subject: Parameters<typeof calicoObjects>[0]) => calicoObjects(subject).map(({ kind }) => kind);
  assert.ok(kinds({ kind: 'ServiceAccount', name: 'calico-node', namespace: 'kube-system' }).includes('ServiceAccount'));
  assert.ok(!kinds({ kind: 'User', name: 'calico-node' }).includes('ServiceAccount'));
});
