/** Why a pod may not be evicted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1PodDisruptionBudgetStatus } from '../../gen/types.ts';
import type { StatusError } from '../../machinery/status-error.ts';
import { takeFromBudget } from './disruption.ts';

function causeOf(status: Partial<V1PodDisruptionBudgetStatus>): string | undefined {
  const whole = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, ...status };
  try {
    takeFromBudget({ metadata: { name: 'b' }, status: whole }, 'p', 0);
  } catch (error) {
    return (error as StatusError).status.details?.causes?.[0]?.message;
  }
  return undefined;
}

const condition = (reason: string, message: string) => ({
  type: 'DisruptionAllowed',
  status: 'False',
  reason,
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

test('a budget that allows none says why: it could not count, too few are healthy, or what its condition says', () => {
  const enough = { currentHealthy: 3, desiredHealthy: 2 };
  const current = 'does not allow evicting pods currently';
  const cases: [string, Partial<V1PodDisruptionBudgetStatus>, string][] = [
    ['too few', { currentHealthy: 2, desiredHealthy: 2 }, 'needs 2 healthy pods and has 2 currently'],
    ['no count', { ...enough, conditions: [condition('SyncFailed', 'why')] }, `${current} because it failed sync: why`],
    [
      'no count, and nothing said of it',
      { conditions: [condition('SyncFailed', '')] },
      'needs 0 healthy pods and has 0 currently',
    ],
    ['enough, and yet', { ...enough, conditions: [condition('Odd', 'why')] }, `${current} (Odd): why`],
    ['enough, and nothing said of it', { ...enough, conditions: [condition('InsufficientPods', '')] }, current],
  ];
  for (const [what, status, cause] of cases) assert.equal(causeOf(status), `The disruption budget b ${cause}`, what);
  assert.equal(causeOf({ disruptionsAllowed: 1 }), undefined);
});
