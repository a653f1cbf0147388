import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { deferred } from '../../std/lifecycle.ts';
import { type MountedVolume, VolumeSnapshots } from './volume-snapshots.ts';

const space = { usedBytes: 1, inodesUsed: 1, capacityBytes: 10, availableBytes: 9, inodes: 10, inodesFree: 9 };
const pod = { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: [], volumes: [] } };

function setUp() {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const asked: PromiseWithResolvers<readonly MountedVolume[]>[] = [];
  const volumes = new VolumeSnapshots({
    paths: { root: '/nowhere', logs: '/nowhere', containerLogs: '/nowhere' },
    clock,
    periodMs: 60_000,
    mounted: () => {
      const answer = deferred<readonly MountedVolume[]>();
      asked.push(answer);
      return answer.promise;
    },
  });
  const found = async () => (await volumes.of(pod)).map(({ name }) => name);
  return { clock, asked, volumes, found };
}

test('volumes that take long to measure hold nobody up: the last that was found is told', async () => {
  const { clock, asked, found } = setUp();
  const first = found();
  await clock.advance(2000);
  assert.deepEqual(await first, [], 'nothing is known yet');
  const second = found();
  await clock.advance(2000);
  assert.deepEqual(await second, []);
  assert.equal(asked.length, 1, 'one measurement at a time');
  asked[0]!.resolve([{ name: 'a', space }]);
  assert.deepEqual(await found(), ['a']);

  await clock.advance(61_000);
  const stale = found();
  await clock.advance(2000);
  assert.deepEqual(await stale, ['a']);
  asked[1]!.resolve([{ name: 'b', space }]);
  assert.deepEqual(await found(), ['b']);
  assert.equal(clock.pending, 0);
});

test('what cannot be measured is told to who waits, and measured anew for the next', async () => {
  const { asked, found } = setUp();
  const first = found();
  asked[0]!.reject(new Error('the disk is broken'));
  await assert.rejects(first, /the disk is broken/);
  const second = found();
  asked[1]!.resolve([{ name: 'a', space }]);
  assert.deepEqual(await second, ['a']);
});
