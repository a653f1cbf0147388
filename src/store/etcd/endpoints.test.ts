import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../std/clock.ts';
import { startGrpcService } from '../../std/grpc/grpc-service.ts';
import { silentLogger } from '../../std/logger.ts';
import { withCode } from '../contract/driver.ts';
import { Endpoints } from './endpoints.ts';
import { etcdMethods } from './etcd-method.ts';
import { ETCD_MESSAGES } from './messages.ts';

type Answer = () => unknown;

const header = (revision: number) => ({ header: { revision } });
const failing = (details: string, code = 14) => Promise.reject({ code, details });

/** Members of an etcd that answer as they are told, and remember what they were asked; the first one is asked first. */
async function members(t: TestContext, ...answers: Answer[]) {
  const asked: string[] = [];
  const servers = await Promise.all(
    answers.map(async (answer, i) => {
      const told = (what: string) => () => {
        asked.push(`${what} ${i}`);
        return answer();
      };
      const service = await startGrpcService({
        messages: ETCD_MESSAGES,
        methods: {
          'etcdserverpb.KV/Range': { request: 'RangeRequest', response: 'RangeResponse', answer: told('read') },
          'etcdserverpb.KV/Txn': { request: 'TxnRequest', response: 'TxnResponse', answer: told('write') },
        },
      });
      t.after(() => service.stop());
      return { url: `member ${i}`, target: service.endpoint, secure: false };
    }),
  );
  return { asked, servers };
}

function openEndpoints(t: TestContext, servers: readonly { url: string; target: string; secure: boolean }[]): Endpoints {
  const endpoints = new Endpoints({ servers, clock: systemClock, logger: silentLogger, random: () => 0 });
  t.after(() => endpoints.close());
  return endpoints;
}

for (const code of [14, 9])
  test(`a member that still learns refuses reads and writes (status ${code}), and the next one is asked`, async (t) => {
    const { asked, servers } = await members(
      t,
      () => failing('etcdserver: rpc not supported for learner', code),
      () => header(7),
    );
    const endpoints = openEndpoints(t, servers);
    assert.equal((await endpoints.call(etcdMethods.txn, {})).header?.revision, 7);
    assert.deepEqual(asked, ['write 0', 'write 1']);
  });

test('a write that may have been made is not made again elsewhere; the next call goes there', async (t) => {
  const { asked, servers } = await members(
    t,
    () => failing('etcdserver: request timed out, possibly due to previous leader failure'),
    () => header(7),
  );
  const endpoints = openEndpoints(t, servers);
  let moves = 0;
  endpoints.onMove(() => moves++);
  await assert.rejects(endpoints.call(etcdMethods.txn, {}), (error: Error) => {
    assert.match(error.message, /Txn: etcdserver: request timed out/);
    return withCode('unavailable')(error);
  });
  assert.equal((await endpoints.call(etcdMethods.txn, {})).header?.revision, 7);
  assert.deepEqual([asked, moves], [['write 0', 'write 1'], 1]);
});

test('a write that nobody has looked at, and any read, is asked of the next member', async (t) => {
  const { asked, servers } = await members(
    t,
    () => failing('etcdserver: no leader'),
    () => failing('etcdserver: leader changed'),
    () => header(7),
  );
  const nobody = { url: 'member x', target: 'unix:///nonexistent/etcd.sock', secure: false };
  const endpoints = openEndpoints(t, [nobody, ...servers]);
  assert.equal((await endpoints.call(etcdMethods.range, { key: 'k' })).header?.revision, 7);
  assert.deepEqual(asked, ['read 0', 'read 1', 'read 2']);
  const other = openEndpoints(t, [nobody, servers[0]!, servers[2]!]);
  await other.call(etcdMethods.txn, {});
  assert.deepEqual(asked.slice(3), ['write 0', 'write 2']);
});

test('a member that is silent loses its readers to the next one', async (t) => {
  const { asked, servers } = await members(
    t,
    () => new Promise(() => undefined),
    () => header(7),
  );
  const endpoints = openEndpoints(t, servers);
  assert.equal((await endpoints.call(etcdMethods.range, { key: 'k' }, { patienceMs: 50 })).header?.revision, 7);
  assert.deepEqual(asked, ['read 0', 'read 1']);
});

test('what etcd says of a request is the answer, wherever it is asked', async (t) => {
  const { asked, servers } = await members(t, () => failing('etcdserver: mvcc: required revision has been compacted', 11));
  const endpoints = openEndpoints(t, [...servers, ...servers]);
  await assert.rejects(endpoints.call(etcdMethods.range, { key: 'k' }), withCode('compacted'));
  assert.deepEqual(asked, ['read 0']);
});

test('while no member answers a call fails in time, and at once when the store is closed', async (t) => {
  const { servers } = await members(t, () => failing('etcdserver: no leader'));
  const endpoints = openEndpoints(t, [...servers, ...servers]);
  await assert.rejects(endpoints.call(etcdMethods.txn, {}, { timeoutMs: 100 }), withCode('unavailable'));
  const pending = endpoints.call(etcdMethods.range, { key: 'k' }, { timeoutMs: 60_000 });
  endpoints.close();
  await assert.rejects(pending, withCode('closed'));
  await assert.rejects(endpoints.call(etcdMethods.range, { key: 'k' }), withCode('closed'));
});
