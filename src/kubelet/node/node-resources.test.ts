import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeConfiguration } from '../configuration/defaults.ts';
import { facts, machine, START_MS, WELL } from './node-facts.test-support.ts';
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

test('a node tells how much swap its machine has, and nothing of it where there is none', () => {
  const swapOf = (activeSwaps: readonly string[]) =>
    newNode({ ...facts(), machine: { ...machine, activeSwaps } }, WELL, START_MS).status!.nodeInfo!.swap;
  assert.deepEqual(swapOf(['/dev/vdb partition 524284 0 -2', '/swap\\040file file 1048576 0 -3']), { capacity: 1_610_608_640 });
  assert.equal(swapOf([]), undefined);
  assert.equal(swapOf(['']), undefined);
});
