import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ComponentProcess } from '../harness/component-process.ts';
import type { Kubectl } from '../harness/kubectl.ts';
import { CLIENT_IP, NODE_IP, openServiceNetwork, POD_IPS, type ServiceNetwork } from '../harness/service-network.ts';
import { until } from '../harness/until.ts';
import { useUpCluster } from './up-cluster.ts';

const cluster = useUpCluster('--nodes', '0');

interface Extra {
  readonly spec?: object;
  readonly ports?: readonly object[];
  /** Names of pods; one that stands in `away` is on another node. */
  readonly endpoints?: readonly (keyof typeof POD_IPS)[];
  readonly away?: readonly string[];
}

/** A Service without a selector and its slice. */
function objects(name: string, clusterIP: string, { spec, ports, endpoints = ['p1', 'p2'], away = [] }: Extra = {}) {
  const own = ports ?? [
    { name: 'tcp', port: 80, targetPort: 8080 },
    { name: 'udp', port: 53, targetPort: 5353, protocol: 'UDP' },
  ];
  return [
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { clusterIP, ports: own, ...spec } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [
        { name: 'tcp', port: 8080, protocol: 'TCP' },
        { name: 'udp', port: 5353, protocol: 'UDP' },
      ],
      endpoints: endpoints.map((pod) => ({
        addresses: [POD_IPS[pod]],
        conditions: { ready: true },
        nodeName: away.includes(pod) ? 'elsewhere' : 'node-a',
      })),
    },
  ];
}

for (const mode of ['nftables', 'iptables'] as const) {
  describe(`kube-proxy with ${mode}`, () => {
    let network: ServiceNetwork;
    let kubectl: Kubectl;
    let args: string[];
    let proxy: ComponentProcess;
    const apply = (items: readonly object[]) =>
      kubectl.run(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
    const ask = async (wanted: RegExp, question: () => Promise<string>) => {
      let last = '';
      try {
        return await until(`the answer is ${wanted}`, async () => {
          last = await question();
          return wanted.test(last) ? last : undefined;
        });
      } catch (error) {
        throw new Error(`the last answer was ${JSON.stringify(last)}, not ${wanted}`, { cause: error });
      }
    };

    before(async () => {
      kubectl = cluster.current.kubectl('1.35');
      network = await openServiceNetwork(await cluster.current.home.portOf());
      const kubeconfig = cluster.current.home.kubeconfig;
      args = ['--kubeconfig', kubeconfig, '--proxy-mode', mode, '--hostname-override', 'node-a', '--bind-address', NODE_IP];
      args.push('--cluster-cidr', '10.244.0.0/16', '--iptables-min-sync-period', '100ms');
      await apply([
        ...objects('web', '10.96.7.1', { spec: { type: 'NodePort', externalIPs: ['192.168.88.8'] } }),
        ...objects('none', '10.96.7.2', { endpoints: [] }),
        ...objects('sticky', '10.96.7.3', { spec: { sessionAffinity: 'ClientIP' } }),
        ...objects('near', '10.96.7.4', { spec: { type: 'NodePort', externalTrafficPolicy: 'Local' }, away: ['p2'] }),
        ...objects('far', '10.96.7.5', { spec: { internalTrafficPolicy: 'Local' }, away: ['p1', 'p2'] }),
        ...objects('off', '10.96.7.8', { spec: { type: 'NodePort', externalTrafficPolicy: 'Local' }, away: ['p1', 'p2'] }),
        ...objects('self', '10.96.7.6', { endpoints: ['p1'] }),
      ]);
      proxy = network.startProxy(...args);
      await ask(/^p[12] /, () => network.tcp('p1', '10.96.7.1'));
    });
    after(async () => {
      await kubectl.run(['delete', 'service,endpointslice', '--all']);
      await network?.[Symbol.asyncDispose]();
    });
    const nodePort = (name: string) => kubectl.run(['get', 'service', name, '-o', 'jsonpath={.spec.ports[0].nodePort}']);

    test('a cluster IP leads from pods, and from the node, to all endpoints, and pods keep their address', async () => {
      const answers = new Set<string>();
      for (let i = 0; i < 60 && answers.size < 2; i++) answers.add(await network.tcp('p1', '10.96.7.1'));
      assert.ok(answers.has(`p2 ::ffff:${POD_IPS.p1}`) || answers.has(`p2 ${POD_IPS.p1}`), [...answers].join());
      assert.match(await network.tcp('node', '10.96.7.1'), /^p[12] /);
    });

    test('a pod reaches itself through its Service, with an address of the node', async () => {
      assert.match(await network.tcp('p1', '10.96.7.6'), /^p1 .*10\.244\.0\.1$/);
    });

    test('a node port and an external IP lead from outside to the endpoints, masqueraded', async () => {
      const port = await nodePort('web');
      assert.match(await network.tcp('client', `${NODE_IP}:${port}`), /^p[12] .*10\.244\.0\.1$/);
      assert.match(await network.tcp('client', '192.168.88.8'), /^p[12] /);
    });

    test('a Service without endpoints refuses, TCP and UDP', async () => {
      assert.equal(await network.tcp('p1', '10.96.7.2'), 'refused');
      assert.equal(await network.udp('p1', '10.96.7.2', 53), 'refused');
    });

    test('session affinity keeps a client at its endpoint', async () => {
      const answers = new Set<string>();
      for (let i = 0; i < 12; i++) answers.add(await network.tcp('client', '10.96.7.3'));
      assert.equal(answers.size, 1);
      assert.match([...answers][0]!, /^p[12] /);
    });

    test('externalTrafficPolicy Local stays on the node and keeps the client’s address', async () => {
      const port = await nodePort('near');
      for (let i = 0; i < 6; i++)
        assert.match(await network.tcp('client', `${NODE_IP}:${port}`), new RegExp(`^p1 .*${CLIENT_IP}$`));
    });

    test('externalTrafficPolicy Local without an endpoint on the node leads pods and the node to the others, and drops outsiders', async () => {
      const port = await nodePort('off');
      assert.match(await network.tcp('p1', `${NODE_IP}:${port}`), /^p[12] /);
      assert.match(await network.tcp('node', `${NODE_IP}:${port}`), /^p[12] /);
      assert.equal(await network.tcp('client', `${NODE_IP}:${port}`), 'timeout');
    });

    test('internalTrafficPolicy Local drops what has no endpoint on the node', async () => {
      assert.equal(await network.tcp('p1', '10.96.7.5'), 'timeout');
    });

    test('the load balancer’s address is open to its source ranges alone', async () => {
      await apply(
        objects('lb', '10.96.7.7', {
          spec: { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.244.0.0/16', '10.244.1.0/24'] },
        }),
      );
      const status = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: '192.168.99.9' }] } } });
      await kubectl.run(['patch', 'service', 'lb', '--subresource', 'status', '--type', 'merge', '-p', status]);
      await ask(/^p[12] /, () => network.tcp('p2', '192.168.99.9'));
      assert.equal(await network.tcp('client', '192.168.99.9'), 'timeout');
    });

    test('UDP moves to the endpoint that is left, though the client keeps its port', async () => {
      assert.match(await network.udp('client', '10.96.7.1', 53, 5000), /^p[12] /);
      for (const left of ['p1', 'p2'] as const) {
        await apply(
          objects('web', '10.96.7.1', { spec: { type: 'NodePort', externalIPs: ['192.168.88.8'] }, endpoints: [left] }),
        );
        await ask(new RegExp(`^${left} `), () => network.udp('client', '10.96.7.1', 53, 5000));
      }
    });

    test('health and metrics are served, and say the mode', async () => {
      assert.match(await network.run('node', 'curl', '-s', 'http://127.0.0.1:10256/healthz'), /"nodeEligible":true/);
      assert.equal(await network.run('node', 'curl', '-s', 'http://127.0.0.1:10249/proxyMode'), mode);
      const metrics = await network.run('node', 'curl', '-s', 'http://127.0.0.1:10249/metrics');
      assert.match(metrics, /kubeproxy_sync_proxy_rules_duration_seconds_count\{ip_family="IPv4"\} [1-9]/);
    });

    test('rules that a killed proxy left are replaced; --cleanup removes ours and nothing else', async () => {
      await network.run(
        'node',
        'nft',
        'add table ip others { chain keep { type filter hook forward priority 5 ; counter ; } ; }',
      );
      await network.run('node', 'iptables', '-A', 'FORWARD', '-d', '203.0.113.9', '-j', 'DROP');
      proxy.signal('SIGKILL');
      await proxy.exited;
      await kubectl.run(['delete', 'service', 'sticky']);
      assert.match(await network.tcp('p1', '10.96.7.6'), /^p1 /, 'rules work without the proxy');
      assert.match(await network.tcp('p1', '10.96.7.3'), /^p[12] /, 'the Service has gone, and its rules are there still');
      proxy = network.startProxy(...args);
      await ask(/^(?!p[12] )/, () => network.tcp('p1', '10.96.7.3'));
      assert.match(await network.tcp('p1', '10.96.7.6'), /^p1 /);
      await proxy.stop();
      assert.equal(await network.startProxy('--cleanup').exited, 0);
      assert.doesNotMatch(await network.run('node', 'nft', 'list', 'ruleset'), /KUBE-|kube-proxy/);
      assert.match(await network.run('node', 'nft', 'list', 'table', 'ip', 'others'), /counter/);
      assert.match(await network.run('node', 'iptables-save'), /-A FORWARD -d 203\.0\.113\.9\/32 -j DROP/);
    });
  });
}
