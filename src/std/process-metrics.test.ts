import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processMetrics } from './process-metrics.ts';

test('what a process has used is a counter, what it holds a gauge, as Go’s client library has them', () => {
  const text = processMetrics(0)
    .map((metric) => metric.render())
    .join('');
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm))
    assert.equal(type, name.endsWith('_total') ? 'counter' : 'gauge', name);
  assert.match(text, /^process_cpu_seconds_total [\d.e-]+$/m);
});
