import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V2HorizontalPodAutoscalerSpec } from '../../api/gen/types.ts';
import { limitReplicas, ScaleHistory } from './scale-limits.ts';

const target = { kind: 'Deployment', name: 'web' };
const plain: V2HorizontalPodAutoscalerSpec = { scaleTargetRef: target, minReplicas: 2, maxReplicas: 100 };

/** One sync after the other, the target following; answers the last. */
function run(
  spec: V2HorizontalPodAutoscalerSpec,
  start: number,
  wishes: readonly (readonly [atSeconds: number, desired: number])[],
) {
  const history = new ScaleHistory();
  history.begin(start, 0);
  let current = start;
  let reasons: string[] = [];
  for (const [atSeconds, desired] of wishes) {
    const nowMs = atSeconds * 1000;
    const limited = limitReplicas({ spec, current, desired, history, nowMs, downscaleStabilizationMs: 300_000 });
    history.scaled(current, limited.replicas, spec, nowMs);
    current = limited.replicas;
    reasons = limited.conditions.map(({ status, reason }) => `${reason} ${status}`);
  }
  return { current, reasons };
}

test('without behaviour a workload at most doubles at a time, and stays within its bounds', () => {
  assert.deepEqual(run(plain, 3, [[1, 50]]), { current: 6, reasons: ['ReadyForNewScale True', 'ScaleUpLimit True'] });
  assert.deepEqual(run({ ...plain, maxReplicas: 5 }, 3, [[1, 50]]).reasons[1], 'TooManyReplicas True');
  assert.deepEqual(run(plain, 3, [[400, 1]]), { current: 2, reasons: ['ReadyForNewScale True', 'TooFewReplicas True'] });
  assert.deepEqual(run(plain, 3, [[1, 4]]).reasons, ['ReadyForNewScale True', 'DesiredWithinRange False']);
});

test('a workload shrinks only when the highest wish of the last five minutes lets it', () => {
  assert.deepEqual(run(plain, 10, [[60, 4]]), { current: 10, reasons: ['ScaleDownStabilized True', 'DesiredWithinRange False'] });
  assert.equal(
    run(plain, 10, [
      [60, 8],
      [200, 4],
      [301, 4],
    ]).current,
    8,
  );
  assert.equal(
    run(plain, 10, [
      [60, 8],
      [200, 4],
      [361, 4],
    ]).current,
    4,
  );
});

const withUp = (policies: object[], more: object = {}): V2HorizontalPodAutoscalerSpec =>
  ({
    ...plain,
    behavior: {
      scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies, ...more },
      scaleDown: {
        stabilizationWindowSeconds: 0,
        selectPolicy: 'Max',
        policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
      },
    },
  }) as V2HorizontalPodAutoscalerSpec;
const pods = (value: number, periodSeconds = 60) => ({ type: 'Pods', value, periodSeconds });
const percent = (value: number, periodSeconds = 60) => ({ type: 'Percent', value, periodSeconds });

test('policies say how many may come in a period; the larger counts unless the smaller is chosen', () => {
  assert.deepEqual(run(withUp([pods(4), percent(10)]), 10, [[1, 50]]), {
    current: 14,
    reasons: ['ReadyForNewScale True', 'ScaleUpLimit True'],
  });
  assert.equal(run(withUp([pods(4), percent(10)], { selectPolicy: 'Min' }), 10, [[1, 50]]).current, 11);
  assert.equal(
    run(withUp([pods(4)]), 10, [
      [1, 50],
      [30, 50],
    ]).current,
    14,
  );
  assert.equal(
    run(withUp([pods(4)]), 10, [
      [1, 50],
      [62, 50],
    ]).current,
    18,
  );
  assert.equal(run(withUp([pods(4)], { selectPolicy: 'Disabled' }), 10, [[1, 50]]).current, 10);
});

const withDown = (policies: object[], more: object = {}): V2HorizontalPodAutoscalerSpec =>
  ({
    ...plain,
    behavior: {
      scaleUp: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [pods(100, 15)] },
      scaleDown: { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies, ...more },
    },
  }) as V2HorizontalPodAutoscalerSpec;

test('policies say how many may go in a period', () => {
  assert.deepEqual(run(withDown([pods(2), percent(10)]), 50, [[1, 10]]), {
    current: 45,
    reasons: ['ReadyForNewScale True', 'ScaleDownLimit True'],
  });
  assert.equal(run(withDown([pods(2), percent(10)], { selectPolicy: 'Min' }), 50, [[1, 10]]).current, 48);
  assert.equal(run(withDown([pods(2)], { selectPolicy: 'Disabled' }), 50, [[1, 10]]).current, 50);
  assert.equal(run(withDown([pods(60)]), 50, [[1, 1]]).reasons[1], 'TooFewReplicas True');
});

test('windows of their own steady growth and shrinking', () => {
  const up = withUp([pods(100)], { stabilizationWindowSeconds: 60 });
  assert.deepEqual(run(up, 10, [[30, 20]]).reasons[0], 'ScaleUpStabilized True');
  assert.equal(
    run(up, 10, [
      [30, 20],
      [70, 30],
    ]).current,
    20,
  );
  const down = withDown([percent(100)], { stabilizationWindowSeconds: undefined });
  assert.deepEqual(run(down, 10, [[30, 5]]), { current: 10, reasons: ['ScaleDownStabilized True', 'DesiredWithinRange False'] });
  assert.equal(run(down, 10, [[301, 5]]).current, 5, 'the flag’s window counts where the spec has none');
});
