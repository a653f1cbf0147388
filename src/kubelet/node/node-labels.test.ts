import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkNodeLabels } from './node-labels.ts';

test('a node may not give itself labels of Kubernetes’ own', () => {
  checkNodeLabels({
    'node.kubernetes.io/x': '',
    'kubelet.kubernetes.io/y': '',
    'topology.kubernetes.io/zone': 'a',
    'example.com/z': '',
  });
  assert.throws(
    () => checkNodeLabels({ 'node-role.kubernetes.io/master': '' }),
    /unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: \[node-role.kubernetes.io\/master\]/,
  );
});
