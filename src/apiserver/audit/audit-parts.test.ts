import assert from 'node:assert/strict';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { VirtualClock } from '../../std/clock.ts';
import { deferred } from '../../std/lifecycle.ts';
import { silentLogger } from '../../std/logger.ts';
import { SettableClock } from '../../std/settable-clock.test-support.ts';
import type { AuthorizationAttributes } from '../contracts.ts';
import type { AuditBackend } from './audit-backend.ts';
import { type AuditEvent, sourceAddresses } from './audit-event.ts';
import { createAuditPolicy } from './audit-policy.ts';
import { AuditedResponse } from './audited-exchange.ts';
import { createBufferedBackend } from './buffered-backend.ts';
import type { RequestRecord } from './request-record.ts';
import { createRotatingFile, planBackups } from './rotating-file.ts';

const NOON = Date.UTC(2026, 0, 2, 12);

const event = (auditID: string): AuditEvent => ({
  level: 'Metadata',
  auditID,
  stage: 'ResponseComplete',
  requestURI: '/',
  verb: 'get',
  user: { name: 'a', groups: [] },
  sourceIPs: [],
  userAgent: '',
  requestReceivedMs: 0,
  stageMs: 0,
  annotations: new Map(),
});

const attributes = (what: Partial<AuthorizationAttributes>): AuthorizationAttributes => ({
  user: { name: 'alice', groups: ['admins'] },
  verb: 'get',
  isResourceRequest: true,
  path: '',
  group: '',
  version: 'v1',
  namespace: 'default',
  resource: 'pods',
  subresource: '',
  name: 'p',
  ...what,
});

test('the first rule of a policy that matches decides', () => {
  const defaults = { omitStages: [], omitManagedFields: false };
  const level = (rule: object, what: Partial<AuthorizationAttributes>) =>
    createAuditPolicy([{ level: 'Request', ...rule }], defaults).decide(attributes(what)).level;
  const pods = (resources: string[], more: object = {}) => ({ resources: [{ group: '', resources, ...more }] });
  assert.equal(level({}, {}), 'Request');
  assert.equal(level({ users: ['bob'] }, {}), 'None');
  assert.equal(level({ userGroups: ['x', 'admins'] }, {}), 'Request');
  assert.equal(level({ verbs: ['list'] }, {}), 'None');
  assert.equal(level(pods(['pods']), { subresource: 'log' }), 'None');
  assert.equal(level(pods(['pods/log']), { subresource: 'log' }), 'Request');
  assert.equal(level(pods(['pods/*']), { subresource: 'log' }), 'Request');
  assert.equal(level(pods(['*/log']), { subresource: 'log' }), 'Request');
  assert.equal(level(pods(['*']), { subresource: 'log' }), 'Request');
  assert.equal(level(pods(['pods'], { resourceNames: ['q'] }), {}), 'None');
  assert.equal(level({ resources: [{ group: 'apps' }] }, {}), 'None');
  assert.equal(level({ namespaces: [''] }, {}), 'None');
  assert.equal(level({ namespaces: [''] }, { namespace: '' }), 'Request');
  assert.equal(level({ nonResourceURLs: ['/healthz*'] }, {}), 'None');
  assert.equal(level({ nonResourceURLs: ['/healthz*'] }, { isResourceRequest: false, path: '/healthz/etcd' }), 'Request');
  assert.equal(level({ nonResourceURLs: ['/healthz'] }, { isResourceRequest: false, path: '/healthz/etcd' }), 'None');
});

test('a rule that says nothing of managed fields follows the policy', () => {
  const policy = createAuditPolicy(
    [
      { level: 'Request', verbs: ['get'] },
      { level: 'Request', omitManagedFields: false, omitStages: ['Panic'] },
    ],
    { omitStages: ['RequestReceived'], omitManagedFields: true },
  );
  assert.equal(policy.decide(attributes({})).omitManagedFields, true);
  const second = policy.decide(attributes({ verb: 'list' }));
  assert.equal(second.omitManagedFields, false);
  assert.deepEqual([...second.omitStages], ['RequestReceived', 'Panic']);
});

test('addresses that are no addresses are not taken from headers, and the last one is where the connection comes from', () => {
  const headers = { 'x-forwarded-for': '10.0.0.1, <script>, 10.0.0.2', 'x-real-ip': '10.0.0.3' };
  assert.deepEqual(sourceAddresses({ headers, remoteAddress: '::ffff:192.0.2.1' }), [
    '10.0.0.1',
    '10.0.0.2',
    '10.0.0.3',
    '192.0.2.1',
  ]);
  assert.deepEqual(sourceAddresses({ headers: { 'x-forwarded-for': '10.0.0.1' }, remoteAddress: '10.0.0.1' }), ['10.0.0.1']);
});

function recordingBackend() {
  const batches: string[][] = [];
  let hold: Promise<void> | undefined;
  const backend: AuditBackend = {
    async process(events) {
      batches.push(events.map(({ auditID }) => auditID));
      await hold;
      return true;
    },
    close: async () => undefined,
  };
  return {
    backend,
    batches,
    holdUntil(promise: Promise<void>) {
      hold = promise;
    },
  };
}

test('events are sent when a batch is full, or when it has waited long enough', async () => {
  const clock = new VirtualClock(NOON);
  const { backend, batches } = recordingBackend();
  const failures = () => assert.fail('nothing is lost');
  const options = { bufferSize: 10, maxBatchSize: 2, maxBatchWaitMs: 30_000 };
  const buffered = createBufferedBackend(backend, options, { clock, failures });
  await buffered.process([event('1')]);
  assert.deepEqual(batches, []);
  await buffered.process([event('2')]);
  assert.deepEqual(batches, [['1', '2']]);
  await buffered.process([event('3')]);
  await clock.advance(29_999);
  assert.equal(batches.length, 1);
  await clock.advance(1);
  assert.deepEqual(batches[1], ['3']);
  await buffered.process([event('4')]);
  await buffered.close();
  assert.deepEqual(batches[2], ['4']);
});

test('a receiver that hangs makes events be dropped and counted, never a request wait', async () => {
  const clock = new VirtualClock(NOON);
  const { backend, holdUntil } = recordingBackend();
  const hold = deferred();
  holdUntil(hold.promise);
  const lost: string[] = [];
  const buffered = createBufferedBackend(
    backend,
    { bufferSize: 2, maxBatchSize: 1, maxBatchWaitMs: 0 },
    { clock, failures: (_plugin, _problem, events) => lost.push(...events.map(({ auditID }) => auditID)) },
  );
  // Eight are on their way, two wait.
  for (let i = 1; i <= 12; i++) assert.equal(await buffered.process([event(String(i))]), true);
  assert.deepEqual(lost, ['11', '12']);
  hold.resolve();
  await buffered.close();
});

test('batches are sent at no more than the rate that is allowed, and no slower when the clock is set back', async () => {
  const clock = new SettableClock(NOON);
  const { backend, batches } = recordingBackend();
  const options = { bufferSize: 10, maxBatchSize: 1, maxBatchWaitMs: 30_000, throttle: { qps: 1, burst: 2 } };
  const buffered = createBufferedBackend(backend, options, { clock, failures: () => assert.fail('nothing is lost') });
  for (let i = 1; i <= 4; i++) await buffered.process([event(String(i))]);
  assert.equal(batches.length, 2);
  await clock.advance(1_000);
  assert.equal(batches.length, 3);
  clock.aheadMs = -3_600_000;
  await clock.advance(1_000);
  assert.equal(batches.length, 4);
  await buffered.process([event('5')]);
  await clock.advance(31_000);
  assert.equal(batches.length, 5);
  await buffered.close();
});

test('a full log is renamed by its time and begun anew; too many and too old ones are removed', async () => {
  await using directory = await temporaryDirectory();
  const clock = new VirtualClock(NOON);
  const path = directory.file('logs', 'audit.log');
  const options = { path, maxSizeMb: 1, maxBackups: 1, maxAgeDays: 0, compress: false };
  const file = createRotatingFile(options, clock, silentLogger);
  const line = `${'x'.repeat(700_000)}\n`;
  await file.append(line);
  await clock.advance(1_000);
  await file.append(line);
  await clock.advance(1_000);
  await file.append('last\n');
  await file.append(line);
  await file.close();
  assert.deepEqual((await readdir(directory.file('logs'))).sort(), ['audit-2026-01-02T12-00-02.000.log', 'audit.log']);
  assert.equal(await readFile(path, 'utf8'), line);
});

test('a log that was full when the server started is rotated, and compressed when that is wanted', async () => {
  await using directory = await temporaryDirectory();
  const clock = new VirtualClock(NOON);
  const path = directory.file('audit.log');
  await writeFile(path, 'x'.repeat(1024 * 1024));
  const options = { path, maxSizeMb: 1, maxBackups: 0, maxAgeDays: 0, compress: true };
  const file = createRotatingFile(options, clock, silentLogger);
  await file.append('new\n');
  await file.close();
  assert.deepEqual((await readdir(directory.path)).sort(), ['audit-2026-01-02T12-00-00.000.log.gz', 'audit.log']);
});

test('a log without a limit is never full, and old ones beside it are left alone', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('audit.log');
  await writeFile(path, '');
  await truncate(path, 200 * 1024 * 1024); // takes no room on the disk
  const old = 'audit-2020-01-02T12-00-00.000.log';
  await writeFile(directory.file(old), 'old\n');
  const options = { path, maxSizeMb: 0, maxBackups: 100, maxAgeDays: 366, compress: true };
  const file = createRotatingFile(options, new VirtualClock(NOON), silentLogger);
  await file.append('new\n');
  await file.close();
  assert.deepEqual((await readdir(directory.path)).sort(), [old, 'audit.log']);
});

test('lines that come at once are all written, in order', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('audit.log');
  const options = { path, maxSizeMb: 0, maxBackups: 0, maxAgeDays: 0, compress: false };
  const file = createRotatingFile(options, new VirtualClock(NOON), silentLogger);
  await Promise.all(Array.from({ length: 100 }, (_, i) => file.append(`${i}\n`)));
  await file.close();
  assert.deepEqual(
    (await readFile(path, 'utf8')).trim().split('\n').map(Number),
    Array.from({ length: 100 }, (_, i) => i),
  );
});

test('only files that are backups of this log are touched', () => {
  const options = { path: '/var/log/audit.log', maxSizeMb: 1, maxBackups: 1, maxAgeDays: 1, compress: true };
  const names = [
    'audit.log',
    'audit-2026-01-02T11-00-00.000.log',
    'audit-2026-01-02T10-00-00.000.log.gz',
    'audit-old.log',
    'other-2026-01-02T11-00-00.000.log',
    'audit-2025-12-31T11-00-00.000.log',
  ];
  assert.deepEqual(planBackups(names, options, NOON), {
    remove: ['audit-2026-01-02T10-00-00.000.log.gz', 'audit-2025-12-31T11-00-00.000.log'],
    compress: ['audit-2026-01-02T11-00-00.000.log'],
  });
});

test('an answer that is shorter than any Status passes by, as of /readyz', () => {
  const sent: unknown[] = [];
  const inner = {
    headersSent: false,
    writeHead: () => undefined,
    write: () => true,
    end: (chunk?: Uint8Array | string) => void sent.push(chunk),
    drained: () => Promise.resolve(),
  };
  const record = { verb: 'get', wants: () => false, responseCode: () => undefined } as unknown as RequestRecord;
  const response = new AuditedResponse(inner, record, () => undefined);
  response.release();
  response.end('ok');
  assert.deepEqual(sent, ['ok']);
});

/** An answer that goes nowhere. */
const SILENT = {
  headersSent: false,
  writeHead: () => undefined,
  write: () => true,
  end: () => undefined,
  drained: () => Promise.resolve(),
};

test('what is to be recorded of an answer decides whether it may be sent in slices', () => {
  const inner = {
    ...SILENT,
    turns: { enlist: () => undefined },
    pour: () => Promise.resolve(),
  };
  const record = (kept: boolean) => ({ verb: 'list', wants: () => kept }) as unknown as RequestRecord;
  const noted = new AuditedResponse(inner, record(false), () => undefined);
  assert.deepEqual([typeof noted.pour, noted.turns], ['function', inner.turns]);
  const kept = new AuditedResponse(inner, record(true), () => undefined);
  assert.equal(kept.pour, undefined, 'the object is to be kept, so it must pass by whole');
});

test('an answer whose object has been noted is not read back from what was sent, which takes YAML seconds', async () => {
  const told: string[] = [];
  const record = {
    verb: 'list',
    wants: () => true,
    responseCode: () => undefined,
    responseJson: (text: string) => void told.push(text),
    hasResponseObject: true,
  } as unknown as RequestRecord;
  const response = new AuditedResponse(SILENT, record, () => undefined);
  response.writeHead(200, { 'content-type': 'application/yaml' });
  response.end('[ no YAML');
  await response.note();
  assert.deepEqual(told, []);
});
