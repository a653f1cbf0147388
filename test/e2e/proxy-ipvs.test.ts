/** kube-proxy's mode ipvs as the runbook starts it (ACCEPTANCE section 15), in a kernel that has IPVS. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import { serviceKind } from '../../src/api/core/v1/service.ts';
import { endpointSliceKind } from '../../src/api/discovery/v1/endpoint-slice.ts';
import type { V1EndpointSlice, V1Node, V1Service } from '../../src/api/gen/types.ts';
import { type Cluster, startCluster } from '../../src/cluster/start-cluster.ts';
import { proxyCommand } from '../../src/proxy/command.ts';
import { systemClock } from '../../src/std/clock.ts';
import { parseFlags } from '../../src/std/flags.ts';
import { testInGuest } from '../harness/guest-kernel.ts';
import { CLIENT_IP, NODE_IP, type OneMachineNetwork, openOneMachineNetwork, POD_IPS } from '../harness/one-machine-network.ts';
import { runCommand, runOrFail } from '../harness/run-command.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { until as untilOften } from '../harness/until.ts';

const NODE_NAME = '172.16.90.204';
const PORTS = [
  { name: 'name', port: 80, targetPort: 8080 },
  { name: 'echo', port: 90, targetPort: 9090 },
];

const file = (kubeconfig: string) => `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection:
  kubeconfig: ${kubeconfig}
clusterCIDR: 10.240.0.0/12
hostnameOverride: "${NODE_NAME}"
ipvs:
  excludeCIDRs: [10.96.200.0/24]
  minSyncPeriod: 100ms
  scheduler: wlc
  strictARP: true
  syncPeriod: 8s
  tcpTimeout: 15m
  tcpFinTimeout: 1s
mode: ipvs
`;

/** Each look is a program, which is dear in a guest. */
const until = <T>(what: string, condition: () => Promise<T>) => untilOften(what, condition, { intervalMs: 500 });

type Pod = keyof typeof POD_IPS;

function objects(name: string, clusterIP: string, spec: V1Service['spec'] = {}): V1Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { clusterIP, ports: PORTS, ...spec } };
}

function slice(name: string, pods: Readonly<Partial<Record<Pod, 'here' | 'away'>>>): V1EndpointSlice {
  return {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
    metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
    ports: PORTS.map((port) => ({ name: port.name, port: port.targetPort, protocol: 'TCP' })),
    endpoints: Object.entries(pods).map(([pod, where]) => ({
      addresses: [POD_IPS[pod as Pod]],
      conditions: { ready: true },
      nodeName: where === 'here' ? NODE_NAME : 'elsewhere',
    })),
  };
}

/** kube-proxy in this process: another one would take longer to start here than all the tests. */
function startProxy(...argv: string[]) {
  const stop = new AbortController();
  const proxy = { output: '', done: Promise.resolve(0), stop: () => stop.abort() };
  const write = (text: string) => {
    proxy.output += text;
  };
  proxy.done = proxyCommand.run(parseFlags('kube-proxy', proxyCommand.flags, argv), {
    ...{ stdout: write, stderr: write, clock: systemClock, signal: stop.signal, random: Math.random },
    ...{ env: process.env, cwd: process.cwd(), ready: () => undefined },
  });
  return proxy;
}

await testInGuest(import.meta.filename, { modules: ['veth'], timeoutMs: 240_000 }, () => {
  let cluster: Cluster;
  let network: OneMachineNetwork;
  let proxy: ReturnType<typeof startProxy>;
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let drained = '';
  let nearPort = 0;
  let webPort = 0;
  const services = () => cluster.client().resource<V1Service>(serviceKind, 'default');
  const slices = () => cluster.client().resource<V1EndpointSlice>(endpointSliceKind, 'default');
  const list = () => runOrFail('ipvsadm', ['-ln']);
  const nodePortOf = ({ spec }: V1Service) => spec?.ports?.[0]?.nodePort ?? assert.fail('it has no node port');

  before(async () => {
    directory = await temporaryDirectory();
    cluster = await startCluster({ nodes: 0 });
    network = await openOneMachineNetwork();
    const kubeconfig = directory.file('kubeconfig');
    await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
    await writeFile(directory.file('kube-proxy.yaml'), file(kubeconfig));
    const client = cluster.client();
    await client.resource<V1Node>(nodeKind).create({ apiVersion: 'v1', kind: 'Node', metadata: { name: NODE_NAME } });
    const web = await services().create(objects('web', '10.96.7.1', { type: 'NodePort', externalIPs: ['203.0.113.7'] }));
    await services().create(objects('sticky', '10.96.7.3', { sessionAffinity: 'ClientIP' }));
    const near = await services().create(objects('near', '10.96.7.4', { type: 'NodePort', externalTrafficPolicy: 'Local' }));
    [webPort, nearPort] = [nodePortOf(web), nodePortOf(near)];
    for (const name of ['web', 'sticky']) await slices().create(slice(name, { p1: 'here', p2: 'here' }));
    await slices().create(slice('near', { p1: 'here', p2: 'away' }));
    // Somebody else's, as keepalived makes them.
    await runOrFail('ipvsadm', ['-A', '-t', `${NODE_IP}:8443`, '-s', 'rr']);
    proxy = startProxy(`--config=${directory.file('kube-proxy.yaml')}`, '-v=2');
    await until(
      'the rules of both families are written',
      async () => /complete.*IPv4/.test(proxy.output) && /complete.*IPv6/.test(proxy.output),
    );
  });
  after(async () => {
    proxy?.stop();
    await proxy?.done;
    await network?.[Symbol.asyncDispose]();
    await cluster?.close();
    await directory?.[Symbol.asyncDispose]();
  });

  test('PRX-03, NET-28, PRX-27, PRX-31 ipvsadm shows the cluster IP of the Service kubernetes, with the scheduler of the file', async () => {
    const { spec } = await services().get('kubernetes');
    assert.match(proxy.output, /Using ipvs Proxier/);
    assert.doesNotMatch(proxy.output, /^W.*ipvs/m);
    assert.match(await list(), new RegExp(`^TCP +${spec?.clusterIP}:443 wlc\\s+-> `, 'm'));
    assert.match(await runOrFail('ip', ['address', 'show', 'dev', 'kube-ipvs0']), new RegExp(`inet ${spec?.clusterIP}/32`));
  });

  test('PRX-28 the kernel has the settings that IPVS needs, strict ARP and the timeouts of the file', async () => {
    const names = ['vs.conntrack', 'vs.expire_nodest_conn', 'ip_forward', 'conf.all.arp_ignore', 'conf.all.arp_announce'];
    const values = await runOrFail('sysctl', ['-n', ...names.map((name) => `net.ipv4.${name}`)]);
    assert.deepEqual(values.trim().split('\n'), ['1', '1', '1', '1', '2']);
    assert.match(await runOrFail('ipvsadm', ['-l', '--timeout']), /tcp tcpfin udp\): 900 1 300/);
  });

  test('a cluster IP leads pods, which keep their address, and the node, to every endpoint; a pod reaches itself', async () => {
    const answers = new Set<string>();
    for (let i = 0; i < 20 && answers.size < 2; i++) answers.add(await network.ask('p1', '10.96.7.1', 80));
    assert.deepEqual([...answers].sort(), ['p1 10.244.0.1', `p2 ${POD_IPS.p1}`]);
    assert.match(await network.ask('node', '10.96.7.1', 80), /^p[12] 10\.244\.0\.1$/);
  });

  test('PRX-21, PRX-32 node port, external IP and cluster IP lead outsiders to the endpoints, masqueraded', async () => {
    for (const [ip, port] of [
      [NODE_IP, webPort],
      ['203.0.113.7', 80],
      ['10.96.7.1', 80],
    ] as const)
      assert.match(await network.ask('client', ip, port), /^p[12] 10\.244\.0\.1$/, `${ip}:${port}`);
  });

  test('an address of a Service does not lead to ports of the node itself', async () => {
    const toHealthPort = (ip: string) =>
      runCommand('nsenter', ['--net=/run/netns/client', 'busybox', 'nc', '-w', '5', ip, '10256']);
    assert.equal((await toHealthPort(NODE_IP)).stderr, '');
    assert.match((await toHealthPort('10.96.7.1')).stderr, /refused/);
  });

  test('session affinity keeps a client at its endpoint', async () => {
    const answers = new Set<string>();
    for (let i = 0; i < 4; i++) answers.add(await network.ask('client', '10.96.7.3', 80));
    assert.equal(answers.size, 1);
    assert.match([...answers][0]!, /^p[12] /);
  });

  test('externalTrafficPolicy Local stays on the node and keeps the client’s address', async () => {
    for (let i = 0; i < 3; i++) assert.equal(await network.ask('client', NODE_IP, nearPort), `p1 ${CLIENT_IP}`);
  });

  test('an endpoint that goes keeps its connections and gets no new ones, until the last has ended', async () => {
    const socket: Socket = await network.hold('10.96.7.1', 90);
    const says = async (text: string) => {
      const said = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
      socket.write(text);
      assert.equal(await said, text);
    };
    await says('before');
    const [, gone = ''] = /^TCP +10\.96\.7\.1:90 .*\n(?: .*\n)*? +-> (\S+):9090 +Masq +1 +1 /m.exec(await list()) ?? [];
    const left = gone === POD_IPS.p1 ? 'p2' : 'p1';
    assert.ok(gone, await list());
    const { metadata } = await slices().get('web-1');
    await slices().update({ ...slice('web', { [left]: 'here' }), metadata: { ...metadata } });
    await until('it takes no new connections', async () => new RegExp(`${gone}:9090 +Masq +0 +1 `).test(await list()));
    await says('after');
    for (let i = 0; i < 3; i++) assert.match(await network.ask('client', '10.96.7.1', 80), new RegExp(`^${left} `));
    // The kernel forgets a connection that was reset after 10 s: what comes next is tried meanwhile.
    socket.resetAndDestroy();
    drained = `${gone}:9090 `;
  });

  test('what somebody has removed is written again within the period, and others’ services stay', async () => {
    await runOrFail('ipvsadm', ['-D', '-t', '10.96.7.4:80']);
    await runOrFail('ip', ['address', 'delete', '10.96.7.4/32', 'dev', 'kube-ipvs0']);
    await until('it is back', async () => (await network.ask('p2', '10.96.7.4', 80)).startsWith('p'));
    assert.match(proxy.output, /Our rules have gone from the packet filter and are written anew/);
    assert.match(await list(), new RegExp(`^TCP +${NODE_IP}:8443 rr`, 'm'));
  });

  test('an endpoint that has gone is removed with its last connection', async () => {
    assert.notEqual(drained, '');
    await until('it has gone', async () => !(await runOrFail('ipvsadm', ['-ln', '-t', '10.96.7.1:90'])).includes(drained));
  });

  test('rules work without the proxy; --cleanup removes all that is ours, and others’ services stay', async () => {
    proxy.stop();
    assert.equal(await proxy.done, 0);
    assert.match(await network.ask('p2', '10.96.7.4', 80), /^p[12] /);
    assert.equal(await startProxy('--cleanup').done, 0);
    assert.deepEqual((await list()).match(/^(TCP|UDP|SCTP) +\S+/gm), [`TCP  ${NODE_IP}:8443`]);
    assert.equal(await runOrFail('ipset', ['list', '-name']), '');
    assert.doesNotMatch(await runOrFail('sh', ['-c', 'iptables-save; ip6tables-save; ip link']), /KUBE-|kube-ipvs0/);
  });
});
