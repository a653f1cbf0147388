import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import type { RequestContext, RequestInfo, ServerResponse, UserInfo } from '../contracts.ts';
import { FlowControl } from './flow-control.ts';
import { createFlowControlFilter } from './flow-control-filter.ts';
import { widthOf } from './request-width.ts';

const info = (what: Partial<RequestInfo> = {}): RequestInfo => ({
  ...{ isResourceRequest: true, verb: 'list', path: '', group: '', version: 'v1', namespace: 'default' },
  ...{ resource: 'pods', subresource: '', name: '' },
  ...what,
});

/** As the tables of upstream's list_work_estimator_test.go have it: bytes that are in memory at a time, 100,000 a seat. */
test('lists, and watches that begin with what there is, are as wide as what they have in memory', () => {
  const cases: readonly (readonly [string, Partial<RequestInfo>, string, number, number, number])[] = [
    ['few and small', {}, '', 10, 1_000, 1],
    ['from the cache: piece by piece', {}, '', 1_000_000, 1_000, 10],
    ['a page', {}, 'limit=250', 10_000, 1_000, 3],
    ['the next page, from the store', {}, 'limit=500&continue=x', 10_000, 1_000, 5],
    ['the next page of what is selected', {}, 'limit=500&continue=x&labelSelector=a', 10_000, 1_000, 50],
    ['of a revision', {}, 'resourceVersion=7&resourceVersionMatch=Exact', 100_000, 1_000, 100],
    ['one by its name', { name: 'p' }, 'resourceVersionMatch=Exact&resourceVersion=7', 100_000, 250_000, 3],
    ['none', {}, '', 0, 0, 1],
    ['a watch with all there is', { verb: 'watch' }, 'sendInitialEvents=true&resourceVersion=5', 10_000, 40, 4],
    ['a watch of old with all there is', { verb: 'watch' }, 'resourceVersion=0', 10_000, 40, 4],
    ['a watch from a revision', { verb: 'watch' }, 'resourceVersion=5', 10_000, 40, 1],
    ['a write', { verb: 'update', name: 'p' }, '', 10_000, 1_000, 1],
  ];
  for (const [what, request, query, count, averageBytes, seats] of cases)
    assert.equal(
      widthOf(info(request), new URLSearchParams(query), () => ({ count, averageBytes })),
      seats,
      what,
    );
  assert.equal(
    widthOf(info(), new URLSearchParams(), () => undefined),
    1,
    'of another server',
  );
});

test('no request has more than a part of its level', () => {
  const control = new FlowControl({ clock: new VirtualClock(0), totalSeats: 600, waitLimitMs: 1_000 });
  const flow = (name: string) => control.flows.find((each) => each.name === name)!;
  const low = flow('service-accounts');
  assert.equal(low.level.limits.nominal, 245);
  assert.deepEqual([control.widthIn(low, 100), control.widthIn(low, 10), control.widthIn(low, 1)], [24, 10, 1]);
  const small = new FlowControl({ clock: new VirtualClock(0), totalSeats: 30, waitLimitMs: 1_000 });
  const few = small.flows.find(({ name }) => name === 'service-accounts')!;
  assert.equal(few.level.limits.nominal, 13);
  assert.equal(small.widthIn(few, 100), 1, 'what it never lends');
  few.level.limits = { ...few.level.limits, minimum: 13 };
  assert.equal(small.widthIn(few, 100), 2, 'a part of it');
});

test('a watch has its seats until what there is has been sent, or for a minute', async () => {
  const clock = new VirtualClock(0);
  const control = new FlowControl({ clock, totalSeats: 600, waitLimitMs: 1_000 });
  const filter = createFlowControlFilter({
    ...{ control, clock, counts: { readOnly: 0, mutating: 0 } },
    stored: () => ({ count: 10_000, averageBytes: 40 }),
  });
  const user: UserInfo = { name: 'system:serviceaccount:a:b', groups: ['system:serviceaccounts', 'system:authenticated'] };
  const inUse = () => control.level('workload-low')!.inUse;
  const begin = () => {
    const query = new URLSearchParams('resourceVersion=0');
    const request = { query, signal: new AbortController().signal };
    const context = { info: info({ verb: 'watch' }), user, request, warnings: [] } as unknown as RequestContext;
    const { promise, resolve } = Promise.withResolvers<void>();
    const watching = filter(() => promise)(context, {} as ServerResponse);
    return { context, end: resolve, watching };
  };
  const first = begin();
  assert.equal(inUse(), 4);
  first.context.begun?.();
  first.context.begun?.();
  assert.equal(inUse(), 0);
  const second = begin();
  await clock.advance(60_000);
  assert.equal(inUse(), 0, 'whoever does not read');
  const third = begin();
  third.end();
  await third.watching;
  assert.equal(inUse(), 0, 'whoever ends');
  first.end();
  second.end();
  await Promise.all([first.watching, second.watching]);
  assert.deepEqual([inUse(), clock.pending], [0, 0]);
});
