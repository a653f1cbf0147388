import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { until } from '../../../test/harness/until.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { completeConfiguration } from '../configuration/defaults.ts';
import { createKubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import type { RuntimeImage } from '../runtime/runtime-abilities.ts';
import { bytesToFree, removableImages } from './collection-plan.ts';
import { createImageCollector } from './image-collector.ts';
import { imageSizeBucket } from './image-size-bucket.ts';
import { nodeImages } from './node-images.ts';
import { volumeImages } from './volume-images.ts';

const START_MS = Date.UTC(2026, 0, 1);
const MB = 1_000_000;

const image = (id: string, extra: Partial<RuntimeImage> = {}): RuntimeImage => ({
  ...{ id, repoTags: [`${id}:1`], repoDigests: [`${id}@sha256:0`], sizeBytes: 10 * MB, pinned: false },
  ...extra,
});

function setUp(settings: Record<string, unknown> = {}) {
  const clock = new VirtualClock(START_MS);
  const events: string[] = [];
  const metrics = createKubeletMetrics();
  const state = {
    images: [] as RuntimeImage[],
    containers: [] as string[],
    volumes: [] as string[],
    usage: { capacityBytes: 1000 * MB, availableBytes: 900 * MB },
    stuck: '',
    forgotten: [] as string[][],
  };
  const collector = createImageCollector({
    context: {
      configuration: completeConfiguration(settings),
      events: {
        event: (subject, type, reason, message) => events.push(`${subject.metadata?.name} ${type} ${reason} ${message}`),
        flush: async () => undefined,
      },
      metrics,
      nodeName: 'node1',
      clock,
      logger: silentLogger,
    },
    runtime: {
      list: async () => ({
        sandboxes: [],
        containers: state.containers.map((name) => ({ id: name, image: name, imageId: name }) as RuntimeContainer),
      }),
    },
    images: {
      list: async () => state.images,
      find: async () => undefined,
      pull: async () => '',
      filesystems: async () => ({ images: [], containers: [] }),
      remove: async (id) => {
        if (id === state.stuck) throw new Error(`${id} is stuck`);
        state.images = state.images.filter((one) => one.id !== id);
      },
    },
    records: { forgetOthers: async (ids) => void state.forgotten.push([...ids]) },
    alsoInUse: () => state.volumes,
    diskUsage: async () => state.usage,
  });
  const left = () => state.images.map(({ id }) => id).join('');
  const full = (percent: number) => {
    state.usage = { capacityBytes: 1000 * MB, availableBytes: (1000 - 10 * percent) * MB };
  };
  return { clock, events, metrics, state, collector, left, full };
}

test('below the high mark nothing goes; above it the longest unused go until the low mark is reached', async () => {
  const { clock, state, collector, left, full } = setUp({ imageGCHighThresholdPercent: 85, imageGCLowThresholdPercent: 82 });
  state.images = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => image(id, { sizeBytes: 20 * MB }));
  state.containers = ['a:1', 'b'];
  await collector.collect();
  await clock.advance(180_000);
  full(84);
  await collector.collect();
  assert.equal(left(), 'abcdef');
  // `b` was used until now, `c` as a volume; `a` is.
  state.containers = ['a:1'];
  state.volumes = ['c@sha256:0'];
  full(85);
  await collector.collect();
  assert.equal(left(), 'abcf');
  assert.deepEqual(state.forgotten.at(-1), ['a', 'b', 'c', 'f']);
});

test('young, pinned and used images stay, and the node tells that it could not free enough', async () => {
  const { clock, events, state, collector, left, full } = setUp();
  state.images = [image('used'), image('pinned', { pinned: true }), image('old')];
  state.containers = ['used'];
  await collector.collect();
  await clock.advance(180_000);
  state.images = [...state.images, image('young')];
  full(90);
  await assert.rejects(collector.collect(), /Attempted to free 100000000 bytes, but only found 10000000 bytes eligible to free/);
  assert.equal(left(), 'usedpinnedyoung');
  assert.match(events[0]!, /^node1 Warning FreeDiskSpaceFailed Failed to garbage collect required amount of images/);
});

test('a full node gets rid of all that nobody uses', async () => {
  const { clock, state, collector, left } = setUp();
  state.images = [image('a'), image('b'), image('c')];
  state.containers = ['b'];
  await collector.collect();
  await clock.advance(180_000);
  state.stuck = 'a';
  await assert.rejects(collector.removeUnused(), /freed 10000000 bytes space with errors in image deletion: a is stuck/);
  assert.equal(left(), 'ab');
  state.stuck = '';
  assert.equal(await collector.removeUnused(), 10 * MB);
  assert.equal(left(), 'b');
  assert.deepEqual(
    collector.images.map(({ id }) => id),
    ['b'],
  );
});

test('images older than the limit go however much room there is, once the kubelet has watched for so long', async () => {
  const { clock, metrics, state, collector, left } = setUp({ imageMaximumGCAge: '1h' });
  state.images = [image('a'), image('b')];
  state.containers = ['b'];
  await collector.collect();
  await clock.advance(3_600_000);
  await collector.collect();
  assert.equal(left(), 'ab');
  await clock.advance(1);
  await collector.collect();
  assert.equal(left(), 'b');
  const counted = metrics.render('kubelet').get('kubelet_image_garbage_collected_total');
  assert.match(counted ?? '', /kubelet_image_garbage_collected_total\{reason="age"\} 1/);
});

test('a disk without numbers is told of, and collecting that fails again and again too', async () => {
  const { clock, events, state, collector } = setUp();
  state.usage = { capacityBytes: 0, availableBytes: 0 };
  const life = new AbortController();
  await collector.start(life.signal);
  await until('it failed once', () => events.length === 1);
  await clock.advance(300_000);
  await until('it failed twice', () => events.length === 3);
  assert.deepEqual(events, [
    'node1 Warning InvalidDiskCapacity invalid capacity 0 on image filesystem',
    'node1 Warning InvalidDiskCapacity invalid capacity 0 on image filesystem',
    'node1 Warning ImageGCFailed invalid capacity 0 on image filesystem',
  ]);
  life.abort(new DOMException('stopped', 'AbortError'));
  await collector.done;
  assert.equal(clock.pending, 0);
});

test('the list of images is kept up', async () => {
  const { clock, state, collector } = setUp({ imageGCHighThresholdPercent: 100 });
  const life = new AbortController();
  state.images = [image('a')];
  await collector.start(life.signal);
  assert.equal(collector.images.length, 1);
  state.images = [image('a'), image('b')];
  await clock.advance(30_000);
  await until('it has been looked at', () => collector.images.length === 2);
  life.abort();
  await collector.done;
});

test('what goes was not used at the last look, and is enough when all together are', () => {
  const history = fc.record({
    id: fc.string({ minLength: 1 }),
    sizeBytes: fc.nat(100),
    pinned: fc.boolean(),
    firstSeenMs: fc.nat(50),
    lastUsedMs: fc.nat(50),
  });
  fc.assert(
    fc.property(fc.array(history), fc.integer({ min: 1, max: 60 }), (images, nowMs) => {
      const removable = removableImages(images, nowMs);
      assert.ok(removable.every(({ pinned, lastUsedMs }) => !pinned && lastUsedMs! < nowMs));
      assert.deepEqual(
        removable.map(({ lastUsedMs }) => lastUsedMs),
        removable.map(({ lastUsedMs }) => lastUsedMs!).sort((a, b) => a - b),
      );
    }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.nat(10_000),
      fc.nat(100),
      fc.nat(100),
      (capacityBytes, availableBytes, one, other) => {
        const [lowPercent = 0, highPercent = 0] = [one, other].sort((a, b) => a - b);
        const wanted = bytesToFree({ capacityBytes, availableBytes }, { lowPercent, highPercent });
        const free = Math.min(availableBytes, capacityBytes) + wanted;
        assert.ok(wanted >= 0 && (wanted === 0 || free <= capacityBytes));
      },
    ),
  );
});

test('a node tells of its largest images, by at most five names each', () => {
  const images = [
    image('small', { sizeBytes: 1 }),
    image('large', { sizeBytes: 3 }),
    image('many', { sizeBytes: 2, repoTags: ['1', '2', '3', '4', '5', '6'] }),
  ];
  assert.deepEqual(nodeImages(images, 2), [
    { names: ['large@sha256:0', 'large:1'], sizeBytes: 3 },
    { names: ['many@sha256:0', '1', '2', '3', '4'], sizeBytes: 2 },
  ]);
  assert.equal(nodeImages(images, -1).length, 3);
  assert.deepEqual(nodeImages(images, 0), []);
});

test('images of volumes are known by the names of the runtime’s list', () => {
  const references = ['busybox', 'reg.test/app:1', `reg.test/app@sha256:${'a'.repeat(64)}`, 'No Name', ''];
  const volumes = references.map((reference) => ({ name: 'v', image: { reference } }));
  assert.deepEqual(volumeImages([{ spec: { containers: [], volumes: [...volumes, { name: 'e', emptyDir: {} }] } }, {}]), [
    'docker.io/library/busybox:latest',
    'reg.test/app:1',
    `reg.test/app@sha256:${'a'.repeat(64)}`,
  ]);
});

test('durations of pulls are counted by the size of the image', () => {
  const sizes = [0, 1, 10 << 20, (10 << 20) + 1, (1 << 30) + 1, 101 * (1 << 30)];
  assert.deepEqual(sizes.map(imageSizeBucket), ['N/A', '0-10MB', '0-10MB', '10MB-100MB', '1GB-5GB', 'GT100GB']);
});
