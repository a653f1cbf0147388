/** Section 10 of ACCEPTANCE: what a kubelet serves, where, and what it gets from the API server. Who may: kubelet-authorization. */
import assert from 'node:assert/strict';
import { once as event } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { after, test } from 'node:test';
import type { V1Pod } from '../../src/api/gen/types.ts';
import { freePort } from '../harness/free-port.ts';
import { parsePrometheusText } from '../harness/prometheus-text.ts';
import { until } from '../harness/until.ts';
import { AUTO_APPROVE_BINDINGS, BOOTSTRAPPER_BINDING, SERVING_KUBELET } from './documents.ts';
import {
  AS_ADMIN,
  AS_CONTROLLER_MANAGER,
  AS_NOBODY,
  atPath,
  BY_ADDRESS,
  CONFIGZ_LINES,
  CONFIGZ_LISTING,
  copyCertificates,
  createPod,
  KUBELET_APIS_BINDING,
  serves,
  toNode,
} from './kubelet-api-lines.ts';
import { useRunbookCluster } from './runbook-cluster.ts';
import type { RunbookService } from './runbook-service.ts';
import { makeBootstrapKubeconfigs, nodeJoined } from './runbook-steps.ts';

const NODE = 'm7-autocv-gpu01';
const POD = 'nginx-ds-7rv2c';

let kubelet: RunbookService;
let healthzPort: number;
const runbook = useRunbookCluster(async (cluster) => {
  await Promise.all([cluster.startApiserver({ flags: [BY_ADDRESS] }), copyCertificates(cluster)]);
  await Promise.all([
    cluster.startControllerManager(),
    makeBootstrapKubeconfigs(cluster, [NODE]),
    cluster.sh(`${BOOTSTRAPPER_BINDING}\n${AUTO_APPROVE_BINDINGS}\n${KUBELET_APIS_BINDING}`),
  ]);
  // The document's port on loopback may be another kubelet's on the machine where the tests run; the address is its own.
  healthzPort = await freePort();
  // What that listing was made of besides: other values than the document's file, and defaults that have changed since.
  const { maxPods, featureGates, runtimeRequestTimeout } = CONFIGZ_LISTING;
  const { eventRecordQPS, eventBurst, kubeAPIQPS, kubeAPIBurst, evictionHard } = CONFIGZ_LISTING;
  const config = {
    ...{ healthzBindAddress: undefined, healthzPort, maxPods, featureGates, runtimeRequestTimeout },
    ...{ eventRecordQPS, eventBurst, kubeAPIQPS, kubeAPIBurst, evictionHard },
  };
  const without = ['event-qps', 'kube-api-qps', 'kube-api-burst', 'registry-qps'];
  kubelet = cluster.startKubelet(NODE, { document: SERVING_KUBELET, config, without });
  await nodeJoined(cluster, NODE);
  await Promise.all([serves(cluster, cluster.host(NODE)), createPod(cluster, NODE, POD)]);
  await until(
    'the pod runs',
    async () => (await cluster.kubectl120.json<V1Pod>(['get', 'pod', POD])).status?.phase === 'Running',
  );
});

const sh = (line: string) => runbook.current.sh(toNode(line, runbook.current.host(NODE)));
/** As administrator; `/spec` leads to `/spec/`. */
const get = (path: string, more = '') => sh(`${atPath(AS_ADMIN, path)} --fail -L ${more}`);
/** curl's exit status: 7 where nobody listens. */
const curlEnd = async (line: string) => (await runbook.current.trySh(toNode(line, runbook.current.host(NODE)))).status;
const REFUSED = 7;

async function sockets(): Promise<string[]> {
  const printed = await sh(`netstat -lnpt 2>/dev/null|grep kubelet | grep " ${kubelet.pid}/"`);
  return printed
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[3]!)
    .sort();
}

test('KAPI-01 the API is served by HTTPS on the node’s address, and nothing by plain HTTP', async () => {
  const { address } = runbook.current.host(NODE);
  assert.deepEqual(await sockets(), [`127.0.0.1:${healthzPort}`, `${address}:10250`].sort());
  assert.equal(await get('/healthz'), 'ok');
  assert.notEqual(await curlEnd(`curl -s --fail http://${address}:10250/healthz`), 0);
  assert.notEqual(await curlEnd(`curl -s --fail http://${address}:10250/metrics`), 0);
});

test('KAPI-02 healthz is served by plain HTTP on loopback, and nothing else there', async () => {
  const { address } = runbook.current.host(NODE);
  assert.equal(await sh(`curl -s http://127.0.0.1:${healthzPort}/healthz`), 'ok');
  assert.equal(await sh(`curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:${healthzPort}/pods`), '404');
  assert.equal(await curlEnd(`curl -s http://${address}:${healthzPort}/healthz`), REFUSED);
});

test('KAPI-03 the read-only port is closed', async () => {
  assert.ok((await sockets()).every((socket) => !socket.endsWith(':10255')));
  assert.ok(!(await sh(`${atPath(AS_ADMIN, '/configz')}`)).includes('readOnlyPort'), 'as in the listing');
});

test('KAPI-36 the built-in cadvisor has no port of its own (C-27)', async () => {
  assert.ok((await sockets()).every((socket) => !socket.endsWith(':4194')));
});

test('KAPI-05 /pods lists the node’s pods', async () => {
  assert.equal(await sh(`${atPath(AS_ADMIN, '/pods')} | jq -r '.kind, .items[].metadata.name'`), `PodList\n${POD}\n`);
});

test('KAPI-06 /runningpods lists the pods that run', async () => {
  const { items } = JSON.parse(await get('/runningpods')) as { items: V1Pod[] };
  assert.deepEqual(
    items.map(({ metadata, spec }) => [metadata?.name, spec?.containers.map(({ name }) => name)]),
    [[POD, ['my-nginx']]],
  );
});

test('KAPI-07 /metrics holds the kubelet’s metrics in Prometheus’ text form', async () => {
  const metrics = parsePrometheusText(await get('/metrics'));
  assert.equal(metrics.get('kubelet_running_pods')?.samples[0]?.value, 1);
  assert.deepEqual(metrics.get('kubelet_node_name')?.samples[0]?.labels, { node: NODE });
});

test('KAPI-08 /metrics/cadvisor is there, in the same form', async () => {
  assert.ok(parsePrometheusText(await get('/metrics/cadvisor')).has('cadvisor_version_info'));
});

test('KAPI-09 so is /metrics/probes', async () => {
  assert.ok(parsePrometheusText(await get('/metrics/probes')).has('process_start_time_seconds'));
});

test('KAPI-10 /spec is the node’s specification', async () => {
  const machine = JSON.parse(await get('/spec')) as Record<string, unknown>;
  for (const field of ['num_cores', 'memory_capacity']) assert.equal(typeof machine[field], 'number', field);
});

test('KAPI-11 /stats are statistics of the node', async () => {
  const { name, stats } = JSON.parse(await get('/stats')) as { name: string; stats: unknown };
  assert.equal(name, '/');
  assert.ok(Array.isArray(stats));
});

test('KAPI-12 /stats/container are those of a cgroup', async () => {
  const byName = JSON.parse(await get('/stats/container', `-d '{"containerName": "/"}'`)) as Record<string, { name: string }>;
  assert.deepEqual(Object.keys(byName), ['/']);
  assert.equal(byName['/']?.name, '/');
});

test('KAPI-13 /logs shows the node’s log files', async () => {
  const directories = async () =>
    (await readdir('/var/log', { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const before = await directories();
  const page = await get('/logs');
  const then = await directories();
  assert.match(page, /<pre>\n[\s\S]*<\/pre>/);
  for (const name of before.filter((one) => then.includes(one))) assert.ok(page.includes(`>${name}/</a>`), name);
});

test('KAPI-14 to KAPI-18 /run, /exec, /attach, /portForward and /containerLogs know the pod, and that its containers are hollow', async () => {
  const answer = (path: string, more = '') => sh(`${atPath(AS_ADMIN, path)} ${more} -w '\\n%{http_code}'`);
  const hollow = /^node m7-autocv-gpu01 is hollow .*\n501$/;
  assert.match(await answer(`/run/default/${POD}/my-nginx?cmd=date`, '-X POST'), hollow);
  assert.match(await answer(`/exec/default/${POD}/my-nginx?command=date\\&output=1`, '-X POST'), hollow);
  assert.match(await answer(`/attach/default/${POD}/my-nginx?output=1`, '-X POST'), hollow);
  assert.match(await answer(`/portForward/default/${POD}`, '-X POST'), hollow);
  assert.equal(await answer(`/containerLogs/default/${POD}/my-nginx`), '\n200');
  assert.equal(await answer('/run/default/nobody/my-nginx?cmd=date', '-X POST'), 'pod does not exist\n404');
});

test('KAPI-19 /healthz asks on this port who it is, and whether he may', async () => {
  assert.equal(await sh(atPath(AS_NOBODY, '/healthz')), 'Unauthorized');
  assert.equal(
    await sh(atPath(AS_CONTROLLER_MANAGER, '/healthz')),
    'Forbidden (user=system:kube-controller-manager, verb=get, resource=nodes, subresource(s)=[healthz proxy])',
  );
  assert.equal(await sh(atPath(AS_ADMIN, '/healthz')), 'ok');
});

test('KAPI-34 the running configuration is that of the listing, in its order', async () => {
  const printed = await sh(`KUBE_APISERVER=${runbook.current.server}\n${CONFIGZ_LINES}`);
  const shown = JSON.parse(printed) as Record<string, unknown>;
  const host = runbook.current.host(NODE);
  const listing = JSON.parse(JSON.stringify({ ...CONFIGZ_LISTING, healthzPort }), (_key, value: unknown) =>
    typeof value === 'string' ? host.translate(toNode(value, host)) : value,
  ) as Record<string, unknown>;
  const asListed = Object.entries(shown).filter(([key]) => key in listing);
  assert.equal(JSON.stringify(Object.fromEntries(asListed), null, 2), JSON.stringify(listing, null, 2));
});

test('KAPI-20 /configz is reached through the API server’s proxy, without kind and version', async () => {
  const proxied = await sh(`kubectl get --raw /api/v1/nodes/${NODE}/proxy/configz`);
  assert.deepEqual(JSON.parse(proxied), JSON.parse(await get('/configz')));
  const { kubeletconfig, ...others } = JSON.parse(proxied) as { kubeletconfig: object };
  assert.deepEqual(others, {});
  assert.ok(!('kind' in kubeletconfig) && !('apiVersion' in kubeletconfig));
});

test('KAPI-35 a certificate as browsers import it opens /metrics and /metrics/cadvisor', async () => {
  await sh(`cd /opt/k8s/work
    openssl pkcs12 -export -out admin.pfx -inkey admin-key.pem -in admin.pem -certfile /etc/kubernetes/cert/ca.pem -passout pass:browser`);
  const imported = 'curl -s --fail --cacert /etc/kubernetes/cert/ca.pem --cert-type P12 --cert /opt/k8s/work/admin.pfx:browser';
  for (const path of ['/metrics', '/metrics/cadvisor'])
    assert.match(await sh(`${imported} https://172.27.129.80:10250${path}`), /^# HELP /, path);
});

test('KAPI-37 the kubelet runs as root', async () => {
  assert.equal(await sh(`stat -c %U /proc/${kubelet.pid}`), 'root\n');
});

test('KAPI-33 kubectl exec makes the API server send this request', async () => {
  const cluster = runbook.current;
  const host = cluster.host('m7-autocv-gpu02');
  const { address } = host;
  await cluster.sh(`
    openssl req -new -newkey rsa:2048 -nodes -subj /CN=m7-autocv-gpu02 -keyout asked.key -out asked.csr 2>/dev/null
    openssl x509 -req -in asked.csr -CA /etc/kubernetes/ssl/ca.pem -CAkey /etc/kubernetes/ssl/ca.key -set_serial 33 -days 2 \\
      -extfile <(echo subjectAltName=IP:${address}) -out asked.pem 2>/dev/null`);
  const file = (name: string) => readFile(`${cluster.master.home}/${name}`);
  const requests: string[] = [];
  const tls = { key: await file('asked.key'), cert: await file('asked.pem') };
  const server = createServer(tls, ({ method, url }, response) => {
    requests.push(`${method} ${url}`);
    response.writeHead(403).end('Forbidden');
  });
  after(() => void server.close().closeAllConnections());
  server.listen(10250, address);
  await event(server, 'listening');

  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: host.name } };
  const status = {
    addresses: [{ type: 'InternalIP', address }],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
  };
  const put = (args: string, object: object) => cluster.kubectl120.run(args, { input: JSON.stringify(object) });
  await put('create -f -', node);
  await put(`replace --raw /api/v1/nodes/${host.name}/status -f -`, { ...node, status });
  await createPod(cluster, host.name);
  // A terminal of its own: without one kubectl asks for none.
  const { stdout } = await cluster.trySh('script -qec "kubectl exec -it nginx-ds-5rmws -- sh" /dev/null');
  assert.match(stdout, /unable to upgrade connection: Forbidden/);
  assert.deepEqual(requests, ['POST /exec/default/nginx-ds-5rmws/my-nginx?command=sh&input=1&output=1&tty=1']);
});
