import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeSettings } from '../plan/proxy-plan.ts';
import { renderNftables } from './render.ts';
import type { TrafficScope } from './traffic-scope.ts';

const settings: NodeSettings = {
  family: 4,
  node: { name: 'n' },
  localTraffic: { by: 'interface', name: 'mstr-a' },
  masqueradeAll: false,
  masqueradeMark: 0x4000,
  nodePortAddresses: [],
  localhostNodePorts: false,
  conntrackLiberal: false,
};
const ruleset = (scope?: TrafficScope) => renderNftables({ settings, ports: [], problems: [] }, scope);
const rulesOf = (name: string, scope?: TrafficScope) => ruleset(scope).chains.get(name)?.rules;

test('a node’s own proxy leads all that comes by, in upstream’s table and at upstream’s hooks', () => {
  assert.equal(ruleset().table, 'kube-proxy');
  assert.deepEqual(rulesOf('nat-prerouting'), ['jump services']);
  assert.deepEqual(rulesOf('nat-output'), ['jump services']);
  assert.match(ruleset().chains.get('nat-prerouting')!.hook!, /priority -100$/);
});

test('a cluster that leads the machine’s traffic leaves other clusters’ pods alone', () => {
  const scope = { table: 'kube-proxy-a', pods: 'mstr-a', machine: true, foreignPods: 'mstr-', goesFirst: true };
  assert.equal(ruleset(scope).table, 'kube-proxy-a');
  assert.deepEqual(rulesOf('nat-prerouting', scope), ['iifname "mstr-*" iifname != "mstr-a" return', 'jump services']);
  assert.deepEqual(rulesOf('nat-output', scope), ['jump services']);
  assert.match(ruleset(scope).chains.get('nat-prerouting')!.hook!, /priority -101$/);
  assert.deepEqual(rulesOf('nat-prerouting', { table: 'kube-proxy-a', machine: true, foreignPods: 'mstr-' }), [
    'iifname "mstr-*" return',
    'jump services',
  ]);
});

test('one that does not leads its own pods’ alone, at every hook', () => {
  const scope = { table: 'kube-proxy-b', pods: 'mstr-b', machine: false };
  for (const [name, { hook, rules }] of ruleset(scope).chains) {
    if (hook === undefined || name === 'nat-postrouting') continue;
    if (hook.includes('hook output')) assert.deepEqual(rules, [], name);
    else assert.equal(rules[0], 'iifname != "mstr-b" return', name);
  }
});
