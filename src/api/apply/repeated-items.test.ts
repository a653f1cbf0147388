import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podKind } from '../core/v1/pod.ts';
import { serviceAccountKind } from '../core/v1/service-account.ts';
import { resourceClaimKind } from '../resource/v1/resource-claim.ts';
import { Applied } from './apply-fixture.ts';

/** Items of `env` by name and value; a name may come twice, which only apply refuses. */
const pod = (...env: [string, string][]) => ({
  spec: { containers: [{ name: 'web', env: env.map(([name, value]) => ({ name, value })) }] },
});
const ENV = '.spec.containers[name="web"].env';
const ownedEnv = (applied: Applied, manager: string) =>
  applied.owned(manager).flatMap((path) => (path.startsWith(ENV) ? [path.slice(ENV.length)] : []));
const valuesOf = (applied: Applied) =>
  (applied.object['spec'] as { containers: { env: { name: string; value: string }[] }[] }).containers[0]!.env.map(
    ({ name, value }) => `${name}=${value}`,
  );

test('items that are there twice are owned as one thing, and those beside them as ever', () => {
  const applied = new Applied(podKind).write('creator', pod(['A', '1'], ['B', '1'], ['A', '2']));
  assert.deepEqual(ownedEnv(applied, 'creator'), ['', '[name="A"]', '[name="B"]', '[name="B"].name', '[name="B"].value']);
  applied.write('editor', pod(['A', '1'], ['B', '2'], ['A', '2']));
  assert.deepEqual(ownedEnv(applied, 'creator'), ['', '[name="A"]', '[name="B"]', '[name="B"].name']);
  assert.deepEqual(ownedEnv(applied, 'editor'), ['[name="B"].value']);
  applied.write('editor', pod(['A', '1'], ['B', '2'], ['A', '3']));
  assert.deepEqual(ownedEnv(applied, 'creator'), ['', '[name="B"]', '[name="B"].name']);
  assert.deepEqual(ownedEnv(applied, 'editor'), ['[name="A"]', '[name="B"].value']);
});

test('who makes two of one item owns both, and nobody what was in it', () => {
  const applied = new Applied(podKind).write('creator', pod(['A', '1'])).write('editor', pod(['A', '1'], ['A', '1']));
  assert.deepEqual(ownedEnv(applied, 'creator'), ['']);
  assert.deepEqual(ownedEnv(applied, 'editor'), ['[name="A"]']);
  applied.write('editor', pod(['A', '1']));
  assert.deepEqual(ownedEnv(applied, 'editor'), ['[name="A"]', '[name="A"].name', '[name="A"].value']);
});

test('an apply leaves what is there twice alone, and replaces it where it speaks of it', () => {
  const applied = new Applied(podKind).write('creator', pod(['A', '1'], ['B', '1'], ['A', '2']));
  applied.apply('me', pod(['C', '1']));
  assert.deepEqual(valuesOf(applied), ['A=1', 'B=1', 'A=2', 'C=1']);
  assert.deepEqual(ownedEnv(applied, 'creator'), ['', '[name="A"]', '[name="B"]', '[name="B"].name', '[name="B"].value']);
  assert.throws(() => applied.apply('me', pod(['A', '3'])), { code: 409 });
  applied.apply('me', pod(['A', '3']), { force: true });
  assert.deepEqual(valuesOf(applied), ['A=3', 'B=1']);
  assert.deepEqual(ownedEnv(applied, 'me'), ['[name="A"]', '[name="A"].name', '[name="A"].value']);
});

test('a key that an item leaves out is its default, or tells it from one that has it', () => {
  const account = new Applied(serviceAccountKind);
  assert.throws(() => account.apply('me', { secrets: [{ namespace: 'x' }] }), {
    message:
      '.secrets: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
  });
  const pulls = new Applied(podKind).apply('me', { spec: { imagePullSecrets: [{}] } });
  assert.deepEqual(pulls.owned('me'), ['.spec.imagePullSecrets[name=""]']);
  const device = { driver: 'd', device: 'a', pool: 'p' };
  const claim = new Applied(resourceClaimKind)
    .apply('one', { status: { devices: [device] } })
    .apply('other', { status: { devices: [{ ...device, shareID: 's' }] } });
  const DEVICES = '.status.devices[device="a",driver="d",pool="p"';
  assert.deepEqual(
    ['one', 'other'].map((manager) => claim.owned(manager)[0]),
    [`${DEVICES}]`, `${DEVICES},shareID="s"]`],
  );
});
