import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { until } from '../../../test/harness/until.ts';
import type { V1Pod, V1Secret } from '../../api/gen/types.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { PodPartError } from '../pods/pod-parts.ts';
import type { ImageService, RegistryCredentials, RuntimeImage } from '../runtime/runtime-abilities.ts';
import { createPodImages } from './pod-images.ts';
import { needsVerification } from './pull-access.ts';
import { PullBackoff } from './pull-backoff.ts';
import { PullQueue } from './pull-queue.ts';

const START_MS = Date.UTC(2026, 0, 1);
const never = () => new AbortController().signal;

/** A runtime that has what was pulled from a registry with one password for all that is private. */
function fakeImages() {
  const local = new Map<string, RuntimeImage>();
  const pulls: { reference: string; credentials: RegistryCredentials | undefined }[] = [];
  const fake = {
    local,
    pulls,
    password: 'right',
    failure: undefined as Error | undefined,
    hold: undefined as Promise<void> | undefined,
    add(reference: string) {
      const id = `sha256:${reference}`;
      local.set(reference, { id, repoTags: [reference], repoDigests: [], sizeBytes: 1234, pinned: false });
      return id;
    },
  };
  const images: ImageService = {
    list: async () => [...local.values()],
    find: async (reference) => local.get(reference) ?? [...local.values()].find(({ id }) => id === reference),
    async pull(reference, credentials, signal) {
      pulls.push({ reference, credentials });
      if (fake.hold !== undefined)
        await Promise.race([
          fake.hold,
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        ]);
      if (fake.failure) throw fake.failure;
      if (reference.includes('private') && credentials?.password !== fake.password)
        throw new Error(`${reference}: authorization failed`);
      return fake.add(reference);
    },
    remove: async (reference) => void local.delete(reference),
    filesystems: async () => ({ images: [], containers: [] }),
  };
  return { ...fake, fake, images };
}

async function setUp(settings: Record<string, unknown> = {}) {
  const directory = await temporaryDirectory();
  const clock = new VirtualClock(START_MS);
  const events: string[] = [];
  const { fake, images } = fakeImages();
  const secrets = new Map<string, V1Secret>();
  const create = () =>
    createPodImages({
      context: {
        configuration: completeConfiguration(settings),
        paths: { root: directory.path, logs: '', containerLogs: '' },
        events: {
          event: (subject, type, reason, message) => events.push(`${subject.fieldPath ?? 'pod'} ${type} ${reason} ${message}`),
          flush: async () => undefined,
        },
        clock,
        logger: silentLogger,
      },
      images,
      home: directory.file('home'),
      objects: {
        secret: async (namespace, name) => {
          const found = secrets.get(`${namespace}/${name}`);
          if (!found) throw notFound({ group: '', resource: 'secrets' }, name);
          return found;
        },
      },
    });
  const addSecret = (namespace: string, name: string, password: string) =>
    secrets.set(`${namespace}/${name}`, {
      metadata: { namespace, name, uid: `uid-${namespace}-${name}` },
      type: 'kubernetes.io/dockerconfigjson',
      data: {
        '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { 'reg.test': { username: 'u', password } } })).toString(
          'base64',
        ),
      },
    });
  let podImages = create();
  const ensure = (
    image: string,
    {
      policy,
      secret,
      namespace = 'n',
      uid = 'u1',
      signal = never(),
    }: { policy?: string; secret?: string; namespace?: string; uid?: string; signal?: AbortSignal } = {},
  ) => {
    const container = { name: 'c', image, ...(policy && { imagePullPolicy: policy }) };
    const pod: V1Pod = {
      metadata: { name: 'p', namespace, uid },
      spec: { containers: [container], ...(secret && { imagePullSecrets: [{ name: secret }] }) },
    };
    return podImages.ensure(pod, container, signal);
  };
  const restart = async () => {
    podImages = create();
    await podImages.recover();
  };
  return {
    directory,
    clock,
    events,
    fake,
    ensure,
    addSecret,
    restart,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

const reasonIs = (reason: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PodPartError, String(error));
  assert.equal(error.reason, reason);
  assert.match(error.message, message);
  return true;
};

test('an image that is not there is pulled, and told of in upstream’s words', async () => {
  await using it = await setUp();
  assert.deepEqual(await it.ensure('app:1'), { imageRef: 'sha256:app:1' });
  assert.deepEqual(it.events, [
    'spec.containers{c} Normal Pulling Pulling image "app:1"',
    'spec.containers{c} Normal Pulled Successfully pulled image "app:1" in 0s (0s including waiting). Image size: 1234 bytes.',
  ]);
  it.events.length = 0;
  await it.ensure('app:1', { uid: 'u2' });
  assert.deepEqual(it.events, [
    'spec.containers{c} Normal Pulled Container image "app:1" already present on machine and can be accessed by the pod',
  ]);
  assert.equal(it.fake.pulls.length, 1);
});

test('the policy decides: always asks the registry, never does not', async () => {
  await using it = await setUp();
  await it.ensure('app');
  await it.ensure('app');
  assert.deepEqual(
    it.fake.pulls.map(({ reference }) => reference),
    ['app:latest', 'app:latest'],
  );
  assert.deepEqual(await it.ensure('app', { policy: 'Never' }), { imageRef: 'sha256:app:latest' });
  await assert.rejects(
    it.ensure('other', { policy: 'Never' }),
    reasonIs('ErrImageNeverPull', /^Container image "other" is not present with pull policy of Never$/),
  );
  assert.deepEqual(it.events.slice(-2), [
    'spec.containers{c} Warning ErrImageNeverPull Container image "other" is not present with pull policy of Never',
    'spec.containers{c} Warning Failed Error: ErrImageNeverPull',
  ]);
  assert.equal(it.fake.pulls.length, 2);
});

test('a name that is none is refused before anybody is asked', async () => {
  await using it = await setUp();
  await assert.rejects(
    it.ensure('Bad'),
    reasonIs(
      'InvalidImageName',
      /^Failed to apply default image tag "Bad": couldn't parse image name "Bad": invalid reference format: repository name \(library\/Bad\) must be lowercase$/,
    ),
  );
  assert.match(it.events[0]!, /InspectFailed Failed to apply default image tag "Bad"/);
  assert.equal(it.fake.pulls.length, 0);
});

test('a pull that fails is tried again after 10 s, 20 s and so on; meanwhile the last failure is told', async () => {
  await using it = await setUp();
  it.fake.failure = new Error('not found');
  await assert.rejects(it.ensure('app:1'), reasonIs('ErrImagePull', /^not found$/));
  await assert.rejects(
    it.ensure('app:1'),
    reasonIs('ImagePullBackOff', /^Back-off pulling image "app:1": ErrImagePull: not found$/),
  );
  assert.deepEqual(it.events, [
    'spec.containers{c} Normal Pulling Pulling image "app:1"',
    'spec.containers{c} Warning Failed Failed to pull image "app:1": not found',
    'spec.containers{c} Warning Failed Error: ErrImagePull',
    'spec.containers{c} Normal BackOff Back-off pulling image "app:1"',
    'spec.containers{c} Warning Failed Error: ImagePullBackOff',
  ]);
  await it.clock.advance(10_000);
  await assert.rejects(it.ensure('app:1'), reasonIs('ErrImagePull', /./));
  await it.clock.advance(19_999);
  await assert.rejects(it.ensure('app:1'), reasonIs('ImagePullBackOff', /./));
  it.fake.failure = undefined;
  await it.clock.advance(1);
  assert.deepEqual(await it.ensure('app:1'), { imageRef: 'sha256:app:1' });
});

test('back-off grows to five minutes, and is forgotten after ten without a failure', () => {
  const backoff = new PullBackoff();
  let nowMs = 0;
  for (const delay of [10, 20, 40, 80, 160, 300, 300]) {
    backoff.failed('k', 'm', nowMs);
    assert.ok(backoff.waiting('k', nowMs + delay * 1000 - 1), String(delay));
    nowMs += delay * 1000;
    assert.equal(backoff.waiting('k', nowMs), undefined);
  }
  nowMs += 600_001;
  backoff.failed('other', 'm', nowMs);
  backoff.failed('k', 'm', nowMs);
  assert.equal(backoff.waiting('k', nowMs + 10_000), undefined);
});

test('the runtime’s two errors with a reason of their own keep it', async () => {
  await using it = await setUp();
  it.fake.failure = new Error('RegistryUnavailable: dial tcp: refused');
  await assert.rejects(
    it.ensure('app:1'),
    reasonIs('RegistryUnavailable', /^image pull failed for app:1 because the registry is unavailable: dial tcp: refused$/),
  );
});

test('secrets are tried in turn, and those that are missing told of', async () => {
  await using it = await setUp();
  it.addSecret('n', 'good', 'right');
  await assert.rejects(
    it.ensure('reg.test/private:1', { secret: 'none', uid: 'a' }),
    reasonIs('ErrImagePull', /authorization failed/),
  );
  assert.equal(
    it.events[0],
    'pod Warning FailedToRetrieveImagePullSecret Unable to retrieve some image pull secrets (none); attempting to pull the image may not succeed.',
  );
  await it.ensure('reg.test/private:1', { secret: 'good', uid: 'b' });
  assert.deepEqual(it.fake.pulls.at(-1)!.credentials, { username: 'u', password: 'right' });
});

test('a private image that is on the node is only for those who may pull it, also after a restart', async () => {
  await using it = await setUp();
  it.addSecret('n', 'good', 'right');
  it.addSecret('m', 'copy', 'right');
  it.addSecret('m', 'bad', 'wrong');
  const image = 'reg.test/private:1';
  await it.ensure(image, { secret: 'good' });
  await it.restart();
  const refused = { uid: 'x', namespace: 'm' };
  await assert.rejects(it.ensure(image, refused), reasonIs('ErrImagePull', /authorization failed/));
  await assert.rejects(it.ensure(image, { ...refused, policy: 'Never' }), reasonIs('ErrImageNeverPull', /is not present/));
  await assert.rejects(
    it.ensure(image, { ...refused, uid: 'y', secret: 'bad' }),
    reasonIs('ErrImagePull', /authorization failed/),
  );
  const before = it.fake.pulls.length;
  await it.ensure(image, { namespace: 'm', secret: 'copy', uid: 'z' });
  await it.ensure(image, { secret: 'good' });
  assert.equal(it.fake.pulls.length, before, 'the same credentials need no registry');
  // The secret has changed since; it is the one that opened the image.
  it.addSecret('n', 'good', 'changed');
  await it.ensure(image, { secret: 'good' });
  assert.equal(it.fake.pulls.length, before);
  const files = await readdir(it.directory.file('image_manager', 'pulled'));
  const record = await readFile(it.directory.file('image_manager', 'pulled', files[0]!), 'utf8');
  assert.equal(/right|changed/.test(record), false, 'no password is written down');
  assert.deepEqual(await readdir(it.directory.file('image_manager', 'pulling')), []);
});

test('images that were on the node before are for everybody, unless the policy says otherwise', async () => {
  await using it = await setUp();
  it.fake.add('reg.test/private:1');
  await it.ensure('reg.test/private:1');
  assert.equal(it.fake.pulls.length, 0);
  await using strict = await setUp({ imagePullCredentialsVerificationPolicy: 'AlwaysVerify' });
  strict.fake.add('reg.test/private:1');
  await assert.rejects(strict.ensure('reg.test/private:1'), reasonIs('ErrImagePull', /authorization failed/));
  const rule = { policy: 'NeverVerifyAllowlistedImages', allowlist: ['reg.test/base/*', 'reg.test/one'] };
  const verified = ['reg.test/base/x', 'reg.test/one', 'reg.test/one/two', 'reg.test/basement'].map((name) =>
    needsVerification(rule, name, false),
  );
  assert.deepEqual(verified, [false, false, true, true]);
  assert.equal(needsVerification({ policy: 'NeverVerify', allowlist: [] }, 'x/y', true), false);
});

test('a kubelet that ended in a pull does not take the image for one of the node’s', async () => {
  await using it = await setUp();
  it.addSecret('n', 'good', 'right');
  it.fake.hold = new Promise(() => undefined);
  const life = new AbortController();
  const pulling = it.ensure('reg.test/private:1', { secret: 'good', signal: life.signal });
  await until('the pull has begun', () => it.fake.pulls.length === 1);
  const [intent] = await readdir(it.directory.file('image_manager', 'pulling'));
  const saved = await readFile(it.directory.file('image_manager', 'pulling', intent!));
  life.abort(new Error('stopped'));
  await assert.rejects(pulling, /stopped/);
  // As a kill would have left it: the intent is there, and the runtime has finished.
  await writeFile(it.directory.file('image_manager', 'pulling', intent!), saved);
  it.fake.add('reg.test/private:1');
  it.fake.hold = undefined;
  await it.restart();
  await assert.rejects(it.ensure('reg.test/private:1', { uid: 'other' }), reasonIs('ErrImagePull', /authorization failed/));
});

test('a record that cannot be read opens nothing', async () => {
  await using it = await setUp();
  it.addSecret('n', 'good', 'right');
  await it.ensure('reg.test/private:1', { secret: 'good' });
  const [file] = await readdir(it.directory.file('image_manager', 'pulled'));
  await writeFile(it.directory.file('image_manager', 'pulled', file!), '{');
  await assert.rejects(it.ensure('reg.test/private:1', { uid: 'other' }), reasonIs('ErrImagePull', /authorization failed/));
});

test('pods that want the same image at once share one pull, which goes on as long as one of them waits', async () => {
  await using it = await setUp();
  const hold = Promise.withResolvers<void>();
  it.fake.hold = hold.promise;
  const life = new AbortController();
  const pulls = ['a', 'b', 'c'].map((uid) => it.ensure('app:1', { uid, ...(uid === 'a' && { signal: life.signal }) }));
  await until('the pull has begun', () => it.fake.pulls.length === 1);
  life.abort(new Error('gone'));
  await assert.rejects(pulls[0]!, /gone/);
  hold.resolve();
  assert.deepEqual(await Promise.all(pulls.slice(1)), [{ imageRef: 'sha256:app:1' }, { imageRef: 'sha256:app:1' }]);
  assert.equal(it.fake.pulls.length, 1);
});

/** How many pulls run at a time, and the most there were. */
function counting() {
  const gates: (() => void)[] = [];
  const state = { now: 0, most: 0, gates };
  const pull: ImageService['pull'] = async (reference, _credentials, signal) => {
    state.most = Math.max(state.most, ++state.now);
    try {
      await new Promise<void>((resolve, reject) => {
        gates.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    } finally {
      state.now--;
    }
    return reference;
  };
  return { state, pull };
}

test('pulls go one by one, some at a time, or all at once', async () => {
  for (const [limit, most] of [
    [{ serial: true }, 1],
    [{ serial: false, mostAtOnce: 2 }, 2],
    [{ serial: false }, 4],
  ] as const) {
    const { state, pull } = counting();
    const queue = new PullQueue({ images: { pull }, qps: 0, burst: 1, clock: new VirtualClock(0), ...limit });
    const done = Promise.all(['a', 'b', 'c', 'd'].map((image) => queue.pull(image, [], '', never())));
    const ended = done.then(() => true);
    await until('all are pulled', async () => {
      state.gates.shift()?.();
      return Promise.race([ended, new Promise((resolve) => setImmediate(resolve, false))]);
    });
    assert.equal(state.most, most);
    assert.deepEqual(
      (await done).map(({ imageRef }) => imageRef),
      ['a', 'b', 'c', 'd'],
    );
  }
});

test('a pull that nobody waits for is ended, whether it runs or waits its turn', async () => {
  const { state, pull } = counting();
  const queue = new PullQueue({ images: { pull }, qps: 0, burst: 1, clock: new VirtualClock(0), serial: true });
  const [first, second] = [new AbortController(), new AbortController()];
  const pulls = [queue.pull('a', [], '', first.signal), queue.pull('b', [], '', second.signal)];
  await until('the first runs', () => state.now === 1);
  second.abort(new Error('second gone'));
  first.abort(new Error('first gone'));
  await assert.rejects(pulls[0]!, /first gone/);
  await assert.rejects(pulls[1]!, /second gone/);
  await until('it has ended', () => state.now === 0);
  const third = queue.pull('c', [], '', never());
  await until('the third runs', () => state.gates.length === 2);
  state.gates[1]!();
  assert.equal((await third).imageRef, 'c');
  assert.equal(state.most, 1);
});

test('registries are not asked more often than the limit says', async () => {
  const clock = new VirtualClock(START_MS);
  const queue = new PullQueue({ images: { pull: async (reference) => reference }, qps: 1, burst: 2, clock, serial: false });
  const results = await Promise.allSettled(['a', 'b', 'c'].map((image) => queue.pull(image, [], '', never())));
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  );
  assert.match((results[2] as PromiseRejectedResult).reason.message, /^pull QPS exceeded$/);
  await clock.advance(1000);
  assert.equal((await queue.pull('c', [], '', never())).imageRef, 'c');
});

test('failures of all credentials are told together, each once', async () => {
  const failures = ['no', 'no', 'never'];
  const pull = async () => Promise.reject(new Error(failures.shift()));
  const queue = new PullQueue({ images: { pull }, qps: 0, burst: 1, clock: new VirtualClock(0), serial: false });
  await assert.rejects(queue.pull('a', [{}, {}, {}], 'x', never()), { message: '[no, never]' });
});

test('credentials on the node itself are for all of its pods', async () => {
  await using it = await setUp();
  const config = (password: string) => JSON.stringify({ auths: { 'reg.test': { username: 'node', password } } });
  await mkdir(it.directory.file('home', '.docker'), { recursive: true });
  await writeFile(it.directory.file('home', '.docker', 'config.json'), config('right'));
  const image = 'reg.test/private:1';
  await it.ensure(image);
  await it.ensure(image, { namespace: 'm', uid: 'other' });
  assert.deepEqual(it.fake.pulls, [{ reference: image, credentials: { username: 'node', password: 'right' } }]);
  await writeFile(it.directory.file('config.json'), config('wrong'));
  await assert.rejects(it.ensure('reg.test/private:2'), reasonIs('ErrImagePull', /authorization failed/));
  await writeFile(it.directory.file('config.json'), '{');
  await it.ensure('reg.test/private:3');
});

test('a pull that cannot be noted does not begin', async () => {
  await using it = await setUp();
  await mkdir(it.directory.file('image_manager'));
  await writeFile(it.directory.file('image_manager', 'pulling'), 'in the way');
  const why = /^Failed to record image pull intent for container image "app:1": /;
  await assert.rejects(it.ensure('app:1'), reasonIs('ErrImagePull', why));
  assert.equal(it.fake.pulls.length, 0);
  await rm(it.directory.file('image_manager', 'pulling'));
  await it.ensure('app:1');
});
