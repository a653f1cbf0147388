import assert from 'node:assert/strict';
import { request } from 'node:https';
import { test } from 'node:test';
import { Counter, Distribution } from '../../std/metric.ts';
import { createSecurity } from '../security.ts';
import { configMap, startTestApi, type TestApi } from '../test-api.ts';
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
  const api = await startTestApi({ composeSecurity: createSecurity, security: {}, flags: () => new Map([['v', '2']]) });
  context.after(() => api.stop());
  const path = '/api/v1/namespaces/default/configmaps';
  await api.call('POST', path, configMap('a'));
  await api.call('GET', `${path}/none`);
  await api.call('GET', `${path}?watch=1&timeoutSeconds=1&resourceVersion=0`);
  assert.equal(await get(api, path), 200);
  assert.equal(await get(api, path, { authorization: 'Bearer nonsense' }), 401);
  await api.call('GET', '/healthz');
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
  has(/process_open_fds [1-9]/);
  has(/kubernetes_build_info\{git_version="v1\.\d+\.\d+[^"]*",major="1",minor="\d+",platform="[^"]+"\} 1$/);
  for (const line of text.split('\n').filter((each) => each && !each.startsWith('#')))
    assert.match(line, /^[a-z_]+(\{[^{}]*\})? [-+.e\d]+$/i, line);
  const slis = (await api.call('GET', '/metrics/slis')).text;
  assert.match(slis, /^kubernetes_healthcheck\{name="ping",type="healthz"\} 1$/m);
  assert.match(slis, /^kubernetes_healthchecks_total\{name="etcd",status="success",type="healthz"\} 1$/m);
  assert.match((await api.call('GET', '/flagz')).text, /^v=2$/m);
  assert.match((await api.call('GET', '/statusz')).text, /^Binary version: 1\.\d+/m);
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
