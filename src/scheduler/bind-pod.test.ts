import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../client/create-client.ts';
import { createTestTransport } from '../client/test-transport.ts';
import { bindPod } from './bind-pod.ts';
import type { Extender } from './framework/extender.ts';
import { podInfoOf } from './pod-info.ts';
import { pod } from './scheduling.test-support.ts';

async function bind(...extenders: Partial<Extender>[]): Promise<string[]> {
  const done: string[] = [];
  const transport = createTestTransport(({ method, path }) => {
    done.push(`${method} ${path.replace(/pods\/.*\//, 'pods/NAME/')}`);
    return { body: '{}' };
  });
  const client = createClient({ transport, userAgent: 'test' });
  const all = extenders.map(
    (given, i): Extender => ({
      name: `e${i}`,
      ignorable: false,
      isInterested: () => true,
      ...given,
      ...(given.bind && {
        bind: (...args) => {
          done.push(`e${i}`);
          return given.bind!(...args);
        },
      }),
    }),
  );
  await bindPod(podInfoOf(pod()), 'n', { client, extenders: all, signal: new AbortController().signal });
  return done;
}

const binds = () => Promise.resolve();
const fails = () => Promise.reject(new Error('out of order'));
const BINDING = 'POST /api/v1/namespaces/default/pods/NAME/binding';

test('an extender binds the pods that are its business, the API server all others', async () => {
  assert.deepEqual(await bind(), [BINDING]);
  assert.deepEqual(await bind({}, { bind: binds }), ['e1']);
  assert.deepEqual(await bind({ bind: binds, isInterested: () => false }), [BINDING]);
});

test('an extender that cannot bind fails the attempt; an ignorable one leaves it to the next', async () => {
  await assert.rejects(bind({ bind: fails }), { message: 'out of order' });
  assert.deepEqual(await bind({ bind: fails, ignorable: true }), ['e0', BINDING]);
});
