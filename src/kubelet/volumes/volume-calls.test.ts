import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMountInfo } from '../../host/mount-info.ts';
import { VirtualClock } from '../../std/clock.ts';
import { VolumeCalls } from './volume-calls.ts';

const MOUNTS = [
  '20 1 8:1 / / rw - ext4 /dev/sda1 rw',
  '30 20 0:50 / /share rw - nfs server:/data rw',
  '31 20 8:1 /other /data rw - ext4 /dev/sda1 rw',
  '32 20 0:50 /c /pods/c rw - nfs server:/data rw',
].join('\n');
const mounts = { list: async () => parseMountInfo(MOUNTS) };
const NO_ANSWER = { message: 'its file system has not answered for 120 s' };

test('file systems that do not answer keep two calls, whoever asks them, and are asked again when they have answered', async () => {
  const clock = new VirtualClock(0);
  const calls = new VolumeCalls(clock, mounts);
  let begun = 0;
  const begin = (call: Promise<unknown>) => () => {
    begun++;
    return call;
  };
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const dropped: string[] = [];
  const asked = [
    calls.run('/share/a', begin(first.promise) as () => Promise<string>, (late) => dropped.push(late)),
    calls.run('/share/b', begin(Promise.resolve())),
    calls.run('/data/other', begin(second.promise)),
    calls.run('/data/healthy', begin(Promise.resolve())),
  ];
  const ends = Promise.allSettled(asked);
  await clock.advance(119_999);
  assert.equal(begun, 2);
  await clock.advance(1);
  assert.deepEqual(
    (await ends).map((end) => end.status === 'rejected' && (end.reason as Error).message),
    [
      NO_ANSWER.message,
      NO_ANSWER.message,
      NO_ANSWER.message,
      'it was not looked at for 120 s, since file systems of other volumes of this node do not answer',
    ],
  );
  await assert.rejects(calls.run('/pods/c', begin(Promise.resolve())), NO_ANSWER);
  assert.equal(begun, 2);

  first.resolve('late');
  assert.equal(await calls.run('/sharer', async () => 'looked at'), 'looked at');
  assert.deepEqual(dropped, ['late']);
  assert.equal(await calls.run('/share', async () => 'again'), 'again');
  await assert.rejects(calls.run('/data/other', begin(Promise.resolve())), NO_ANSWER);
  second.reject(new Error('nobody hears it'));
});

test('what a call fails with is told as it is', async () => {
  const calls = new VolumeCalls(new VirtualClock(0), mounts);
  const failing = () => Promise.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' }));
  await assert.rejects(calls.run('/path', failing), { code: 'ENOENT' });
  await assert.rejects(calls.run('/path', failing), { code: 'ENOENT' });
});
