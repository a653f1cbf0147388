import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1ClusterRole, V1PolicyRule } from '../../api/gen/types.ts';
import { planAggregatedRules } from './plan.ts';

const rule = (resource: string): V1PolicyRule => ({ apiGroups: [''], resources: [resource], verbs: ['get'] });
const part = (name: string, label: string, ...rules: V1PolicyRule[]): V1ClusterRole => ({
  metadata: { name, labels: { [label]: 'true' } },
  rules,
});
const whole = (rules: V1PolicyRule[] = []): V1ClusterRole => ({
  metadata: { name: 'view' },
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { 'to-view': 'true' } }] },
  rules,
});

test('an aggregated role has the rules of all that match, in order of name, each once', () => {
  const roles = [
    part('b', 'to-view', rule('pods'), rule('secrets')),
    part('a', 'to-view', rule('pods')),
    part('c', 'to-edit', rule('nodes')),
  ];
  assert.deepEqual(planAggregatedRules(whole(), roles), [rule('pods'), rule('secrets')]);
  assert.equal(planAggregatedRules(whole([rule('pods'), rule('secrets')]), roles), undefined);
});

test('a role that matches no more takes its rules with it', () => {
  assert.deepEqual(planAggregatedRules(whole([rule('pods')]), []), []);
});

test('other roles are left alone', () => {
  assert.equal(planAggregatedRules(part('x', 'to-view', rule('pods')), []), undefined);
});
