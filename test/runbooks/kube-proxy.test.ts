/** Section 15 of ACCEPTANCE: kube-proxy with the file of the runbook, on a node between two pods and a machine outside. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { serviceKind } from '../../src/api/core/v1/service.ts';
import { endpointSliceKind } from '../../src/api/discovery/v1/endpoint-slice.ts';
import type { V1EndpointSlice, V1Node, V1Service } from '../../src/api/gen/types.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import type { ComponentProcess } from '../harness/component-process.ts';
import { NODE_IP, openServiceNetwork, POD_IPS, type ServiceNetwork } from '../harness/service-network.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until } from '../harness/until.ts';

const NODE_NAME = '172.16.90.204';
const CLUSTER_IP = '10.96.44.1';

/** 001, lines 897-936, without the stray `#` (M-18), and with a pod range that holds the pods (C-12). */
const file = (kubeconfig: string) => `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
bindAddress: 0.0.0.0
clientConnection:
  acceptContentTypes: ""
  burst: 10
  contentType: application/vnd.kubernetes.protobuf
  kubeconfig: ${kubeconfig}
  qps: 5
clusterCIDR: 10.240.0.0/12
configSyncPeriod: 15m0s
conntrack:
  maxPerCore: 32768
  min: 131072
  tcpCloseWaitTimeout: 1h0m0s
  tcpEstablishedTimeout: 24h0m0s
enableProfiling: false
healthzBindAddress: 0.0.0.0:10256
hostnameOverride: "${NODE_NAME}"
iptables:
  masqueradeAll: false
  masqueradeBit: 14
  minSyncPeriod: 0s
  syncPeriod: 30s
ipvs:
  excludeCIDRs: null
  minSyncPeriod: 2s
  scheduler: wlc
  strictARP: false
  syncPeriod: 30s
metricsBindAddress: 127.0.0.1:10249
mode: ipvs
nodePortAddresses: null
oomScoreAdj: -999
portRange: ""
udpIdleTimeout: 250ms
winkernel:
  enableDSR: false
  networkName: ""
  sourceVip: ""
`;

let cluster: Cluster;
let network: ServiceNetwork;
let proxy: ComponentProcess;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let nodePort: number;

before(async () => {
  [cluster, directory] = await Promise.all([startCluster({ nodes: 0 }), temporaryDirectory()]);
  network = await openServiceNetwork(Number(new URL(cluster.server).port));
  const kubeconfig = directory.file('kube-proxy.kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
  await writeFile(directory.file('kube-proxy.yaml'), file(kubeconfig));
  const client = cluster.client();
  await client.resource<V1Node>(nodeKind).create({ apiVersion: 'v1', kind: 'Node', metadata: { name: NODE_NAME } });
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' }];
  const service: V1Service = await client.resource<V1Service>(serviceKind, 'default').create({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } },
    spec: { type: 'NodePort', clusterIP: CLUSTER_IP, ports },
  });
  nodePort = service.spec?.ports?.[0]?.nodePort ?? 0;
  await client.resource<V1EndpointSlice>(endpointSliceKind, 'default').create({
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
    metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: [POD_IPS.p2], conditions: { ready: true }, nodeName: NODE_NAME }],
  });
  proxy = network.startProxy(`--config=${directory.file('kube-proxy.yaml')}`, '-v=2');
  await proxy.waitForOutput(/SyncProxyRules complete/, 60_000);
});
after(async () => {
  await network?.[Symbol.asyncDispose]();
  await cluster?.close();
  await directory?.[Symbol.asyncDispose]();
});

/** What a page says to the node itself. */
const page = (path: string) => network.run('node', 'curl', '-s', '-w', ' %{http_code}', `http://127.0.0.1:${path}`);
const nat = () => network.run('node', 'iptables-save', '-t', 'nat');
const sysctl = async (name: string) => (await network.run('node', 'sysctl', '-n', name)).trim();

test('PRX-01, PRX-04, PRX-05, PRX-10 the file alone starts it', () => {
  assert.equal(proxy.exitStatus, undefined);
});

test('PRX-02, PRX-20 it finds its Node by the name in the file, and says so when there is none', async () => {
  assert.doesNotMatch(proxy.output, /The Node is not found/);
  assert.match(proxy.output, new RegExp(`Using iptables Proxier.*${NODE_NAME}`));
  const other = (await readFile(directory.file('kube-proxy.yaml'), 'utf8'))
    .replace(NODE_NAME, 'nobody')
    .replace(':10256', ':10266')
    .replace(':10249', ':10259');
  await writeFile(directory.file('nobody.yaml'), other);
  const lost = network.startProxy(`--config=${directory.file('nobody.yaml')}`);
  await lost.waitForOutput(/The Node is not found; --hostname-override must be the name that the kubelet registers.*nobody/);
  await lost.stop();
});

test('PRX-03, NET-28, PRX-31 without IPVS in the kernel one warning says so, and the node has the rules of the service addresses', async () => {
  assert.equal(proxy.output.match(/^W.*ipvs/gm)?.length, 1, proxy.output);
  assert.match(
    proxy.output,
    /The proxy mode "ipvs" cannot be used: the kernel has no IPVS.*; "iptables" is used instead, .* without ipvsadm's tables; ipvs\.scheduler has no effect/,
  );
  assert.match(await nat(), new RegExp(`-A KUBE-SERVICES -d ${CLUSTER_IP}/32 .*default/web:http cluster IP`));
  assert.match(await network.tcp('p1', CLUSTER_IP), /^p2 /);
});

test('PRX-06, PRX-19 health is answered on all addresses', async () => {
  assert.match(await network.run('client', 'curl', '-s', `http://${NODE_IP}:10256/healthz`), /"nodeEligible":true/);
});

test('PRX-30 metrics are answered on loopback alone', async () => {
  assert.match(await page('10249/metrics'), /kubeproxy_sync_proxy_rules_duration_seconds_count\{ip_family="IPv4"\} [1-9]/);
  assert.equal(await network.tcp('client', `${NODE_IP}:10249`), 'refused');
});

test('PRX-18 nothing is told of its inner state while profiling is off', async () => {
  assert.match(await page('10249/debug/pprof/'), / 404$/);
});

test('PRX-12, PRX-21, PRX-22 traffic from outside the pod range is masqueraded by the mark of bit 14, traffic of pods is not', async () => {
  assert.match(await network.tcp('client', CLUSTER_IP), /^p2 .*10\.244\.0\.1$/);
  assert.match(await network.tcp('p1', CLUSTER_IP), new RegExp(`^p2 .*${POD_IPS.p1}$`));
  const rules = await nat();
  assert.match(rules, /-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000\/0x4000/);
  assert.match(rules, new RegExp(`! -s 10.240.0.0/12 -d ${CLUSTER_IP}/32 .*-j KUBE-MARK-MASQ`));
});

test('PRX-16, PRX-17 the kernel forgets half closed connections after an hour and idle ones after a day', async () => {
  assert.equal(await sysctl('net.netfilter.nf_conntrack_tcp_timeout_close_wait'), '3600');
  assert.equal(await sysctl('net.netfilter.nf_conntrack_tcp_timeout_established'), '86400');
});

test('PRX-32 a node port is open on every address of the node', async () => {
  for (const address of [NODE_IP, '10.244.0.1'])
    assert.match(await network.tcp('client', `${address}:${nodePort}`), /^p2 /, address);
});

test('PRX-33 the kernel is told to spare it, or the log that it may not be', async () => {
  const score = (await readFile(`/proc/${proxy.pid}/oom_score_adj`, 'utf8')).trim();
  assert.ok(score === '-999' || /Failed to apply OOMScore.*-999/.test(proxy.output), score);
});

test('PRX-35 a field of a mode that is gone is ignored, and named', () => {
  assert.match(proxy.output, /"udpIdleTimeout" is ignored: it belonged to the userspace mode/);
});

test('PRX-07 to PRX-09, PRX-11, PRX-13 to PRX-15, PRX-23 to PRX-29, PRX-34, PRX-36 to PRX-38 it runs with the values of the file', async () => {
  const text = await until('the configuration is told', () =>
    network.run('node', 'curl', '-s', 'http://127.0.0.1:10249/configz'),
  );
  const { 'kubeproxy.config.k8s.io': told } = JSON.parse(text);
  assert.deepEqual(told.clientConnection, {
    ...{ acceptContentTypes: '', burst: 10, contentType: 'application/vnd.kubernetes.protobuf', qps: 5 },
    kubeconfig: directory.file('kube-proxy.kubeconfig'),
  });
  const page = (name: string, version: string) => {
    const accept = `Accept: application/json;v=${version};g=config.k8s.io;as=${name}`;
    return network.run('node', 'curl', '-s', '-H', accept, `http://127.0.0.1:10249/${name.toLowerCase()}`);
  };
  assert.equal(JSON.parse(await page('Flagz', 'v1beta1')).flags.config, directory.file('kube-proxy.yaml'));
  assert.ok(JSON.parse(await page('Statusz', 'v1beta1')).paths.includes('/proxyMode'));
  assert.equal(JSON.parse(await page('Statusz', 'v9')).code, 406);
  const { maxPerCore, min } = told.conntrack;
  assert.deepEqual([told.configSyncPeriod, maxPerCore, min, told.portRange], ['15m0s', 32_768, 131_072, '']);
  assert.deepEqual([told.iptables.minSyncPeriod, told.iptables.syncPeriod], ['1s', '30s'], 'as upstream: 0s means a second');
  const { excludeCIDRs = null, minSyncPeriod, scheduler, strictARP, syncPeriod } = told.ipvs;
  assert.deepEqual([excludeCIDRs, minSyncPeriod, scheduler, strictARP, syncPeriod], [null, '2s', 'wlc', false, '30s']);
  const { enableDSR, networkName, sourceVip } = told.winkernel;
  assert.deepEqual([enableDSR, networkName, sourceVip], [false, '', '']);
});
