import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import type { V1FlowSchema, V1PriorityLevelConfiguration } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import type { RequestInfo, UserInfo } from '../contracts.ts';
import { configMap, startTestApi } from '../test-api.ts';
import { FlowControl } from './flow-control.ts';
import { flowControlDumps, formatTable } from './flow-control-dumps.ts';
import { createFlowControlFilter } from './flow-control-filter.ts';
import { createFlowControlMetrics } from './flow-control-metrics.ts';
import { dealHand } from './shuffle-sharding.ts';
import type { Rejection, Ticket } from './ticket.ts';

const info = (what: Partial<RequestInfo> = {}): RequestInfo => ({
  isResourceRequest: true,
  verb: 'get',
  path: '',
  group: '',
  version: 'v1',
  namespace: 'default',
  resource: 'pods',
  subresource: '',
  name: 'p',
  ...what,
});
const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups: [...groups, 'system:authenticated'] });

const limited = (name: string, shares: number, more: object = {}): V1PriorityLevelConfiguration => ({
  metadata: { name },
  spec: {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent: 0,
      limitResponse: { type: 'Queue', queuing: { queues: 4, handSize: 2, queueLengthLimit: 3 } },
      ...more,
    },
  },
});
const schema = (name: string, level: string, precedence: number, who: string): V1FlowSchema => ({
  metadata: { name },
  spec: {
    priorityLevelConfiguration: { name: level },
    matchingPrecedence: precedence,
    distinguisherMethod: { type: 'ByUser' },
    rules: [
      {
        subjects: [{ kind: 'User', user: { name: who } }],
        resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }],
      },
    ],
  },
});

const never = new AbortController().signal;
const CATCH_ALL_FREE = limited('catch-all', 0);

function startControl(levels: V1PriorityLevelConfiguration[], schemas: V1FlowSchema[], totalSeats: number) {
  const clock = new VirtualClock(0);
  const control = new FlowControl({ clock, totalSeats, waitLimitMs: 15_000 });
  control.configure({ levels: [...levels, CATCH_ALL_FREE], schemas });
  const ask = (name: string, seats = 1, signal = never) => {
    const flow = control.classify(user(name), info());
    const answer = control.acquire(flow, seats, { user: user(name), info: info(), signal: () => signal });
    const release = async () => control.release(flow, (await answer) as Ticket);
    return { flow, answer, release };
  };
  return { clock, control, ask };
}

const hasSeats = ({ answer }: { readonly answer: unknown }) => typeof answer === 'object' && !(answer instanceof Promise);

test('of ten million queues there are those that somebody waits in', async () => {
  const queuing = { queues: 10_000_000, handSize: 2, queueLengthLimit: 1 };
  const level = limited('a', 1, { limitResponse: { type: 'Queue', queuing } });
  const { ask, control } = startControl([level], [schema('s', 'a', 100, 'u')], 1);
  const first = ask('u');
  const waiting = [ask('u'), ask('u')];
  assert.equal(ask('u').answer, 'queue-full');
  const hand = dealHand('s,u', queuing.queues, queuing.handSize);
  assert.deepEqual(
    control
      .level('a')!
      .queues()
      .map(({ index }) => index),
    hand.toSorted((a, b) => a - b),
  );
  for (const { release } of [first, ...waiting]) await release();
  assert.ok(control.level('a')!.idle);
});

test('requests are of the flow with the lowest precedence that matches, as the defaults say', () => {
  const control = new FlowControl({ clock: new VirtualClock(0), totalSeats: 600, waitLimitMs: 1 });
  const of = (who: UserInfo, what: Partial<RequestInfo> = {}) => {
    const { name, level } = control.classify(who, info(what));
    return `${name}/${level.name}`;
  };
  assert.equal(of(user('admin', 'system:masters')), 'exempt/exempt');
  assert.equal(of(user('x'), { isResourceRequest: false, path: '/healthz', verb: 'get' }), 'probes/exempt');
  assert.equal(of(user('system:node:n', 'system:nodes')), 'system-nodes/system');
  assert.equal(
    of(user('system:node:n', 'system:nodes'), { resource: 'nodes', subresource: 'status', namespace: '' }),
    'system-node-high/node-high',
  );
  assert.equal(of(user('system:kube-scheduler')), 'kube-scheduler/workload-high');
  const leases = { group: 'coordination.k8s.io', resource: 'leases', verb: 'update' };
  assert.equal(of(user('system:kube-scheduler'), leases), 'system-leader-election/leader-election');
  assert.equal(
    of(user('system:serviceaccount:kube-system:x', 'system:serviceaccounts')),
    'kube-system-service-accounts/workload-high',
  );
  assert.equal(of(user('system:serviceaccount:a:x', 'system:serviceaccounts')), 'service-accounts/workload-low');
  assert.equal(of(user('alice')), 'global-default/global-default');
  assert.equal(of({ name: 'nobody', groups: [] }), 'catch-all/catch-all');
});

test('seats are shared out by shares, and rounded up as upstream does', () => {
  const { control } = startControl([limited('a', 10), limited('b', 20)], [], 10);
  assert.deepEqual(control.levels.get('a')!.limits, { nominal: 4, minimum: 4, maximum: 10 });
  assert.deepEqual(control.levels.get('b')!.limits, { nominal: 7, minimum: 7, maximum: 10 });
});

test('a level that is full makes requests wait, and lets them go on as seats come free', async () => {
  const { ask, control } = startControl([limited('a', 1)], [schema('s', 'a', 100, 'u')], 1);
  const first = ask('u');
  assert.ok(hasSeats(first));
  const second = ask('u');
  assert.ok(second.answer instanceof Promise);
  assert.equal(control.levels.get('a')!.waiting, 1);
  await first.release();
  assert.equal(typeof (await second.answer), 'object');
  assert.deepEqual([control.levels.get('a')!.waiting, control.levels.get('a')!.executing], [0, 1]);
});

test('a flow that fills its queues is turned away, and one that waits too long, or leaves', async () => {
  const { ask, clock, control } = startControl([limited('a', 1)], [schema('s', 'a', 100, 'u')], 1);
  ask('u');
  const gone = new AbortController();
  const leaving = ask('u', 1, gone.signal).answer as Promise<Rejection>;
  const waiting = Array.from({ length: 5 }, () => ask('u').answer);
  // Two queues of three: one left of them leaves.
  assert.equal(ask('u').answer, 'queue-full');
  gone.abort();
  assert.equal(await leaving, 'cancelled');
  await clock.advance(15_000);
  assert.deepEqual(await Promise.all(waiting), Array(5).fill('time-out'));
  assert.equal(control.levels.get('a')!.waiting, 0);
});

test('a level that rejects does not queue', () => {
  const { ask } = startControl([limited('a', 1, { limitResponse: { type: 'Reject' } })], [schema('s', 'a', 100, 'u')], 1);
  ask('u');
  assert.equal(ask('u').answer, 'concurrency-limit');
});

test('what waits and what runs is counted by its flow and shown request by request', async () => {
  const { ask, clock, control } = startControl([limited('a', 1)], [schema('s', 'a', 100, 'u')], 2);
  const first = ask('u', 2);
  await clock.advance(1_000);
  const second = ask('u');
  const page = async (name: string, query = '') => {
    let text = '';
    const response = {
      writeHead: () => undefined,
      end(bytes: Buffer) {
        text = bytes.toString('utf8');
      },
    };
    const context = { request: { query: new URLSearchParams(query) } };
    const handler = flowControlDumps(control).get(`/debug/api_priority_and_fairness/dump_${name}`)!;
    await handler(context as never, response as never);
    return text.split('\n').map((line) => line.split(/, */));
  };
  const [head, ...requests] = await page('requests', 'includeRequestDetails=1');
  assert.deepEqual(head!.slice(9), [
    'StartTime',
    'UserName',
    'Verb',
    'APIPath',
    'Namespace',
    'Name',
    'APIVersion',
    'Resource',
    'SubResource',
  ]);
  const queue = requests[0]![2]!;
  assert.match(queue, /^[0-3]$/);
  const details = ['u', 'get', '', 'default', 'p', 'v1', 'pods', ''];
  assert.deepEqual(requests.slice(0, 2), [
    ['a', 's', queue, '0', 'u', '1970-01-01T00:00:01Z', '1', '0', '0s', '0001-01-01T00:00:00Z', ...details],
    ['a', 's', '-1', '-1', 'u', '1970-01-01T00:00:00Z', '2', '0', '0s', '1970-01-01T00:00:00Z', ...details],
  ]);
  const queues = await page('queues');
  assert.deepEqual(queues.slice(1, -1), [['a', queue, '1', '0', '0', '0.00000000ss', '1', '1', '1.00000000ss']]);
  const shown = () => createFlowControlMetrics(control, { render: () => '' }).render();
  const of = (name: string) =>
    shown()
      .split('\n')
      .find((line) => line.startsWith(`apiserver_flowcontrol_${name}{`) && line.includes('"s"'));
  assert.equal(
    of('current_executing_seats'),
    'apiserver_flowcontrol_current_executing_seats{flow_schema="s",priority_level="a"} 2',
  );
  assert.equal(
    of('current_inqueue_requests'),
    'apiserver_flowcontrol_current_inqueue_requests{flow_schema="s",priority_level="a"} 1',
  );
  await clock.advance(15_000);
  assert.equal(await second.answer, 'time-out');
  const rejected = 'apiserver_flowcontrol_rejected_requests_total{flow_schema="s",priority_level="a",reason="time-out"} 1';
  assert.equal(of('rejected_requests_total'), rejected);
  await first.release();
  await first.release();
  assert.equal(
    of('current_executing_requests'),
    'apiserver_flowcontrol_current_executing_requests{flow_schema="s",priority_level="a"} 0',
  );
  assert.equal(control.levels.get('a')!.inUse, 0);
});

test('many requests of one flow do not keep another one’s from their turn', async () => {
  const queues = { limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 1, queueLengthLimit: 100 } } };
  const schemas = [schema('s1', 'a', 100, 'elephant'), schema('s2', 'a', 100, 'mouse')];
  const { ask } = startControl([limited('a', 1, queues)], schemas, 1);
  const running = ask('elephant');
  const order: string[] = [];
  const wait = (name: string) => {
    const asked = ask(name);
    return (asked.answer as Promise<Ticket>).then(() => {
      order.push(name);
      return asked.release();
    });
  };
  const all = [...Array.from({ length: 5 }, () => wait('elephant')), wait('mouse'), wait('mouse')];
  await running.release();
  await Promise.all(all);
  assert.ok(order.lastIndexOf('mouse') <= 3, order.join());
});

test('a level borrows what others lend and do not use, and never what they keep for themselves', () => {
  const levels = [limited('a', 1), limited('b', 1, { lendablePercent: 50 })];
  const { ask } = startControl(levels, [schema('s', 'a', 100, 'u'), schema('t', 'b', 100, 'v')], 8);
  for (let i = 0; i < 6; i++) assert.ok(hasSeats(ask('u')), `seat ${i}`);
  assert.ok(ask('u').answer instanceof Promise);
  assert.ok(hasSeats(ask('v')));
  assert.ok(hasSeats(ask('v')));
  assert.ok(ask('v').answer instanceof Promise);
});

test('borrowingLimitPercent bounds what is borrowed', () => {
  const levels = [limited('a', 1, { borrowingLimitPercent: 25 }), limited('b', 1, { lendablePercent: 100 })];
  const { ask } = startControl(levels, [schema('s', 'a', 100, 'u')], 8);
  for (let i = 0; i < 5; i++) assert.ok(hasSeats(ask('u')));
  assert.ok(ask('u').answer instanceof Promise);
});

test('a hand holds different queues, is the same for a flow, and hands differ', () => {
  const hands = ['a', 'b', 'c', 'd'].map((flow) => dealHand(flow, 64, 6));
  for (const hand of hands) {
    assert.equal(new Set(hand).size, 6);
    assert.ok(hand.every((card) => card >= 0 && card < 64));
  }
  assert.deepEqual(dealHand('a', 64, 6), hands[0]);
  assert.equal(new Set(hands.map(String)).size, 4);
  assert.deepEqual(dealHand('x', 4, 4).sort(), [0, 1, 2, 3]);
});

test('tables are set in columns', () => {
  assert.equal(
    formatTable([
      ['Name', 'N'],
      ['longer-name', 1],
    ]),
    'Name,        N\nlonger-name, 1\n',
  );
});

test('the default objects are there, answers name flow and level, and a new schema is followed', async (context) => {
  const api = await startTestApi();
  context.after(() => api.stop());
  const path = '/apis/flowcontrol.apiserver.k8s.io/v1';
  const exempt = await api.call('GET', `${path}/flowschemas/exempt`);
  assert.equal(exempt.headers['x-kubernetes-pf-flowschema-uid'], exempt.body.metadata?.uid);
  const level = await api.call('GET', `${path}/prioritylevelconfigurations/exempt`);
  assert.equal(exempt.headers['x-kubernetes-pf-prioritylevel-uid'], level.body.metadata?.uid);
  const dangling = {
    ...schema('mine', 'nowhere', 50, 'admin'),
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
  };
  await api.call('POST', `${path}/flowschemas`, dangling);
  const condition = await until('the schema is known to lead nowhere', async () => {
    const { body } = await api.call<V1FlowSchema>('GET', `${path}/flowschemas/mine`);
    return body.status?.conditions?.[0];
  });
  assert.deepEqual([condition.status, condition.reason], ['True', 'NotFound']);
  assert.match(
    (await api.call('GET', '/metrics')).text,
    /apiserver_flowcontrol_dispatched_requests_total\{flow_schema="exempt",priority_level="exempt"\} [1-9]/,
  );
  assert.match((await api.call('GET', '/debug/api_priority_and_fairness/dump_priority_levels')).text, /^PriorityLevelName,/);
});

test('when all seats are taken, others are answered with 429 and when to come again, and exempt ones go on', async (context) => {
  const api = await startTestApi({ maxRequestsInflight: 1, maxMutatingRequestsInflight: 0 });
  context.after(() => api.stop());
  const alice = api.server.transport({ name: 'alice', groups: ['system:authenticated'] });
  const post = (name: string) =>
    alice.request({
      method: 'POST',
      path: '/api/v1/namespaces/default/configmaps',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(configMap(name)),
    });
  const answers = await Promise.all(Array.from({ length: 400 }, (_, i) => post(`c${i}`)));
  const refused = answers.filter(({ status }) => status === 429);
  assert.ok(refused.length > 0);
  assert.equal(refused[0]!.headers['retry-after'], '1');
  assert.ok(answers.every(({ status }) => status === 201 || status === 429));
  assert.equal((await api.call('GET', '/api/v1/namespaces/default/configmaps')).status, 200);
});

test('a connection to an extension server waits for its turn to begin, and has no seat while it lasts; one to a pod waits for none', async () => {
  const seats: string[] = [];
  const level = { exempt: false, name: 'l', uid: 'u' };
  const control = {
    classify: () => ({ name: 'f', uid: 'f', level }),
    widthIn: () => 1,
    acquire: async () => {
      seats.push('taken');
      return {};
    },
    release: () => void seats.push('given back'),
  } as unknown as FlowControl;
  const filter = createFlowControlFilter({
    control,
    counts: { readOnly: 0, mutating: 0 },
    stored: () => undefined,
    clock: new VirtualClock(0),
  });
  const handler = filter(async () => void seats.push('running'));
  const ask = (subresource: string) =>
    handler(
      { info: { isResourceRequest: true, verb: 'get', subresource }, request: { takeOver: () => undefined } } as never,
      {} as never,
    );
  await ask('');
  assert.deepEqual(seats.splice(0), ['taken', 'given back', 'running']);
  await ask('exec');
  assert.deepEqual(seats, ['running']);
});
