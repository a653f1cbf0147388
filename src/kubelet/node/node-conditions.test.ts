import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1NodeCondition } from '../../api/gen/types.ts';
import { conditionChanges, type NodeHealth, nodeConditions } from './node-conditions.ts';
import { START_MS, WELL } from './node-facts.test-support.ts';

test('conditions keep the time of their last change', () => {
  const first = nodeConditions(undefined, WELL, START_MS);
  const second = nodeConditions(first, WELL, START_MS + 60_000);
  assert.equal(second[3]!.lastTransitionTime, first[3]!.lastTransitionTime);
  assert.notEqual(second[3]!.lastHeartbeatTime, first[3]!.lastHeartbeatTime);
});

test('events tell how conditions came to be: all of a new node, then what changed', () => {
  const at = (health: NodeHealth, before?: V1NodeCondition[]) => nodeConditions(before, health, 0);
  const fresh = at(WELL);
  assert.deepEqual(conditionChanges(undefined, fresh), [
    'NodeHasSufficientMemory',
    'NodeHasNoDiskPressure',
    'NodeHasSufficientPID',
    'NodeReady',
  ]);
  const worse = at({ ...WELL, diskPressure: true, shuttingDown: true }, fresh);
  assert.deepEqual(conditionChanges(fresh, worse), ['NodeHasDiskPressure', 'NodeNotReady']);
  assert.deepEqual(conditionChanges(worse, worse), []);
});
