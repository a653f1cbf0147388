import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { VolumeCalls } from './volume-calls.ts';

const NO_ANSWER = { message: 'its file system has not answered for 120 s' };

test('file systems that do not answer keep two calls, whoever asks them, and are asked again when they have answered', async () => {
  const clock = new VirtualClock(0);
  const calls = new VolumeCalls(clock);
  let begun = 0;
  const begin = (call: Promise<unknown>) => () => {
    begun++;
    return call;
  };
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const dropped: string[] = [];
  const asked = [
    calls.run('share', begin(first.promise) as () => Promise<string>, (late) => dropped.push(late)),
    calls.run('share', begin(Promise.resolve())),
    calls.run('other', begin(second.promise)),
    calls.run('healthy', begin(Promise.resolve())),
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
  await assert.rejects(calls.run('share', begin(Promise.resolve())), NO_ANSWER);
  assert.equal(begun, 2);

  first.resolve('late');
  assert.equal(await calls.run('healthy too', async () => 'looked at'), 'looked at');
  assert.deepEqual(dropped, ['late']);
  assert.equal(await calls.run('share', async () => 'again'), 'again');
  await assert.rejects(calls.run('other', begin(Promise.resolve())), NO_ANSWER);
  second.reject(new Error('nobody hears it'));
});

test('what a call fails with is told as it is', async () => {
  const calls = new VolumeCalls(new VirtualClock(0));
  const failing = () => Promise.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' }));
  await assert.rejects(calls.run('/path', failing), { code: 'ENOENT' });
  await assert.rejects(calls.run('/path', failing), { code: 'ENOENT' });
});
