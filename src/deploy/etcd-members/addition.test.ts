import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '../../std/coded-error.ts';
import { type AdditionRun, addMember } from './add-member.ts';
import { beginningAmong, type Candidate, planMember, planMembers } from './addition-plan.ts';
import type { MemberClient } from './member-client.ts';
import type { SeenMember } from './member-plan.ts';

const urlOf = (name: string) => `https://${name}:2380`;
const statusOf = (name: string, version = '3.4.23') => ({
  ...{ version, dbSizeBytes: 2, dbSizeInUseBytes: 1, leader: 'id of a', id: `id of ${name}` },
});
const member = (name: string, more: Partial<SeenMember> = {}): SeenMember => ({
  id: `id of ${name}`,
  name,
  peerUrls: [urlOf(name)],
  isLearner: false,
  status: statusOf(name),
  ...more,
});
const away = (name: string) => member(name, { status: undefined });
const host = (name: string, hasData = false): Candidate => ({ name, peerUrl: urlOf(name), hasData });
const three = [member('a'), member('b'), member('c')];
const steps = (members: readonly SeenMember[], candidate: Candidate) => {
  const { problems, ...plan } = planMember(members, candidate);
  assert.deepEqual(problems, []);
  return plan.steps;
};
const problems = (members: readonly SeenMember[], candidate: Candidate) => planMember(members, candidate).problems;

test('a host that is no member learns before it votes; one that is a member and serves is left alone', () => {
  assert.deepEqual(steps(three, host('d')), ['add', 'start', 'promote']);
  assert.deepEqual(steps(three, host('c', true)), []);
});

test('a member that lost its data is replaced, while a majority of the others serves', () => {
  assert.deepEqual(steps([member('a'), member('b'), away('c')], host('c')), ['remove', 'clear', 'add', 'start', 'promote']);
  assert.deepEqual(problems([member('a'), away('b'), away('c')], host('c')), ['etcd has no majority now: 1 of 3 members serve']);
});

test('what was ended goes on: a member that has not begun, that learns, that stands still', () => {
  const unnamed = member('d', { id: 'new', name: '', isLearner: true, status: undefined });
  assert.deepEqual(steps([...three, unnamed], host('d')), ['start', 'promote']);
  assert.deepEqual(steps([...three, member('d', { isLearner: true })], host('d', true)), ['start', 'promote']);
  assert.deepEqual(steps([member('a'), member('b'), away('c')], host('c', true)), ['start']);
});

test('what cannot go well is refused with the reason', () => {
  assert.match(problems(three, host('d', true)).join(), /^d has data of a member of etcd, which it is not: .*etcd remove d/);
  assert.deepEqual(problems([...three, member('x', { isLearner: true })], host('d')), [
    'member x of etcd is still learning: it comes first',
  ]);
  assert.deepEqual(problems([member('a', { status: statusOf('a', '3.3.25') })], host('d')), [
    'member a is etcd 3.3.25; 3.4 or later is needed',
  ]);
  assert.deepEqual(problems([...three, member('e', { peerUrls: [urlOf('d')] })], host('d')), [
    'https://d:2380 is the address of member e of etcd',
  ]);
  assert.deepEqual(problems([...three, member('d', { peerUrls: ['https://old:2380'] })], host('d')), [
    'member d of etcd has the address https://old:2380, and the inventory says https://d:2380',
  ]);
  const four = [member('a'), member('b'), away('c'), away('d')];
  assert.deepEqual(problems(four, host('e')), ['etcd has no majority now: 2 of 4 members serve']);
});

test('several hosts are looked at as if those before them were members already', () => {
  const plans = planMembers([member('a')], [host('b'), host('c')]);
  assert.deepEqual(
    plans.map((plan) => plan.steps),
    [
      ['add', 'start', 'promote'],
      ['add', 'start', 'promote'],
    ],
  );
});

test('who joins is told of exactly the members that etcd knows, itself by the name of its host', () => {
  const unnamed = member('d', { name: '' });
  assert.equal(beginningAmong([member('a'), unnamed], host('d')), 'a=https://a:2380,d=https://d:2380');
});

/** An etcd of several members, with what happens to it. */
function scene(initial: readonly SeenMember[], refuse: (call: string) => string | undefined = () => undefined) {
  let members = [...initial];
  const story: string[] = [];
  let nowMs = 0;
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  const change = (call: string, make: () => void) => async () => {
    const why = refuse(call);
    if (why !== undefined) throw new CodedError(why, { code: 'ETCD_FAILED' });
    story.push(call);
    make();
  };
  const client = {
    addLearner: (url: string) =>
      change(`add ${url}`, () => {
        members.push(member('', { id: 'new', peerUrls: [url], isLearner: true, status: undefined }));
      })(),
    promote: (id: string) =>
      change(`promote ${id}`, () => {
        members = members.map((one) => (one.id === id ? { ...one, isLearner: false } : one));
      })(),
    remove: (id: string) =>
      change(`remove ${id}`, () => {
        members = members.filter((one) => one.id !== id);
      })(),
  } as unknown as MemberClient;
  const run: AdditionRun = {
    read: async () => members,
    client: () => client,
    clear: change('clear', () => undefined),
    start: async (beginning) => {
      story.push(`start ${beginning?.state ?? 'as it began'} ${beginning?.cluster ?? ''}`.trim());
      members = members.map((one) => (one.status ? one : { ...one, name: one.name || 'c', status: statusOf('c') }));
    },
    progress: () => undefined,
    clock: { now: () => nowMs, sleep } as AdditionRun['clock'],
    signal: new AbortController().signal,
  };
  return { run, story };
}

test('a member is replaced: out, cleared, in as one that learns, and voting when it has everything', async () => {
  let tries = 0;
  const behind = 'etcd: /v3/cluster/member/promote: etcdserver: can only promote a learner member which is in sync with leader';
  const refuse = (call: string) => (call.startsWith('promote') && tries++ < 2 ? behind : undefined);
  const members = [member('a'), member('b'), away('c')];
  const { run, story } = scene(members, refuse);
  await addMember(planMember(members, host('c')), host('c'), run);
  assert.deepEqual(story, [
    'remove id of c',
    'clear',
    'add https://c:2380',
    'start existing a=https://a:2380,b=https://b:2380,c=https://c:2380',
    'promote new',
  ]);
});

test('etcd that takes no change for now is asked again; what it refuses for good ends it', async () => {
  let tries = 0;
  const members = [member('a'), member('b')];
  const plan = planMember(members, host('c'));
  const ill = scene(members, (call) => (call.startsWith('add') && tries++ < 3 ? 'etcdserver: unhealthy cluster' : undefined));
  await addMember(plan, host('c'), ill.run);
  assert.equal(ill.story[0], 'add https://c:2380');
  const refusing = scene(members, () => 'etcdserver: permission denied');
  await assert.rejects(addMember(plan, host('c'), refusing.run), /permission denied/);
  assert.deepEqual(refusing.story, []);
});

test('a member that never comes into step is told with what etcd says of it', async () => {
  const members = [member('a'), member('b')];
  const { run } = scene(members, (call) => (call.startsWith('promote') ? 'it is behind' : undefined));
  await assert.rejects(
    addMember(planMember(members, host('c')), host('c'), run),
    /member c of etcd does not serve: it is behind; the same command goes on from here/,
  );
});
