import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { countRuntimeOperation, createKubeletMetrics } from './kubelet-metrics.ts';
import { kubeletMetricTable } from './metric-table.ts';
import { formatMetric } from './metric-text.ts';

test('label values are escaped, so that no name can forge a line', () => {
  const text = formatMetric('m', 'gauge', 'h', [{ labels: { pod: 'a"} 1\nb\\' }, value: 1 }]);
  assert.equal(text, '# HELP m h\n# TYPE m gauge\nm{pod="a\\"} 1\\nb\\\\"} 1\n');
});

test('a metric without labels is there from the beginning, one with labels after its first use', () => {
  const metrics = createKubeletMetrics();
  const before = metrics.render('kubelet');
  assert.match(before.get('kubelet_started_pods_total')!, /\nkubelet_started_pods_total 0\n$/);
  assert.equal(before.has('kubelet_started_containers_total'), false);
  metrics.add('kubelet_started_containers_total', ['container']);
  metrics.add('kubelet_started_containers_total', ['container'], 2);
  assert.match(
    metrics.render('kubelet').get('kubelet_started_containers_total')!,
    /\nkubelet_started_containers_total\{container_type="container"\} 3\n$/,
  );
});

test('a histogram counts every value in its bucket and all above', () => {
  const metrics = createKubeletMetrics();
  for (const value of [1, 3, 16, 17]) metrics.observe('kubelet_containers_per_pod_count', value);
  assert.deepEqual(metrics.render('kubelet').get('kubelet_containers_per_pod_count')!.split('\n').slice(2, -1), [
    'kubelet_containers_per_pod_count_bucket{le="1"} 1',
    'kubelet_containers_per_pod_count_bucket{le="2"} 1',
    'kubelet_containers_per_pod_count_bucket{le="4"} 2',
    'kubelet_containers_per_pod_count_bucket{le="8"} 2',
    'kubelet_containers_per_pod_count_bucket{le="16"} 3',
    'kubelet_containers_per_pod_count_bucket{le="+Inf"} 4',
    'kubelet_containers_per_pod_count_sum 37',
    'kubelet_containers_per_pod_count_count 4',
  ]);
});

test('probes have their own page, and those of a pod that is gone leave it', () => {
  const metrics = createKubeletMetrics();
  for (const pod of ['a', 'b']) metrics.add('prober_probe_total', ['Liveness', 'successful', 'c', pod, 'ns', `uid-${pod}`]);
  assert.equal(metrics.render('kubelet').has('prober_probe_total'), false);
  metrics.remove('prober_probe_total', { pod_uid: 'uid-a' });
  const text = metrics.render('probes').get('prober_probe_total')!;
  assert.equal(text.includes('pod="a"'), false);
  assert.match(text, /pod="b",namespace="ns",pod_uid="uid-b"\} 1\n$/);
});

test('a metric does not grow without bound', () => {
  const metrics = createKubeletMetrics();
  for (let i = 0; i < 10_100; i++) metrics.add('kubelet_evictions', [`signal-${i}`]);
  assert.equal(metrics.render('kubelet').get('kubelet_evictions')!.split('\n').length, 10_000 + 3);
});

test('a call to the runtime is counted, timed, and counted as an error when it fails', async () => {
  const metrics = createKubeletMetrics();
  const clock = new VirtualClock(0);
  assert.equal(await countRuntimeOperation(metrics, clock, 'version', async () => 7), 7);
  await assert.rejects(
    countRuntimeOperation(metrics, clock, 'version', async () => {
      await clock.advance(2000);
      throw new Error('gone');
    }),
    /gone/,
  );
  const page = metrics.render('kubelet');
  assert.match(page.get('kubelet_runtime_operations_total')!, /\{operation_type="version"\} 2\n/);
  assert.match(page.get('kubelet_runtime_operations_errors_total')!, /\{operation_type="version"\} 1\n/);
  assert.match(page.get('kubelet_runtime_operations_duration_seconds')!, /_sum\{operation_type="version"\} 2\n/);
});

test('bounds of histograms ascend, and only histograms have any', () => {
  for (const [name, { type, ...rest }] of Object.entries(kubeletMetricTable)) {
    const buckets = 'buckets' in rest ? (rest.buckets ?? []) : [];
    assert.equal(buckets.length > 0, type === 'histogram', name);
    assert.deepEqual(
      [...buckets].sort((a, b) => a - b),
      [...buckets],
      name,
    );
  }
});
