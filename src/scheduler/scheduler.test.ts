import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node, V1Pod, V1PodSpec } from '../api/gen/types.ts';
import { createClient } from '../client/create-client.ts';
import { createTestTransport, type TestAnswer } from '../client/test-transport.ts';
import type { TransportRequest } from '../client/transport/transport.ts';
import { VirtualClock } from '../std/clock.ts';
import { silentLogger } from '../std/logger.ts';
import { createDefaultProfile } from './framework/default-profile.ts';
import type { Plugin } from './framework/plugin.ts';
import { createNodeResourcesFit, DEFAULT_FIT } from './plugins/node-resources.ts';
import { CPU_AND_MEMORY } from './plugins/resource-scoring.ts';
import { createScheduler, type SchedulerOptions } from './scheduler.ts';
import { asking, labelled, node, pod } from './scheduling.test-support.ts';

/** What its watchers are told, as it comes. */
class Feed implements AsyncIterable<Uint8Array> {
  #waiting: (() => void) | undefined;
  readonly #lines: string[] = [];
  #ended = false;

  send(type: string, object: object): void {
    this.#lines.push(`${JSON.stringify({ type, object })}\n`);
    this.#waiting?.();
  }

  end(): void {
    this.#ended = true;
    this.#waiting?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (!this.#ended) {
      const line = this.#lines.shift();
      if (line) yield Buffer.from(line);
      else
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
    }
  }
}

/** A scheduler before a server that has nodes and pods, and answers writes as the test says. */
async function start(
  nodes: V1Node[],
  pods: V1Pod[],
  onWrite: (request: TransportRequest) => TestAnswer | Promise<TestAnswer> = () => ({ body: '{}' }),
  options: Pick<SchedulerOptions, 'profiles'> = {},
) {
  const clock = new VirtualClock(Date.parse('2026-01-01T00:00:00Z'));
  const feeds = new Map<string, Feed>();
  const lists: Record<string, object[]> = { '/api/v1/nodes': nodes, '/api/v1/pods': pods };
  const writes: { method: string; path: string; body: string }[] = [];
  let version = 1;
  const transport = createTestTransport((request) => {
    const { pathname, searchParams } = new URL(request.path, 'http://server');
    if (request.method !== 'GET') {
      writes.push({ method: request.method, path: pathname, body: String(request.body) });
      return onWrite(request);
    }
    if (searchParams.get('watch') !== 'true' && searchParams.get('watch') !== '1')
      return { body: JSON.stringify({ apiVersion: 'v1', metadata: { resourceVersion: '1' }, items: lists[pathname] ?? [] }) };
    const feed = new Feed();
    feeds.set(pathname, feed);
    return { body: feed };
  });
  const client = createClient({ transport, userAgent: 'test' });
  const events: string[] = [];
  const recorder = {
    event: (_subject: object, _type: string, reason: string, message: string) => void events.push(`${reason}: ${message}`),
    flush: () => Promise.resolve(),
  };
  const scheduler = createScheduler({ client, events: recorder, clock, logger: silentLogger, random: () => 0.5, ...options });
  const controller = new AbortController();
  await scheduler.start(controller.signal);
  const settle = async (ms = 0) => {
    for (let i = 0; i < 10; i++) await clock.advance(0);
    await clock.advance(ms);
    for (let i = 0; i < 10; i++) await clock.advance(0);
  };
  await settle();
  return {
    scheduler,
    writes,
    events,
    settle,
    tell: async (path: string, type: string, object: V1Node | V1Pod) => {
      const metadata = { ...object.metadata, resourceVersion: String(++version) };
      feeds.get(path)!.send(type, { ...object, metadata });
      await settle();
    },
    async [Symbol.asyncDispose]() {
      controller.abort(new DOMException('test ended', 'AbortError'));
      for (const feed of feeds.values()) feed.end();
      await scheduler.done;
    },
  };
}

const NODES = '/api/v1/nodes';
const huge = () => {
  const base = pod(asking('3'));
  return { ...base, metadata: { ...base.metadata, name: 'huge', uid: 'huge' } };
};

test('a pod that fits nowhere is written to once, however often it is refused with the same words', async () => {
  await using run = await start([node('n')], [huge()]);
  const statusWrites = () => run.writes.filter(({ path }) => path.endsWith('/pods/huge/status'));
  assert.equal(statusWrites().length, 1);
  const { status } = JSON.parse(statusWrites()[0]!.body) as V1Pod;
  const words =
    '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.';
  assert.deepEqual(
    status?.conditions?.map(({ type, reason, message }) => [type, reason, message]),
    [['PodScheduled', 'Unschedulable', words]],
  );
  await run.tell('/api/v1/pods', 'MODIFIED', { ...huge(), status: status! });
  await run.settle(300_000);
  assert.equal(run.events.filter((event) => event === `FailedScheduling: ${words}`).length, 2, 'it was tried a second time');
  assert.equal(statusWrites().length, 1);
});

test('heartbeats and nodes that are too small let nobody try again; one that is large enough does', async () => {
  await using run = await start([node('n')], [huge()]);
  await run.tell(NODES, 'MODIFIED', {
    ...node('n'),
    status: { ...node('n').status, conditions: [{ type: 'Ready', status: 'True' }] },
  });
  await run.tell(NODES, 'ADDED', node('small'));
  await run.settle(60_000);
  assert.equal(run.events.length, 1);
  await run.tell(NODES, 'ADDED', node('large', { status: { allocatable: { cpu: '8', memory: '4Gi', pods: '110' } } }));
  assert.deepEqual(run.events.slice(1), ['Scheduled: Successfully assigned default/huge to large']);
});

test('a pod that no event let be tried again, and that then gets a place, is counted', async () => {
  let refusals = 1;
  const secret: Plugin = {
    name: 'Secret',
    planFilter: () => ({ filter: () => (refusals-- > 0 ? { reasons: ['not now'], unresolvable: true } : undefined) }),
    mayHelp: () => false,
  };
  const profiles = () => [{ ...createDefaultProfile(), filters: [secret] }];
  await using run = await start([node('n')], [pod(asking('1'))], undefined, { profiles });
  const counted = () => /^scheduler_pod_scheduled_after_flush_total 1$/m.test(run.scheduler.metricsText());
  await run.settle(299_000);
  assert.match(run.events.at(-1)!, /^FailedScheduling: 0\/1 nodes are available: 1 not now/);
  assert.equal(counted(), false);
  await run.settle(2000);
  assert.match(run.events.at(-1)!, /^Scheduled: /);
  assert.equal(counted(), true);
});

test('a binding that fails gives the place back, and is tried again after a second', async () => {
  let failures = 1;
  const refusal = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'InternalError', code: 500, message: 'no' };
  const onWrite = ({ path }: TransportRequest): TestAnswer =>
    path.includes('/binding') && failures-- > 0 ? { status: 500, body: JSON.stringify(refusal) } : { body: '{}' };
  await using run = await start([node('n')], [pod(asking('2'))], onWrite);
  const bindings = () => run.writes.filter(({ path }) => path.endsWith('/binding')).length;
  assert.equal(bindings(), 1);
  assert.match(run.events.join(), /^FailedScheduling: binding rejected: no/);
  await run.settle(999);
  assert.equal(bindings(), 1);
  await run.settle(1);
  assert.equal(bindings(), 2);
  assert.match(
    run.scheduler.metricsText(),
    /^scheduler_schedule_attempts_total\{profile="default-scheduler",result="scheduled"\} 1$/m,
  );
});

test('a pod that has to wait for what it needs says where it will be, and not any more when that fails', async () => {
  let failures = 1;
  let undone = 0;
  const needing: Plugin = {
    name: 'Needing',
    reserve: () => ({
      commit: () => (failures-- > 0 ? Promise.reject(new Error('none was made')) : Promise.resolve()),
      release: () => undefined,
      undo: async () => void undone++,
    }),
  };
  const profiles = () => [{ ...createDefaultProfile(), reserves: [needing] }];
  await using run = await start([node('n')], [pod(asking('1'))], undefined, { profiles });
  const nominations = () =>
    run.writes.flatMap(({ path, body }) =>
      path.endsWith('/status') ? [(JSON.parse(body) as V1Pod).status?.nominatedNodeName] : [],
    );
  assert.deepEqual(nominations(), ['n', null]);
  assert.match(run.events.join(), /^FailedScheduling: binding rejected: none was made/);
  await run.settle(1000);
  assert.deepEqual(nominations(), ['n', null, 'n']);
  assert.equal(undone, 1, 'what was written for it is taken back once');
  assert.match(run.events.at(-1)!, /^Scheduled: /);
});

test('a pod that nothing has to be made ready for is bound without being announced', async () => {
  await using run = await start([node('n')], [pod(asking('1'))]);
  assert.deepEqual(
    run.writes.map(({ path }) => path.split('/').at(-1)),
    ['binding'],
  );
});

test('victims are told why they go, and the pod takes their place when they are gone', async () => {
  const victim = { ...pod(asking('2'), 'n'), metadata: { name: 'victim', namespace: 'default', uid: 'victim' } };
  const base = pod(asking('1', { priority: 5 }));
  await using run = await start([node('n')], [victim, { ...base, metadata: { ...base.metadata, name: 'bold', uid: 'bold' } }]);
  const [nomination, disruption, deletion] = run.writes;
  assert.equal((JSON.parse(nomination!.body) as V1Pod).status?.nominatedNodeName, 'n');
  const [condition] = (JSON.parse(disruption!.body) as V1Pod).status!.conditions!;
  assert.deepEqual(
    [condition?.type, condition?.reason, condition?.message],
    ['DisruptionTarget', 'PreemptionByScheduler', 'default-scheduler: preempting to accommodate a higher priority pod'],
  );
  assert.deepEqual([deletion?.method, deletion?.path], ['DELETE', '/api/v1/namespaces/default/pods/victim']);
  assert.deepEqual(run.events, [
    'FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu.',
    'Preempted: Preempted by pod bold on node n',
  ]);
  await run.tell('/api/v1/pods', 'DELETED', victim);
  await run.settle(1000);
  assert.equal(run.events.at(-1), 'Scheduled: Successfully assigned default/bold to n');
});

test('for a pod that goes while it is looked where room could be made, nobody is sent away and no room is kept', async () => {
  const named = (name: string, spec: Partial<V1PodSpec>, nodeName?: string): V1Pod => ({
    ...pod(spec, nodeName),
    metadata: { name, namespace: 'default', uid: name },
  });
  const bold = named('bold', asking('2', { priority: 5 }));
  let gone: Promise<void> | undefined;
  const long: Plugin = {
    name: 'Long',
    planFilter: () => ({
      filter({ pods }) {
        if (pods.size > 0 || gone !== undefined) return undefined;
        // The victim is thought away: so long that others have their turn behind it.
        gone = run.tell('/api/v1/pods', 'DELETED', bold);
        for (const untilMs = performance.now() + 6; performance.now() < untilMs; );
        return undefined;
      },
    }),
  };
  const profiles = () => {
    const profile = createDefaultProfile();
    return [{ ...profile, filters: [long, ...profile.filters] }];
  };
  await using run = await start([node('n')], [named('victim', asking('2'), 'n')], undefined, { profiles });
  await run.tell('/api/v1/pods', 'ADDED', bold);
  await gone;
  await run.settle();
  assert.ok(gone);
  assert.deepEqual(run.writes, []);
  await run.tell('/api/v1/pods', 'DELETED', named('victim', asking('2'), 'n'));
  await run.tell('/api/v1/pods', 'ADDED', named('meek', asking('2')));
  assert.equal(run.events.at(-1), 'Scheduled: Successfully assigned default/meek to n');
});

test('a pod that something is still made ready for loses its place to a higher priority, and is not deleted', async () => {
  let undone = 0;
  const slow: Plugin = {
    name: 'Slow',
    reserve: ({ pod: { priority } }) => ({
      commit: (signal) =>
        priority > 0
          ? Promise.resolve()
          : new Promise((_, reject) => {
              signal.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
            }),
      release: () => undefined,
      undo: async () => void undone++,
    }),
  };
  const profiles = () => [{ ...createDefaultProfile(), reserves: [slow] }];
  const waiting = { ...pod(asking('2')), metadata: { name: 'waiting', namespace: 'default', uid: 'waiting' } };
  await using run = await start([node('n')], [waiting], undefined, { profiles });
  const bold = { ...pod(asking('2', { priority: 5 })), metadata: { name: 'bold', namespace: 'default', uid: 'bold' } };
  await run.tell('/api/v1/pods', 'ADDED', bold);
  await run.settle(1000);
  assert.deepEqual(
    run.writes.filter(({ method }) => method === 'DELETE'),
    [],
  );
  assert.equal(undone, 1);
  assert.ok(run.events.includes('Preempted: Preempted by pod bold on node n'));
  assert.ok(run.events.includes('FailedScheduling: binding rejected: preempted by DefaultPreemption'));
  assert.ok(run.events.includes('Scheduled: Successfully assigned default/bold to n'));
  assert.match(
    run.events.at(-1)!,
    /^FailedScheduling: 0\/1 nodes are available: 1 Insufficient cpu/,
    'it looks for another place',
  );
});

test('room that was kept for a pod is free for others when it goes elsewhere', async () => {
  const named = (name: string, spec: Partial<V1PodSpec>, nominatedNodeName?: string): V1Pod => ({
    ...pod(asking('2', spec)),
    metadata: { name, namespace: 'default', uid: name },
    ...(nominatedNodeName && { status: { nominatedNodeName } }),
  });
  const reserved = { ...labelled('m', { disk: 'ssd' }), spec: { taints: [{ key: 'kept', effect: 'NoSchedule' }] } };
  const bold = { priority: 5, nodeSelector: { disk: 'ssd' }, tolerations: [{ key: 'kept', operator: 'Exists' }] };
  const gated = named('bold', { ...bold, schedulingGates: [{ name: 'example.com/wait' }] }, 'n');
  await using run = await start([node('n'), reserved], [gated, named('meek', {})]);
  const words = '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s).';
  assert.equal(run.events.length, 1);
  assert.ok(run.events[0]!.startsWith(`FailedScheduling: ${words}`), run.events[0]);
  const waits = (plugin: string) =>
    new RegExp(`^scheduler_unschedulable_pods\\{plugin="${plugin}",profile="default-scheduler"\\} 1$`, 'm');
  for (const plugin of ['SchedulingGates', 'NodeResourcesFit', 'TaintToleration'])
    assert.match(run.scheduler.metricsText(), waits(plugin));
  await run.tell('/api/v1/pods', 'MODIFIED', named('bold', bold, 'n'));
  await run.settle(1000);
  assert.deepEqual(run.events.slice(1), [
    'Scheduled: Successfully assigned default/bold to m',
    'Scheduled: Successfully assigned default/meek to n',
  ]);
  const text = run.scheduler.metricsText();
  assert.doesNotMatch(text, /^scheduler_unschedulable_pods\{/m);
  const took = (point: string, status: string, count: number) =>
    new RegExp(
      `^scheduler_framework_extension_point_duration_seconds_count\\{extension_point="${point}",profile="default-scheduler",status="${status}"\\} ${count}$`,
      'm',
    );
  for (const [point, status, count] of [
    ['PreFilter', 'Success', 3],
    ['Filter', 'Unschedulable', 1],
    ['PostFilter', 'Unschedulable', 1],
    ['Bind', 'Success', 2],
  ] as const)
    assert.match(text, took(point, status, count));
});

test('each pod is placed by the profile that it names, and by nobody when there is none', async () => {
  const strategy = { type: 'MostAllocated', resources: CPU_AND_MEMORY } as const;
  const packing = {
    ...createDefaultProfile('packing'),
    scores: [{ plugin: createNodeResourcesFit({ ...DEFAULT_FIT, strategy }), weight: 1 }],
  };
  const profiles = () => [createDefaultProfile(), packing];
  const named = (name: string, schedulerName?: string): V1Pod => ({
    ...pod(asking('100m', schedulerName ? { schedulerName } : {})),
    metadata: { name, namespace: 'default', uid: name },
  });
  const pods = [pod(asking('1'), 'half'), named('apart'), named('close', 'packing'), named('nobodys', 'other')];
  await using run = await start([node('empty'), node('half')], pods, undefined, { profiles });
  assert.deepEqual(run.events.toSorted(), [
    'Scheduled: Successfully assigned default/apart to empty',
    'Scheduled: Successfully assigned default/close to half',
  ]);
  assert.match(run.scheduler.metricsText(), /^scheduler_schedule_attempts_total\{profile="packing",result="scheduled"\} 1$/m);
});

test('of many pods that fit nowhere four are told so at a time, while others are placed', async () => {
  const many = Array.from({ length: 20 }, (_, i) => ({
    ...huge(),
    metadata: { ...huge().metadata, name: `huge-${i}`, uid: `huge-${i}` },
  }));
  const answers: (() => void)[] = [];
  const onWrite = ({ path, signal }: TransportRequest) =>
    path.endsWith('/status')
      ? new Promise<TestAnswer>((resolve, reject) => {
          answers.push(() => resolve({ body: '{}' }));
          signal?.addEventListener('abort', () => reject(signal.reason));
        })
      : { body: '{}' };
  await using run = await start([node('n')], many, onWrite);
  assert.equal(answers.length, 4);
  const small = { ...pod(asking('1')), metadata: { ...pod(asking('1')).metadata, name: 'small', uid: 'small' } };
  await run.tell('/api/v1/pods', 'ADDED', small);
  assert.ok(run.writes.some(({ path }) => path.endsWith('/pods/small/binding')));
  for (let told = 0; told < many.length; told++) {
    assert.equal(answers.length, Math.min(many.length, told + 4));
    answers[told]!();
    await run.settle();
  }
  const names = run.writes.flatMap(({ path }) => /pods\/(huge-\d+)\/status$/.exec(path)?.[1] ?? []);
  assert.deepEqual(new Set(names), new Set(many.map(({ metadata }) => metadata.name)));
});
