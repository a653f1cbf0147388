import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { V1Deployment, V1ReplicaSet } from '../../api/gen/types.ts';
import { fenceposts } from './replica-numbers.ts';
import { newReplicaSet, templateHash } from './replica-sets.ts';
import { planNewest, planOld, planScaling } from './scaling-plan.ts';

const deployment = (replicas: number, maxSurge: number | string, maxUnavailable: number | string) =>
  ({
    metadata: { name: 'web', uid: 'd' },
    spec: { replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } }, template: {} },
  }) as unknown as V1Deployment;

let made = 0;
const set = (replicas: number, available = replicas, max?: number) =>
  ({
    metadata: {
      name: `s${++made}`,
      uid: `u${made}`,
      creationTimestamp: new Date(made * 1000).toISOString(),
      annotations: max === undefined ? {} : { 'deployment.kubernetes.io/max-replicas': String(max) },
    },
    spec: { replicas },
    status: { replicas, availableReplicas: available },
  }) as unknown as V1ReplicaSet;

test('shares of pods round up for what may be too many and down for what may be missing, but one of them is never 0', () => {
  assert.deepEqual(fenceposts(deployment(10, '25%', '25%')), { maxSurge: 3, maxUnavailable: 2 });
  assert.deepEqual(fenceposts(deployment(1, '25%', '25%')), { maxSurge: 1, maxUnavailable: 0 });
  assert.deepEqual(fenceposts(deployment(5, 0, '10%')), { maxSurge: 0, maxUnavailable: 1 });
});

test('pods that are not available anyway go first', () => {
  const broken = set(3, 0);
  const good = set(7, 7);
  const newest = set(0, 0);
  const plan = planOld(deployment(10, 2, 2), [broken, good, newest], newest, [broken, good]);
  assert.deepEqual(
    plan.map(({ set: { metadata }, replicas }) => [metadata?.uid, replicas]),
    [[broken.metadata?.uid, 1]],
  );
});

test('while an old set still tells of pods that it was told to give up, nothing more goes', () => {
  const stale = set(8, 10);
  const newest = set(2, 2);
  assert.deepEqual(planOld(deployment(10, 0, 2), [stale, newest], newest, [stale]), []);
  const broken = set(1, 0);
  const plan = planOld(deployment(10, 0, 2), [broken, stale, newest], newest, [stale, broken].reverse());
  assert.deepEqual(
    plan.map(({ set: { metadata } }) => metadata?.uid),
    [],
    'nor from sets that came later',
  );
});

test('pods of a set that was told to have none do not count as available', () => {
  const [ending, old, newest] = [set(0, 2), set(4, 4), set(0, 0)];
  const plan = planOld(deployment(3, 0, 1), [ending, old, newest], newest, [ending, old]);
  assert.deepEqual(
    plan.map(({ set: { metadata }, replicas }) => [metadata?.uid, replicas]),
    [[old.metadata?.uid, 2]],
  );
});

test('in the middle of a rollout all sets grow by their share of what they could be before', () => {
  const old = set(9, 9, 15);
  const newest = set(6, 6, 15);
  const plan = planScaling(deployment(20, 5, 0), newest, [old]);
  assert.deepEqual(
    plan.map(({ set: { metadata }, replicas }) => [metadata?.uid, replicas]),
    [
      [old.metadata?.uid, 15],
      [newest.metadata?.uid, 10],
    ],
  );
});

test('the only set with pods gets all, and a set that has all leaves nothing to others', () => {
  const only = set(3);
  assert.deepEqual(planScaling(deployment(7, 1, 0), only, [set(0)]), [{ set: only, replicas: 7 }]);
  const newest = set(4);
  newest.metadata!.annotations = { 'deployment.kubernetes.io/desired-replicas': '4' };
  const left = set(2);
  assert.deepEqual(planScaling(deployment(4, 1, 0), newest, [left]), [{ set: left, replicas: 0 }]);
});

test('a rollout that is stepped through never has too many pods nor too few, and comes to its end', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 12 }),
      fc.oneof(
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 0, max: 100 }).map((n) => `${n}%`),
      ),
      fc.oneof(
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 0, max: 100 }).map((n) => `${n}%`),
      ),
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 5 }),
      (replicas, surge, unavailable, delays) => {
        const wanted = deployment(replicas, surge, unavailable);
        const limits = fenceposts(wanted);
        let old = set(replicas);
        let newest = set(0);
        for (let step = 0; step < 500; step++) {
          const up = planNewest(wanted, [old, newest], newest);
          const steps = up ? [up] : planOld(wanted, [old, newest], newest, [old]);
          for (const { set: scaled, replicas: count } of steps) {
            const changed = { ...scaled, spec: { ...scaled.spec, replicas: count } } as V1ReplicaSet;
            // Surplus pods end at once; new ones become available some steps later.
            changed.status = { replicas: count, availableReplicas: Math.min(scaled.status?.availableReplicas ?? 0, count) };
            if (scaled === old) old = changed;
            else newest = changed;
          }
          const all = (old.spec?.replicas ?? 0) + (newest.spec?.replicas ?? 0);
          const available = (old.status?.availableReplicas ?? 0) + (newest.status?.availableReplicas ?? 0);
          assert.ok(all <= replicas + limits.maxSurge, `${all} pods of ${replicas}`);
          assert.ok(available >= replicas - limits.maxUnavailable, `${available} available of ${replicas}`);
          if (newest.spec?.replicas === replicas && newest.status?.availableReplicas === replicas && old.spec?.replicas === 0)
            return;
          if (
            step % (1 + delays[step % delays.length]!) === 0 &&
            (newest.status?.availableReplicas ?? 0) < newest.spec!.replicas!
          )
            newest = { ...newest, status: { ...newest.status!, availableReplicas: (newest.status?.availableReplicas ?? 0) + 1 } };
        }
        assert.fail('the rollout does not end');
      },
    ),
  );
});

test('a set is named by its template: the order of fields does not matter, a collision does', () => {
  const a = { metadata: { labels: { a: '1', b: '2' } }, spec: { containers: [] } } as never;
  const b = { spec: { containers: [] }, metadata: { labels: { b: '2', a: '1' } } } as never;
  assert.equal(templateHash(a, undefined), templateHash(b, undefined));
  assert.notEqual(templateHash(a, undefined), templateHash(a, 1));
  assert.match(templateHash(a, undefined), /^[bcdfghjklmnpqrstvwxz2456789]{10}$/);
  const { metadata, spec } = newReplicaSet(deployment(3, 1, 0), 2, 4n);
  assert.equal(metadata?.annotations?.['deployment.kubernetes.io/revision'], '4');
  assert.equal(metadata?.annotations?.['deployment.kubernetes.io/max-replicas'], '4');
  assert.equal(spec?.replicas, 2);
});
