import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { until } from '../../../test/harness/until.ts';
import { silentLogger } from '../../std/logger.ts';
import { configMap, startTestApi } from '../test-api.ts';
import type { AuditBackendConfig, AuditConfig } from './audit-config.ts';

interface LoggedEvent {
  readonly [field: string]: unknown;
  readonly level: string;
  readonly auditID: string;
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly objectRef?: Record<string, string>;
  readonly responseStatus?: { code: number; reason?: string; status?: string };
  readonly requestObject?: { kind?: string; metadata?: Record<string, unknown>; data?: Record<string, string> };
  readonly responseObject?: { kind?: string; metadata?: Record<string, unknown> };
}

const BLOCKING: AuditBackendConfig = { mode: 'blocking', batch: { bufferSize: 10, maxBatchSize: 1, maxBatchWaitMs: 0 } };

async function startAudited(policy: object, change: Partial<NonNullable<AuditConfig['log']>> = {}) {
  const directory = await temporaryDirectory();
  const policyFile = directory.file('policy.yaml');
  await writeFile(policyFile, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', ...policy }));
  const path = change.path ?? directory.file('audit.log');
  const rotation = { path, maxAgeDays: 0, maxBackups: 0, maxSizeMb: 0, compress: false };
  const api = await startTestApi({ audit: { policyFile, log: { ...BLOCKING, ...rotation, format: 'json', ...change } } });
  const logged = async (of: (event: LoggedEvent) => boolean): Promise<LoggedEvent[]> =>
    (await readFile(path, 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as LoggedEvent)
      .filter((event) => event.requestURI.includes('/namespaces/default/') && of(event));
  /** So many events, or more: the last is written when its client has the answer already. */
  const events = (count: number, of = (_event: LoggedEvent) => true): Promise<LoggedEvent[]> =>
    until(`${count} events are logged`, async () => {
      const found = await logged(of);
      return found.length >= count && found;
    });
  return {
    api,
    path,
    events,
    async [Symbol.asyncDispose]() {
      await api.stop();
      await directory[Symbol.asyncDispose]();
    },
  };
}

const everything = (level: string, more: object = {}) => ({ rules: [{ level, ...more }] });
const complete = (event: LoggedEvent) => event.stage === 'ResponseComplete';

test('a create is recorded when it comes and when it is answered, with who, what and how it ended', async () => {
  await using audited = await startAudited(everything('Metadata'));
  const answer = await audited.api.call(
    'POST',
    '/api/v1/namespaces/default/configmaps?fieldManager=me',
    configMap('a', { x: 'secret' }),
    { 'user-agent': 'tester', 'x-forwarded-for': '10.9.8.7' },
  );
  assert.equal(answer.status, 201);
  const [received, done, ...more] = await audited.events(2);
  assert.deepEqual([received?.stage, done?.stage, more.length], ['RequestReceived', 'ResponseComplete', 0]);
  assert.equal(done!.auditID, answer.headers['audit-id']);
  assert.equal(received!.auditID, done!.auditID);
  assert.deepEqual(
    { ...done, auditID: '', requestReceivedTimestamp: '', stageTimestamp: '' },
    {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: 'Metadata',
      auditID: '',
      stage: 'ResponseComplete',
      requestURI: '/api/v1/namespaces/default/configmaps?fieldManager=me',
      verb: 'create',
      user: { username: 'admin', groups: ['system:masters'] },
      sourceIPs: ['10.9.8.7', '127.0.0.1'],
      userAgent: 'tester',
      objectRef: { resource: 'configmaps', namespace: 'default', name: 'a', apiVersion: 'v1' },
      responseStatus: { metadata: {}, code: 201 },
      requestReceivedTimestamp: '',
      stageTimestamp: '',
    },
  );
  assert.match(String(done!['stageTimestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test('the level Metadata never holds what is in an object, RequestResponse holds both sides', async () => {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { password: 'aHVudGVyMg==' } };
  await using audited = await startAudited({
    rules: [{ level: 'Metadata', resources: [{ group: '', resources: ['secrets'] }] }, { level: 'RequestResponse' }],
  });
  const { call } = audited.api;
  await call('POST', '/api/v1/namespaces/default/secrets', secret);
  await call('GET', '/api/v1/namespaces/default/secrets/s');
  await call(
    'PATCH',
    '/api/v1/namespaces/default/secrets/s',
    { data: { password: 'aHVudGVyMw==' } },
    {
      'content-type': 'application/merge-patch+json',
    },
  );
  await call('POST', '/api/v1/namespaces/default/configmaps', configMap('a', { x: '1' }));
  await call(
    'PATCH',
    '/api/v1/namespaces/default/configmaps/a',
    { data: { x: '2' } },
    {
      'content-type': 'application/merge-patch+json',
    },
  );
  await call('GET', '/api/v1/namespaces/default/configmaps');
  const text = await readFile(audited.path, 'utf8');
  assert.doesNotMatch(text, /aHVudGVyM/);
  const [created, patched, listed] = await audited.events(3, (e) => complete(e) && e.objectRef?.['resource'] === 'configmaps');
  assert.deepEqual(created!.requestObject!.data, { x: '1' });
  assert.equal(created!.requestObject!.kind, 'ConfigMap');
  assert.ok(created!.responseObject!.metadata!['uid']);
  assert.deepEqual(patched!.requestObject, { data: { x: '2' } });
  assert.equal(listed!.responseObject!.kind, 'ConfigMapList');
});

test('an answer is the same to the log whatever form it was sent in', async () => {
  await using audited = await startAudited(everything('RequestResponse'));
  const { call } = audited.api;
  const path = '/api/v1/namespaces/default/configmaps';
  await call('POST', path, configMap('a', { x: '1' }));
  const plain = JSON.parse((await call('GET', `${path}/a`)).text) as object;
  const forms = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
  for (const accept of forms)
    for (const url of [path, `${path}/a`, `${path}?pretty=true`]) await call('GET', url, undefined, { accept });
  const events = await audited.events(11, complete);
  for (const { requestURI, verb, responseObject } of events.slice(2)) {
    const { items, kind } = responseObject as { items?: object[]; kind: string };
    assert.equal(kind, verb === 'list' ? 'ConfigMapList' : 'ConfigMap', requestURI);
    const { apiVersion: _a, kind: _k, ...bare } = plain as Record<string, unknown>;
    if (verb === 'list') assert.deepEqual(items!.at(-1), bare, requestURI);
    else assert.deepEqual(responseObject, plain, requestURI);
  }
});

test('omitManagedFields leaves them out of requests, answers and lists', async () => {
  await using audited = await startAudited({ omitManagedFields: true, ...everything('RequestResponse') });
  await audited.api.call('PATCH', '/api/v1/namespaces/default/configmaps/a?fieldManager=me', configMap('a', { x: '1' }), {
    'content-type': 'application/apply-patch+yaml',
  });
  const list = await audited.api.call('GET', '/api/v1/namespaces/default/configmaps');
  assert.match(list.text, /managedFields/);
  const [, listed] = await audited.events(2, complete);
  assert.equal(listed!.responseObject!.kind, 'ConfigMapList');
  assert.doesNotMatch(await readFile(audited.path, 'utf8'), /managedFields/);
});

test('a refusal is recorded with its whole Status, a deletion with what was deleted', async () => {
  await using audited = await startAudited(everything('Metadata'));
  const { call } = audited.api;
  await call('GET', '/api/v1/namespaces/default/configmaps/none');
  await call('POST', '/api/v1/namespaces/default/configmaps', configMap('a'));
  await call('DELETE', '/api/v1/namespaces/default/configmaps/a');
  const [missing, , deleted] = await audited.events(3, complete);
  assert.deepEqual(missing!.responseStatus, {
    metadata: {},
    status: 'Failure',
    message: 'configmaps "none" not found',
    reason: 'NotFound',
    details: { name: 'none', kind: 'configmaps' },
    code: 404,
  });
  assert.equal(deleted!.responseStatus!.status, 'Success');
  assert.equal(deleted!.responseStatus!.code, 200);
});

test('who has an answer finds it in the log', async () => {
  await using audited = await startAudited(everything('Metadata'));
  for (let i = 0; i < 20; i++) {
    const { headers } = await audited.api.call('POST', '/api/v1/namespaces/default/configmaps', configMap(`a${i}`));
    const text = await readFile(audited.path, 'utf8');
    const id = String(headers['audit-id']);
    assert.ok(text.includes(`"auditID":"${id}","stage":"ResponseComplete"`), `${i}: ${text.slice(-500)}`);
  }
});

test('requests for deprecated versions say so, and which release has them no more', async () => {
  const directory = await temporaryDirectory();
  const policyFile = directory.file('policy.yaml');
  await writeFile(policyFile, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', ...everything('Metadata') }));
  const rotation = { path: directory.file('audit.log'), maxAgeDays: 0, maxBackups: 0, maxSizeMb: 0, compress: false };
  const log = { ...BLOCKING, ...rotation, format: 'json' } as const;
  const api = await startTestApi({ audit: { policyFile, log }, runtimeConfig: { 'policy/v1beta1': true } });
  try {
    await api.call('GET', '/api/v1/namespaces/default/endpoints');
    await api.call('GET', '/apis/policy/v1beta1/namespaces/default/poddisruptionbudgets');
    const annotationsOf = (uri: string) =>
      until(`${uri} is logged`, async () => {
        const lines = (await readFile(rotation.path, 'utf8')).split('\n').filter(Boolean);
        const events = lines.map((line) => JSON.parse(line) as LoggedEvent & { annotations?: Record<string, string> });
        return events.find((event) => complete(event) && event.requestURI.includes(uri))?.annotations;
      });
    const endpoints = await annotationsOf('/endpoints');
    assert.deepEqual([endpoints['k8s.io/deprecated'], endpoints['k8s.io/removed-release']], ['true', undefined]);
    const budgets = await annotationsOf('/policy/v1beta1');
    assert.deepEqual([budgets['k8s.io/deprecated'], budgets['k8s.io/removed-release']], ['true', '1.25']);
  } finally {
    await api.stop();
    await directory[Symbol.asyncDispose]();
  }
});

test('a watch is recorded when it begins to answer and when it ends', async () => {
  await using audited = await startAudited(everything('RequestResponse'));
  await audited.api.call('GET', '/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=1&resourceVersion=0');
  const events = await audited.events(3);
  assert.deepEqual(
    events.map(({ stage }) => stage),
    ['RequestReceived', 'ResponseStarted', 'ResponseComplete'],
  );
  assert.ok(events.every((event) => event.verb === 'watch' && event.responseObject === undefined));
});

test('stages that the policy omits are not recorded', async () => {
  await using audited = await startAudited({ omitStages: ['RequestReceived'], ...everything('Metadata') });
  await audited.api.call('GET', '/api/v1/namespaces/default/configmaps/none');
  assert.deepEqual(
    (await audited.events(1)).map(({ stage }) => stage),
    ['ResponseComplete'],
  );
});

test('an Audit-ID that comes with the request is kept and sent back', async () => {
  await using audited = await startAudited(everything('Metadata'));
  const answer = await audited.api.call('GET', '/api/v1/namespaces/default/configmaps/none', undefined, { 'audit-id': 'mine' });
  assert.equal(answer.headers['audit-id'], 'mine');
  assert.ok((await audited.events(2)).every(({ auditID }) => auditID === 'mine'));
});

test('requests go on when the log cannot be written, and what was lost is counted', async () => {
  await using audited = await startAudited(everything('Metadata'), { path: '/dev/null/audit.log' });
  const answer = await audited.api.call('GET', '/api/v1/namespaces/default/configmaps/none');
  assert.equal(answer.status, 404);
  const { text } = await audited.api.call('GET', '/metrics');
  assert.match(text, /^apiserver_audit_error_total\{plugin="log"\} [1-9]/m);
});

test('in the mode blocking-strict a request that cannot be recorded is refused', async () => {
  await using audited = await startAudited(everything('Metadata', { namespaces: ['default'] }), {
    path: '/dev/null/audit.log',
    mode: 'blocking-strict',
  });
  const answer = await audited.api.call('GET', '/api/v1/namespaces/default/configmaps/none');
  assert.equal(answer.status, 500);
  assert.equal(answer.text, 'Internal Server Error: "/api/v1/namespaces/default/configmaps/none": failed to store audit event\n');
  const { text } = await audited.api.call('GET', '/metrics');
  assert.match(text, /^apiserver_audit_requests_rejected_total 1$/m);
});

test('events that are too large lose their objects and say so', async () => {
  const truncate = { maxEventSizeBytes: 2_000, maxBatchSizeBytes: 10_000 };
  await using audited = await startAudited(everything('RequestResponse'), { truncate });
  await audited.api.call('POST', '/api/v1/namespaces/default/configmaps', configMap('a', { x: 'y'.repeat(3_000) }));
  const [event] = await audited.events(1, complete);
  assert.equal(event!.requestObject, undefined);
  assert.deepEqual(event!['annotations'], { 'audit.k8s.io/truncated': 'true' });
});

test('the legacy form is one line of text an event', async () => {
  await using audited = await startAudited(everything('Metadata', { namespaces: ['default'] }), { format: 'legacy' });
  await audited.api.call('GET', '/api/v1/namespaces/default/configmaps/none', undefined, { 'user-agent': 'tester' });
  const lines = await until('both lines are there', async () => {
    const found = (await readFile(audited.path, 'utf8')).trim().split('\n');
    return found.length === 2 && found;
  });
  assert.match(lines[0]!, /AUDIT: id="[-0-9a-f]+" stage="RequestReceived" ip="127.0.0.1" method="get" user="admin"/);
  assert.match(lines[1]!, /groups="\\"system:masters\\"" as="<self>" asgroups="<lookup>" user-agent="tester"/);
  assert.match(lines[1]!, /namespace="default" uri="\/api\/v1\/namespaces\/default\/configmaps\/none" response="404"$/);
});

test('a policy that is wrong keeps the server from starting, and says where', async () => {
  const { readAuditPolicy } = await import('./audit-policy.ts');
  await using directory = await temporaryDirectory();
  const file = directory.file('policy.yaml');
  const refused = async (text: string, expected: RegExp) => {
    await writeFile(file, text);
    await assert.rejects(readAuditPolicy(file, silentLogger), { message: expected });
  };
  const head = 'apiVersion: audit.k8s.io/v1\nkind: Policy\n';
  await refused(`${head}rules: []\n`, /loaded illegal policy with 0 rules/);
  await refused(
    `${head}rules: [{level: All}]\n`,
    /rules\[0\]\.level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse"/,
  );
  await refused(`${head}rules: [{level: None, nonResourceURLs: [healthz]}]\n`, /must begin with a '\/' character/);
  await refused(`${head}rules: [{level: None, omitStages: [Never]}]\n`, /allowed stages are RequestReceived,/);
  await refused(
    `${head}rules: [{level: None, nonResourceURLs: [/a], namespaces: [b]}]\n`,
    /rules cannot apply to both regular resources and non-resource URLs/,
  );
  await refused('apiVersion: audit.k8s.io/v2\nkind: Policy\nrules: []\n', /no kind "Policy" is registered for version/);
  await refused(`${head}rules: 3\n`, /rules: must be a list/);
});

test('policies of the older versions are taken, as the releases that had them did', async () => {
  const { readAuditPolicy } = await import('./audit-policy.ts');
  await using directory = await temporaryDirectory();
  const file = directory.file('policy.yaml');
  await writeFile(file, 'apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules:\n- level: Metadata\n');
  const warnings: string[] = [];
  const policy = await readAuditPolicy(file, { ...silentLogger, warn: (message) => warnings.push(message) });
  assert.equal(policy.decide({ user: { name: 'a', groups: [] } } as never).level, 'Metadata');
  assert.match(warnings[0]!, /"audit.k8s.io\/v1beta1" is deprecated/);
});
