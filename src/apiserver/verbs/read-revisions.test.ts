/** What a read sees, by the table of "The resourceVersion parameter" and "Retrieving large results sets in chunks" of the API concepts. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { allKinds } from '../../api/all-kinds.ts';
import type { Status } from '../../api/machinery/status-error.ts';
import { systemClock, VirtualClock } from '../../std/clock.ts';
import { createMemoryStore } from '../../store/memory/memory-store.ts';
import { configMap, type List, startTestApi, type TestApi } from '../test-api.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const store = createMemoryStore({ clock: systemClock });
let api: TestApi;
/** The revision after a, b and c were made; d came later. */
let three: number;
before(async () => {
  api = await startTestApi({ store });
  for (const name of ['a', 'b', 'c']) await api.call('POST', maps, configMap(name));
  three = Number((await api.call<List>('GET', maps)).body.metadata.resourceVersion);
  await api.call('POST', maps, configMap('d'));
});
after(() => api.stop());

async function list(query: string) {
  const { status, body } = await api.call<List>('GET', `${maps}?${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return {
    names: body.items.map(({ metadata }) => metadata?.name).join(''),
    revision: Number(body.metadata.resourceVersion),
    continueToken: body.metadata.continue ?? '',
    remaining: body.metadata.remainingItemCount,
  };
}

async function refused(query: string): Promise<Status> {
  const answer = await api.call<Status>('GET', `${maps}?${query}`);
  assert.ok(answer.status >= 400, answer.text);
  assert.equal(answer.status, answer.body.code);
  return answer.body;
}

test('a list without a version is the newest; with one it is at least, or exactly, as new', async () => {
  const newest = three + 1;
  for (const [query, names, revision] of [
    ['', 'abcd', newest],
    ['resourceVersion=0', 'abcd', newest],
    [`resourceVersion=${three}`, 'abcd', newest],
    [`resourceVersion=${three}&resourceVersionMatch=NotOlderThan`, 'abcd', newest],
    ['resourceVersion=0&resourceVersionMatch=NotOlderThan', 'abcd', newest],
    [`resourceVersion=${three}&resourceVersionMatch=Exact`, 'abc', three],
    // Without a match, a limit makes it exact.
    [`resourceVersion=${three}&limit=9`, 'abc', three],
    [`resourceVersion=${three}&resourceVersionMatch=NotOlderThan&limit=9`, 'abcd', newest],
    ['resourceVersion=0&limit=9', 'abcd', newest],
    // What any version will do for is read from the cache, whole.
    ['resourceVersion=0&limit=1', 'abcd', newest],
    ['resourceVersion=0&resourceVersionMatch=NotOlderThan&limit=1', 'abcd', newest],
    [`resourceVersion=${three}&resourceVersionMatch=Exact&labelSelector=none`, '', three],
  ] as const) {
    const seen = await list(query);
    assert.deepEqual([seen.names, seen.revision], [names, revision], query);
  }
});

test('options that make no sense together are refused with the field and the reason', async () => {
  const invalid = async (query: string, message: string) =>
    assert.equal((await refused(query)).message, `ListOptions.meta.k8s.io "" is invalid: ${message}`, query);
  await invalid(
    'resourceVersionMatch=Exact',
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  );
  await invalid(
    'resourceVersionMatch=Exact&resourceVersion=0',
    'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
  );
  await invalid(
    'resourceVersionMatch=Foo&resourceVersion=1',
    'resourceVersionMatch: Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""',
  );
  await invalid(
    'resourceVersionMatch=Exact&resourceVersion=1&continue=x',
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
  );
  await invalid('sendInitialEvents=true', 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list');
  await invalid(
    'watch=1&sendInitialEvents=true',
    'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
  );
  await invalid(
    'watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1',
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
  );
  const notANumber = 'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax';
  const ofList = await refused('resourceVersion=x');
  assert.deepEqual([ofList.code, ofList.message], [400, `invalid resource version: ${notANumber}`]);
  const ofWatch = await refused('watch=1&resourceVersion=x');
  assert.deepEqual([ofWatch.code, ofWatch.reason, ofWatch.message], [500, undefined, notANumber]);
  assert.match((await refused('resourceVersion=99999999999999999999')).message!, /value out of range$/);
  assert.equal((await refused('limit=x')).message, 'strconv.ParseInt: parsing "x": invalid syntax');
  assert.equal((await refused('limit=')).message, 'strconv.ParseInt: parsing "": invalid syntax');
  await invalid(
    'watch=1&continue=x',
    'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
  );
});

test('a version that is not there yet is told as one that is too large, and when to try again', async (t) => {
  const clock = new VirtualClock(0);
  // Without the kinds whose objects the server writes by itself while time goes on.
  const later = await startTestApi({ clock, kinds: allKinds.filter(({ group }) => group === '') });
  t.after(() => later.stop());
  const current = Number((await later.call<List>('GET', maps)).body.metadata.resourceVersion);
  const future = current + 1000;
  for (const query of [
    `?resourceVersion=${future}`,
    `?resourceVersion=${future}&resourceVersionMatch=Exact`,
    `/a?resourceVersion=${future}`,
  ]) {
    const answer = later.call<Status>('GET', `${maps}${query}`);
    // As upstream, it waits for three seconds.
    await clock.advance(3_000);
    const { status, body, headers } = await answer;
    assert.equal(status, 504);
    assert.equal(body.reason, 'Timeout');
    assert.equal(body.message, `Timeout: Too large resource version: ${future}, current: ${current}`);
    assert.deepEqual(body.details, {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    });
    assert.equal(headers['retry-after'], '1');
  }
});

const tokenOf = (json: unknown) => Buffer.from(JSON.stringify(json)).toString('base64url');

test('pages show one revision, and say how much is left unless a selector hides that', async () => {
  const first = await list('limit=2');
  assert.deepEqual([first.names, first.remaining], ['ab', 2]);
  await api.call('POST', maps, configMap('bb'));
  const second = await list(`limit=1&continue=${first.continueToken}`);
  assert.deepEqual([second.names, second.remaining, second.revision], ['c', 1, first.revision]);
  const last = await list(`continue=${second.continueToken}`);
  assert.deepEqual([last.names, last.remaining, last.continueToken], ['d', undefined, '']);
  const selected = await list('limit=1&labelSelector=!none');
  assert.deepEqual([selected.names, selected.remaining], ['a', undefined]);
  assert.equal((await list(`limit=9&labelSelector=!none&continue=${selected.continueToken}`)).names, 'bbbcd');
  await api.call('DELETE', `${maps}/bb`);
  assert.equal(
    (await refused(`continue=${first.continueToken}&resourceVersion=5`)).message,
    'specifying resource version is not allowed when using continue',
  );
  for (const token of ['x', tokenOf({ v: { toString: '' } }), tokenOf([]), tokenOf({ v: 'meta.k8s.io/v1', rv: [], start: {} })])
    assert.match((await refused(`continue=${token}`)).message!, /^invalid continue token: continue key is not valid: /);
});

test('a token whose revision is forgotten comes with one to go on with, inconsistently', async () => {
  const first = await list('limit=2');
  await api.call('POST', maps, configMap('cc'));
  await store.compact(await store.revision());
  const { code, reason, message, metadata } = await refused(`limit=2&continue=${first.continueToken}`);
  assert.deepEqual([code, reason], [410, 'Expired']);
  assert.match(message!, /^The provided continue parameter is too old to display a consistent list result\./);
  const rest = await list(`limit=9&continue=${metadata.continue}`);
  assert.equal(rest.names, 'cccd');
  const exact = await refused(`resourceVersion=${three}&resourceVersionMatch=Exact`);
  assert.deepEqual([exact.code, exact.reason], [410, 'Expired']);
});
