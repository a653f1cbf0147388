import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeConfiguration } from '../configuration/defaults.ts';
import { facts, START_MS, WELL } from './node-facts.test-support.ts';
import { newNode } from './node-plan.ts';
import { nodeAllocatable } from './node-resources.ts';

test('allocatable is capacity less what is reserved and what must stay free', () => {
  const node = newNode(
    facts({ systemReserved: { cpu: '500m', memory: '1Gi' }, kubeReserved: { cpu: '500m' }, maxPods: 220, podsPerCore: 10 }),
    WELL,
    START_MS,
  );
  const { capacity, allocatable } = node.status!;
  assert.deepEqual([capacity!['cpu'], capacity!['memory'], capacity!['pods']], ['4', '8388608Ki', '40']);
  assert.deepEqual([allocatable!['cpu'], allocatable!['memory'], allocatable!['pods']], ['3', '7068Mi', '40']);
});

test('reserved CPUs are counted each once, and go before reserved amounts of CPU', () => {
  const allocatable = (settings: Record<string, unknown>) =>
    nodeAllocatable(
      { cpu: '8' },
      completeConfiguration({ kubeReserved: { cpu: '500m' }, systemReserved: { cpu: '1' }, ...settings }),
    )['cpu'];
  assert.equal(allocatable({}), '6500m');
  assert.equal(allocatable({ reservedSystemCPUs: '0-1,1,7' }), '5');
});
