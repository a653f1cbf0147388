import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { until as untilTime } from '../../../../test/harness/until.ts';
import { podKind } from '../../../api/core/v1/pod.ts';
import type { V1Pod } from '../../../api/gen/types.ts';
import { VirtualClock } from '../../../std/clock.ts';
import { completeConfiguration } from '../../configuration/defaults.ts';
import { recordingLogger, until } from '../../testing/cluster-of-one.ts';
import { FakeApi } from '../../testing/fake-api.ts';
import { parseManifest, type StaticPodOptions } from './static-pod.ts';
import { createStaticPods } from './static-pods.ts';

const OPTIONS: StaticPodOptions = { source: 'file', origin: '/m/web.yaml', nodeName: 'node1', nowMs: Date.UTC(2026, 0, 1) };
const yaml = (name = 'web', image = 'nginx') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n  containers: [{name: c, image: ${image}}]\n`;
const parse = async (text: string, more: Partial<StaticPodOptions> = {}) =>
  (await parseManifest(text, { ...OPTIONS, ...more }))[0]!;

test('a static pod has the node in its name, a uid of what it is, and upstream’s annotations and defaults', async () => {
  const pod = await parse(yaml());
  const { name, namespace, uid, annotations } = pod.metadata!;
  assert.equal(name, 'web-node1');
  assert.equal(namespace, 'default');
  assert.match(uid!, /^[0-9a-f]{32}$/);
  assert.deepEqual(annotations, {
    'kubernetes.io/config.hash': uid,
    'kubernetes.io/config.seen': '2026-01-01T00:00:00.000Z',
    'kubernetes.io/config.source': 'file',
  });
  assert.equal(pod.spec?.nodeName, 'node1');
  assert.equal(pod.spec?.restartPolicy, 'Always');
  assert.deepEqual(pod.spec?.tolerations, [{ effect: 'NoExecute', operator: 'Exists' }]);
  assert.equal((await parse(yaml(), { nowMs: 0 })).metadata?.uid, uid, 'the same manifest is the same pod');
  assert.notEqual((await parse(yaml('web', 'other'))).metadata?.uid, uid);
  assert.notEqual((await parse(yaml(), { origin: '/m/b.yaml' })).metadata?.uid, uid);
  assert.equal(
    (await parse(JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: pod.spec }))).metadata?.name,
    name,
  );
});

test('what is no pod, or needs the API server, is refused by name', async () => {
  const cases: [string, RegExp][] = [
    ['', /holds no object/],
    ['kind: [', /./],
    ['apiVersion: v1\nkind: Service\n', /holds a Service and not a Pod/],
    ['apiVersion: apps/v1\nkind: Pod\n', /no kind "Pod" is registered for version "apps\/v1"/],
    [yaml().replace('{name: web}', '{}'), /metadata\.name: Required value/],
    [yaml('a', '""'), /spec\.containers\[0\]\.image: Required value/],
    [`${yaml()}  serviceAccountName: x\n`, /may not reference serviceaccounts/],
    [`${yaml()}  volumes: [{name: v, configMap: {name: c}}]\n`, /may not reference configmaps/],
    [`${yaml()}  volumes: [{name: v, projected: {sources: [{secret: {name: c}}]}}]\n`, /may not reference secrets/],
    [`${yaml()}  volumes: [{name: v, csi: {driver: a.example}}]\n`, /may not reference csidrivers \(via CSI volumes\)/],
    [`${yaml()}  volumes: [{name: v, rbd: {monitors: [m], image: i, secretRef: {name: s}}}]\n`, /may not reference secrets$/],
  ];
  for (const [text, message] of cases) await assert.rejects(parse(text), message, text);
  const list = JSON.stringify({
    apiVersion: 'v1',
    kind: 'PodList',
    items: [{ metadata: { name: 'a' }, spec: (await parse(yaml())).spec }],
  });
  await assert.rejects(parse(list), /not a Pod/);
  assert.equal((await parse(list, { source: 'http', origin: 'http://x' })).metadata?.name, 'a-node1');
});

test('no text makes the parser do anything but answer or refuse', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((json) => `{"apiVersion":"v1","kind":"Pod","spec":${json}}`),
      ),
      async (text) => {
        try {
          assert.ok(Array.isArray(await parseManifest(text, OPTIONS)));
        } catch (error) {
          assert.ok(error instanceof Error && error.message.length > 0);
        }
      },
    ),
    { verbose: 1 },
  );
});

async function setUp(t: TestContext, settings: Record<string, unknown> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'muster-static-'));
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const api = new FakeApi(clock);
  const { logger, lines } = recordingLogger();
  const life = new AbortController();
  const told: string[] = [];
  let started = false;
  const pods = createStaticPods({
    client: api.client(),
    nodeName: 'node1',
    node: () => ({ metadata: { name: 'node1', uid: 'node-uid' } }),
    configuration: completeConfiguration({ staticPodPath: directory, ...settings }),
    events: { event: (_subject, _type, reason, message) => void told.push(`${reason} ${message}`), flush: async () => undefined },
    clock,
    logger,
  })!;
  t.after(async () => {
    life.abort(new DOMException('stopped', 'AbortError'));
    if (started) await pods.done;
    await rm(directory, { recursive: true });
  });
  const names = () =>
    pods
      .list()
      .map(({ metadata }) => metadata?.name)
      .sort();
  const look = async () => {
    await clock.advance(20_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const start = () => {
    started = true;
    return pods.start(life.signal);
  };
  /** Looks until then: files and sockets take their own time, whatever the clock. */
  const lookUntil = (what: string, condition: () => boolean) =>
    untilTime(what, async () => {
      await look();
      return condition();
    });
  return { directory, api, pods, names, told, lines, look, lookUntil, start };
}

test('manifests of a directory come and go; a broken one is told once and keeps what it had', async (t) => {
  const { directory, pods, names, told, lines, look, lookUntil, start } = await setUp(t);
  const file = (name: string) => join(directory, name);
  await writeFile(file('a.yaml'), yaml('a'));
  await writeFile(file('.hidden.yaml'), yaml('hidden'));
  await mkdir(file('sub'));
  await start();
  assert.deepEqual(names(), ['a-node1']);
  const changes: string[] = [];
  pods.onChange((uid) => changes.push(uid));
  await writeFile(file('a.yaml'), 'kind: [');
  await writeFile(file('b.yaml'), yaml('b'));
  await lookUntil('there are two pods', () => names().length === 2);
  await look();
  assert.deepEqual(names(), ['a-node1', 'b-node1']);
  assert.equal(told.length, 1);
  assert.match(told[0]!, /^FailedStaticPodManifest .*a\.yaml: /);
  assert.equal(lines.filter((line) => line.startsWith("E Can't process manifest file")).length, 1);
  assert.equal(changes.length, 1);
  await rm(file('b.yaml'));
  await lookUntil('there is one pod', () => names().length === 1);
  assert.deepEqual(names(), ['a-node1']);
});

test('an URL is asked with its headers; when it cannot be read the pods stay', async (t) => {
  let answer = { status: 200, body: yaml('web') };
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers['x-test'] as string | undefined);
    response.writeHead(answer.status).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const staticPodURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pods`;
  const { names, lookUntil, start } = await setUp(t, {
    staticPodPath: undefined,
    staticPodURL,
    staticPodURLHeader: { 'X-Test': ['yes'] },
  });
  await start();
  assert.deepEqual(names(), ['web-node1']);
  assert.equal(asked[0], 'yes');
  answer = { status: 500, body: '' };
  await lookUntil('it is asked again', () => asked.length >= 2);
  assert.deepEqual(names(), ['web-node1']);
  answer = { status: 200, body: yaml('other') };
  await lookUntil('the other pod is there', () => names()[0] === 'other-node1');
});

test('a mirror is made, made anew when it is of another pod, and deleted without one', async (t) => {
  const { api, pods } = await setUp(t);
  const pod = await parse(yaml());
  await pods.mirror(pod, undefined);
  const mirror = api.find<V1Pod>('pods', 'web-node1', 'default')!;
  assert.equal(mirror.metadata?.annotations?.['kubernetes.io/config.mirror'], pod.metadata?.uid);
  assert.deepEqual(mirror.metadata?.ownerReferences, [
    { apiVersion: 'v1', kind: 'Node', name: 'node1', uid: 'node-uid', controller: true },
  ]);
  const calls = api.calls.length;
  await pods.mirror(pod, mirror);
  assert.equal(api.calls.length, calls, 'what is as it should be is left alone');
  const changed = await parse(yaml('web', 'other'));
  await pods.mirror(changed, mirror);
  assert.equal(api.find<V1Pod>('pods', 'web-node1', 'default')?.spec?.containers[0]?.image, 'other');
  await pods.mirror(undefined, api.find<V1Pod>('pods', 'web-node1', 'default'));
  await until(() => !api.find(podKind.resource, 'web-node1', 'default'), 'the mirror gone');
});
