import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1FlowSchema, V1PriorityLevelConfiguration } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import type { Handler, RequestContext, RequestInfo, ServerResponse } from '../contracts.ts';
import { DroppedRequests } from './dropped-requests.ts';
import { FlowControl } from './flow-control.ts';
import { createFlowControlFilter } from './flow-control-filter.ts';
import type { Ticket } from './ticket.ts';

const level = (name: string, queues = true): V1PriorityLevelConfiguration => ({
  metadata: { name, uid: `level-${name}` },
  spec: {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: 10,
      lendablePercent: 0,
      borrowingLimitPercent: 0,
      limitResponse: queues ? { type: 'Queue', queuing: { queues: 4, handSize: 1, queueLengthLimit: 10 } } : { type: 'Reject' },
    },
  },
});
const NONE = { ...level('catch-all'), spec: { ...level('catch-all').spec!, limited: { nominalConcurrencyShares: 0 } } };
const schema = (to: string): V1FlowSchema => ({
  metadata: { name: 'all', uid: 'schema' },
  spec: {
    priorityLevelConfiguration: { name: to },
    matchingPrecedence: 1,
    rules: [
      {
        subjects: [{ kind: 'User', user: { name: '*' } }],
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }],
      },
    ],
  },
});
const user = { name: 'u', groups: [] };
const info: RequestInfo = {
  ...{ isResourceRequest: true, verb: 'get', path: '', group: '', version: 'v1' },
  ...{ namespace: 'n', resource: 'pods', subresource: '', name: 'p' },
};
const never = new AbortController().signal;

function start(...levels: V1PriorityLevelConfiguration[]) {
  const clock = new VirtualClock(0);
  const control = new FlowControl({ clock, totalSeats: 1, waitLimitMs: 15_000 });
  const configure = (to: string, ...all: V1PriorityLevelConfiguration[]) =>
    control.configure({ levels: [...all, NONE], schemas: [schema(to)] });
  configure(levels[0]!.metadata!.name!, ...levels);
  const ask = () => {
    const flow = control.classify(user, info);
    return { flow, answer: control.acquire(flow, 1, { user, info, signal: () => never }) };
  };
  return { clock, control, configure, ask };
}

test('who waits in a level that is deleted has its turn still; then the level is gone', async () => {
  const { control, configure, ask } = start(level('old'));
  const [first, second, third] = [ask(), ask(), ask()];
  configure('new', level('new'));
  const old = control.levels.get('old');
  assert.deepEqual([old?.quiescing, control.level('old'), ask().flow.level.name], [true, undefined, 'new']);
  control.release(first.flow, first.answer as Ticket);
  const ticket = await second.answer;
  assert.equal(typeof ticket, 'object');
  assert.equal(old?.waiting, 1);
  control.release(second.flow, ticket as Ticket);
  control.release(third.flow, (await third.answer) as Ticket);
  assert.equal(control.levels.has('old'), false);
});

test('a level that is there again goes on with who waits in it', async () => {
  const { control, configure, ask } = start(level('old'));
  const [first, second] = [ask(), ask()];
  configure('new', level('new'));
  configure('old', level('old', false));
  assert.equal(control.level('old')?.waiting, 1);
  assert.equal(ask().answer, 'concurrency-limit', 'it queues nobody any more');
  control.release(first.flow, first.answer as Ticket);
  assert.equal(typeof (await second.answer), 'object');
});

test('a request waits for a quarter of the time that it has, and no request for more than a minute', async () => {
  const { clock, control, ask } = start(level('one'));
  ask();
  const filter = createFlowControlFilter({ control, counts: { readOnly: 0, mutating: 0 }, stored: () => undefined, clock });
  const answers: number[] = [];
  const handler: Handler = async () => assert.fail('it has no seat');
  const run = (deadlineMs: number | undefined) => {
    const context = {
      ...{ info, user, answerHeaders: {} },
      ...(deadlineMs !== undefined && { deadlineMs: performance.now() + deadlineMs }),
      request: { query: new URLSearchParams(), signal: never },
    } as unknown as RequestContext;
    const response = { writeHead: (status: number) => answers.push(status), end: () => undefined } as unknown as ServerResponse;
    return filter(handler)(context, response);
  };
  const [short, usual, long] = [run(4_000), run(undefined), run(3_600_000)];
  await clock.advance(1_000);
  await short;
  assert.equal(control.level('one')?.waiting, 2);
  await clock.advance(14_000);
  await usual;
  await clock.advance(44_000);
  assert.equal(control.level('one')?.waiting, 1);
  await clock.advance(1_000);
  await long;
  assert.deepEqual(answers, [429, 429, 429]);
});

test('the more are turned away the later they are to come back', async () => {
  const clock = new VirtualClock(1_000_000);
  const dropped = new DroppedRequests(clock);
  const inOneSecond = async (count: number) => {
    await clock.advance(1_000);
    return Array.from({ length: count }, () => dropped.note('l')).at(-1);
  };
  assert.equal(await inOneSecond(10), 1, 'of the first second nothing is known before');
  const raised: unknown[] = [];
  for (let i = 0; i < 8; i++) raised.push(await inOneSecond(20));
  assert.deepEqual(raised, [2, 2, 4, 4, 4, 4, 8, 8]);
  assert.equal(dropped.note('other'), 1);
  await clock.advance(60_000);
  assert.equal(await inOneSecond(1), 7);
});
