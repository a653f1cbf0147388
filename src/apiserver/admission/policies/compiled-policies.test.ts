import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdmissionMetrics } from '../../metrics/admission-metrics.ts';
import { CompiledPolicies } from './compiled-policies.ts';

function* compiling(made: string, count: () => void) {
  count();
  yield;
  return made;
}

test('a policy is compiled once for all who meet it, and not again because there is another one', async () => {
  let times = 0;
  const compile = (made: string) => () => compiling(made, () => times++);
  const policies = new CompiledPolicies<string>(undefined);
  const [one, other] = [{ failurePolicy: 'Fail' }, { failurePolicy: 'Fail' }];
  assert.deepEqual(await Promise.all([policies.of(one, compile('a')), policies.of(one, compile('b'))]), ['a', 'a']);
  assert.equal(await policies.of(other, compile('c')), 'c');
  assert.equal(await policies.of(one, compile('d')), 'a');
  assert.equal(times, 2);
});

test('how long that took is told once', async () => {
  const metrics = new AdmissionMetrics();
  const policies = new CompiledPolicies<string>(metrics);
  const spec = {};
  await policies.of(spec, () => compiling('a', () => undefined));
  await policies.of(spec, () => compiling('b', () => undefined));
  assert.match(metrics.render(), /_cel_compilation_duration_seconds_count 1\n/);
});
