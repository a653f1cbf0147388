import assert from 'node:assert/strict';
import { request } from 'node:https';
import { test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { Counter, Distribution } from '../../std/metric.ts';
import { askWebhook } from '../admission/webhooks/call-webhook.ts';
import { createSecurity } from '../security.ts';
import { configMap, pod, startTestApi, type TestApi } from '../test-api.ts';
import { AccessMetrics } from './access-metrics.ts';
import { AdmissionMetrics } from './admission-metrics.ts';
import { RequestMetrics } from './request-metrics.ts';

const get = (api: TestApi, path: string, headers: Record<string, string> = {}) =>
  new Promise<number>((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port: api.server.port, path, ca: api.pki.caPem, agent: false, headers },
      (incoming) => {
        incoming.resume();
        incoming.on('end', () => resolve(incoming.statusCode ?? 0));
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });

test('what is asked, stored, watched and checked is counted under upstream’s names', async (context) => {
  const api = await startTestApi({
    composeSecurity: createSecurity,
    security: {},
    flags: () => new Map([['v', '2']]),
    features: [{ name: 'UnauthenticatedHTTP2DOSMitigation', stage: 'BETA', enabled: true }],
  });
  context.after(() => api.stop());
  const path = '/api/v1/namespaces/default/configmaps';
  await api.call('POST', path, configMap('a'));
  await api.call('GET', `${path}/none`);
  await api.call('GET', `${path}?watch=1&timeoutSeconds=1&resourceVersion=0`);
  assert.equal(await get(api, path), 200);
  assert.equal(await get(api, path, { authorization: 'Bearer nonsense' }), 401);
  await api.call('GET', '/healthz');
  await api.call('GET', '/api/v1/namespaces/default/endpoints');
  await api.call('POST', '/api/v1/namespaces/default/pods', pod('p'));
  const { text } = await api.call('GET', '/metrics');
  const has = (line: RegExp) => assert.ok(new RegExp(`^${line.source}`, 'm').test(text), String(line));
  const on = `component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource=""`;
  has(new RegExp(`apiserver_request_total\\{code="201",${on},verb="POST",version="v1"\\} 1$`));
  has(new RegExp(`apiserver_request_total\\{code="404",${on},verb="GET",version="v1"\\} 1$`));
  has(new RegExp(`apiserver_request_duration_seconds_count\\{${on},verb="POST",version="v1"\\} 1$`));
  has(
    /apiserver_response_sizes_count\{component="apiserver",group="",resource="configmaps",scope="namespace",subresource="",verb="LIST",version="v1"\} 2$/,
  );
  has(/apiserver_watch_events_total\{group="",resource="configmaps",version="v1"\} [1-9]/);
  has(/apiserver_resource_objects\{group="",resource="configmaps"\} [1-9]/);
  has(/apiserver_storage_objects\{resource="leases\.coordination\.k8s\.io"\} 0$/);
  has(/etcd_request_duration_seconds_count\{group="",operation="create",resource="configmaps"\} [1-9]/);
  has(/apiserver_admission_step_admission_duration_seconds_count\{operation="CREATE",rejected="false",type="admit"\} [1-9]/);
  has(/authentication_attempts\{result="success"\} 1$/);
  has(/authentication_attempts\{result="failure"\} 1$/);
  has(/apiserver_current_inflight_requests\{request_kind="readOnly"\} \d+$/);
  has(
    /apiserver_admission_controller_admission_duration_seconds_count\{name="ServiceAccount",operation="CREATE",rejected="true",type="admit"\} [1-9]/,
  );
  has(/apiserver_requested_deprecated_apis\{group="",removed_release="",resource="endpoints",subresource="",version="v1"\} 1$/);
  has(
    /apiserver_flowcontrol_request_wait_duration_seconds_count\{execute="true",flow_schema="global-default",priority_level="global-default"\} [1-9]/,
  );
  has(/# TYPE apiserver_client_certificate_expiration_seconds histogram$/);
  has(/# TYPE aggregator_unavailable_apiservice_total counter/);
  has(/process_open_fds [1-9]/);
  has(
    /kubernetes_build_info\{build_date="[^"]+",compiler="[^"]+",git_commit="[0-9a-f]{40}",git_tree_state="[^"]+",git_version="v1\.\d+\.\d+[^"]*",go_version="",major="1",minor="\d+",platform="[^"]+"\} 1$/,
  );
  has(/authentication_duration_seconds_count\{result="success"\} 1$/);
  has(/authentication_duration_seconds_count\{result="failure"\} 1$/);
  has(/authorization_attempts_total\{result="allowed"\} [1-9]\d*$/);
  has(/authorization_duration_seconds_count\{result="allowed"\} [1-9]\d*$/);
  has(/# TYPE serviceaccount_stale_tokens_total counter$/);
  has(/apiserver_storage_events_received_total\{group="",resource="configmaps"\} [1-9]/);
  has(
    /apiserver_flowcontrol_request_execution_seconds_count\{flow_schema="exempt",priority_level="exempt",type="regular"\} [1-9]/,
  );
  has(/apiserver_flowcontrol_work_estimated_seats_count\{flow_schema="exempt",priority_level="exempt"\} [1-9]/);
  has(/apiserver_current_inqueue_requests\{request_kind="mutating"\} 0$/);
  has(/kubernetes_feature_enabled\{name="UnauthenticatedHTTP2DOSMitigation",stage="BETA"\} 1$/);
  has(/registered_metrics_total\{deprecated_version="",stability_level="STABLE"\} 10$/);
  has(/hidden_metrics_total 0$/);
  for (const line of text.split('\n').filter((each) => each && !each.startsWith('#')))
    assert.match(line, /^[a-z_]+(\{[^{}]*\})? [-+.e\d]+$/i, line);
  const slis = (await api.call('GET', '/metrics/slis')).text;
  assert.match(slis, /^kubernetes_healthcheck\{name="ping",type="healthz"\} 1$/m);
  assert.match(slis, /^kubernetes_healthchecks_total\{name="etcd",status="success",type="healthz"\} 1$/m);
  assert.match((await api.call('GET', '/flagz')).text, /^v=2$/m);
  assert.match((await api.call('GET', '/statusz')).text, /^Binary version: 1\.\d+/m);
  const accept = 'application/json;v=v1beta1;g=config.k8s.io;as=Statusz';
  assert.equal((await api.call('GET', '/statusz', undefined, { accept })).body.kind, 'Statusz');
  assert.equal((await api.call('GET', '/flagz', undefined, { accept })).status, 406);
  assert.equal((await api.call('GET', '/logs/')).status, 404);
});

test('clients cannot make series: what is not known is one', () => {
  const metrics = new RequestMetrics();
  const info = {
    isResourceRequest: true,
    verb: 'brew',
    path: '',
    group: 'g',
    version: 'v',
    namespace: '',
    resource: 'r',
    subresource: '',
    name: '',
  };
  for (const [i, verb] of ['brew', 'boil', 'get', 'get'].entries())
    metrics.observe({
      info: { ...info, verb, resource: `r${i}` },
      known: false,
      status: 404,
      dryRun: false,
      seconds: 0.01,
      bytes: 10,
    });
  const totals = metrics
    .render()
    .split('\n')
    .filter((line) => line.startsWith('apiserver_request_total{'));
  assert.deepEqual(
    totals.map((line) => /verb="(\w+)".* (\d+)$/.exec(line)!.slice(1)),
    [
      ['OTHER', '2'],
      ['GET', '2'],
    ],
  );
});

test('requests that are turned away to protect the server are counted; the time that they waited is not the server’s', () => {
  const metrics = new RequestMetrics();
  const info = {
    ...{ isResourceRequest: true, verb: 'create', path: '', group: '', version: 'v1', namespace: 'n', name: 'x' },
    ...{ resource: 'pods', subresource: '' },
  };
  const observe = (status: number, subresource = '', waitedSeconds = 0) =>
    metrics.observe({
      info: { ...info, subresource },
      ...{ known: true, status, dryRun: false, seconds: 3, waitedSeconds, bytes: undefined },
    });
  observe(201, '', 2.96);
  observe(504);
  observe(429);
  observe(429, 'eviction');
  const text = metrics.render();
  const on = 'component="apiserver",group="",resource="pods",scope="resource",subresource="",verb="POST",version="v1"';
  assert.deepEqual(
    text.split('\n').filter((line) => line.startsWith('apiserver_request_terminations_total{')),
    [`apiserver_request_terminations_total{code="504",${on}} 1`, `apiserver_request_terminations_total{code="429",${on}} 1`],
  );
  assert.ok(text.includes(`apiserver_request_sli_duration_seconds_bucket{${on},le="0.05"} 1\n`));
  assert.ok(text.includes(`apiserver_request_sli_duration_seconds_count{${on}} 3\n`));
});

test('no series is given twice: dry runs and others share what does not tell them apart, as do paths that are no objects’', () => {
  const metrics = new RequestMetrics();
  const info = { isResourceRequest: true, path: '', group: '', version: 'v1', namespace: 'n', name: 'x', resource: 'pods' };
  const observe = (verb: string, dryRun: boolean, known = true, isResourceRequest = true) =>
    metrics.observe({
      info: { ...info, verb, isResourceRequest, subresource: '' },
      ...{ known, status: 504, dryRun, seconds: 3, bytes: 10 },
    });
  for (const verb of ['delete', 'get']) for (const dryRun of [false, true]) observe(verb, dryRun);
  observe('create', false, false, false);
  observe('post', false, false, false);
  const names = metrics
    .render()
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')));
  assert.deepEqual(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  );
  const on = 'component="apiserver",group="",resource="pods",scope="resource",subresource="",verb="GET",version="v1"';
  assert.ok(metrics.render().includes(`apiserver_response_sizes_count{${on}} 2\n`));
  assert.ok(metrics.render().includes(`apiserver_request_sli_duration_seconds_count{${on}} 1\n`), 'of those that are none');
});

test('webhooks’ yes, no and silence are counted', async () => {
  const metrics = new AdmissionMetrics();
  const attributes = {
    operation: 'CREATE',
    dryRun: false,
    warnings: [],
    user: { name: 'u', groups: [] },
    kind: podKind,
  } as never;
  const ask = (name: string, answer: (review: { request: { uid: string } }) => unknown, failurePolicy = 'Fail') => {
    const hook = { name, failurePolicy, sideEffects: 'None', admissionReviewVersions: ['v1'], clientConfig: {} };
    const connections = {
      ask: async ({ body }: { body: string }) => JSON.stringify(answer(JSON.parse(body))),
    };
    const how = { kind: podKind, mutating: false, use: async () => {} };
    return askWebhook({ connections, metrics } as never, { hook } as never, attributes, how).catch(() => undefined);
  };
  const review = (response: object) => ({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
  await ask('yes', ({ request: { uid } }) => review({ uid, allowed: true }));
  await ask('no', ({ request: { uid } }) => review({ uid, allowed: false, status: { code: 418 } }));
  const silence = () => {
    throw new Error('gone');
  };
  await ask('silent', silence);
  await ask('ignored', silence, 'Ignore');
  const text = metrics.render();
  const has = (line: string) => assert.ok(text.includes(`\n${line}\n`), `${line}\n${text}`);
  has('apiserver_admission_webhook_request_total{code="200",name="yes",operation="CREATE",rejected="false",type="validating"} 1');
  has(
    'apiserver_admission_webhook_admission_duration_seconds_count{name="no",operation="CREATE",rejected="true",type="validating"} 1',
  );
  has(
    'apiserver_admission_webhook_rejection_count{error_type="no_error",name="no",operation="CREATE",rejection_code="418",type="validating"} 1',
  );
  has(
    'apiserver_admission_webhook_rejection_count{error_type="calling_webhook_error",name="silent",operation="CREATE",rejection_code="503",type="validating"} 1',
  );
  has('apiserver_admission_webhook_fail_open_count{name="ignored",type="validating"} 1');
});

test('buckets hold what is not above them, labels are escaped', () => {
  const distribution = new Distribution([1, 2]);
  for (const value of [0.5, 1, 1.5, 9]) distribution.observe(value);
  assert.equal(
    distribution.render('m', 'a="b"'),
    'm_bucket{a="b",le="1"} 2\nm_bucket{a="b",le="2"} 3\nm_bucket{a="b",le="+Inf"} 4\nm_sum{a="b"} 12\nm_count{a="b"} 4\n',
  );
  const counter = new Counter('c', 'help', ['l']);
  counter.increment('a"\n\\');
  assert.match(counter.render(), /^c\{l="a\\"\\n\\\\"\} 1$/m);
});

test('watches are counted with what they are of; the time until they know all that there was is told', async (context) => {
  const api = await startTestApi();
  context.after(() => api.stop());
  const metric = async (line: string) => (await api.call('GET', '/metrics')).text.includes(`\n${line}\n`);
  const watch = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1';
  const running = api.call('GET', `/api/v1/namespaces/default/configmaps?${watch}`);
  const of = 'component="apiserver",group="",resource="configmaps",scope="namespace",subresource="",verb="WATCH",version="v1"';
  await until('the watch is counted', () => metric(`apiserver_longrunning_requests{${of}} 1`));
  await running;
  assert.ok(
    await metric('apiserver_watch_list_duration_seconds_count{group="",version="v1",resource="configmaps",scope="namespace"} 1'),
  );
  assert.equal(await metric(`apiserver_longrunning_requests{${of}} 1`), false);
});

test('tokens that should have been replaced are told from others', () => {
  const metrics = new AccessMetrics({ now: () => 0 });
  for (const kind of ['valid', 'stale', 'valid', 'legacy'] as const) metrics.tokenUsed(kind);
  metrics.decided(undefined, 0.1);
  const text = metrics.render();
  for (const line of ['legacy_tokens_total 1', 'stale_tokens_total 1', 'valid_tokens_total 2'])
    assert.ok(text.includes(`\nserviceaccount_${line}\n`), line);
  assert.ok(text.includes('\nauthorization_attempts_total{result="error"} 1\n'));
});

test('dry runs are counted, and are not what the server is measured by', () => {
  const metrics = new RequestMetrics();
  const info = {
    ...{ isResourceRequest: true, verb: 'create', path: '', group: '', version: 'v1', namespace: 'n', name: 'x' },
    ...{ resource: 'pods', subresource: '' },
  };
  for (const dryRun of [true, true, false])
    metrics.observe({ info, known: true, status: 201, dryRun, seconds: 0.1, bytes: undefined });
  const text = metrics.render();
  assert.match(text, /^apiserver_request_duration_seconds_count\{[^}]*dry_run="All"[^}]*\} 2$/m);
  assert.match(text, /^apiserver_request_sli_duration_seconds_count\{[^}]*\} 1$/m);
});
