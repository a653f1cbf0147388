import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1EndpointSlice, V1Service } from '../../api/gen/types.ts';
import { renderIptables } from '../iptables/render.ts';
import { renderIpvs } from '../ipvs/render.ts';
import { renderNftables } from '../nftables/render.ts';
import { type NodeSettings, planProxy } from './proxy-plan.ts';
import { withoutParts } from './service-port.ts';

const settings: NodeSettings = {
  family: 4,
  node: { name: 'here' },
  nodeIp: '10.0.0.1',
  localTraffic: { by: 'nothing' },
  masqueradeAll: false,
  masqueradeMark: 0x4000,
  nodePortAddresses: 'all',
  localhostNodePorts: true,
  conntrackLiberal: false,
};

const numbered = <T>(length: number, make: (i: number) => T): T[] => Array.from({ length }, (_, i) => make(i));
const address = (first: number) => (i: number) => `${first}.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
const portsOf = (count: number) => numbered(count, (i) => ({ name: `p${i}`, port: 1 + i, protocol: 'TCP' as const }));

const service = (name: string, spec: V1Service['spec'], namespace = 'ns'): V1Service => ({
  metadata: { namespace, name },
  spec: { clusterIP: '10.96.0.9', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
});

const slice = (name: string, ports: number, endpoints: number): V1EndpointSlice => ({
  metadata: { namespace: 'ns', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: numbered(ports, (i) => ({ name: `p${i}`, port: 1 + i, protocol: 'TCP' })),
  endpoints: numbered(endpoints, (i) => ({ addresses: [address(10)(i)] })),
});

test('of a Service of a megabyte of ports and addresses the cluster IP alone is served, of one of too many endpoints nothing; it is told, and its neighbours are served', () => {
  const large = {
    externals: service('externals', { ports: portsOf(20_000), externalIPs: numbered(30_000, address(11)) }),
    ranges: service('ranges', {
      ...{ type: 'LoadBalancer', ports: portsOf(500), loadBalancerSourceRanges: numbered(40_000, (i) => `${address(11)(i)}/32`) },
    }),
    endpoints: service('endpoints', { ports: portsOf(20_000) }),
  };
  const slices = [slice('endpoints', 20_000, 1000), slice('small', 1, 1)];
  const small = service('small', { clusterIP: '10.96.0.10', ports: portsOf(1) });
  const plan = planProxy([...Object.values(large), small], slices, settings);
  const counts = Object.entries(Object.groupBy(plan.ports, ({ port }) => port.name)).map(([name, ports]) => [
    name,
    ports!.length,
  ]);
  assert.deepEqual(counts, [
    ['externals', 20_000],
    ['ranges', 500],
    ['small', 1],
  ]);
  assert.ok(plan.ports.every(({ port }) => [port.externalIps, port.loadBalancerIps, port.sourceRanges].flat().length === 0));
  assert.equal(plan.ports.at(-1)?.cluster.length, 1);
  assert.deepEqual(
    plan.problems.map(({ name, reason, message }) => `${name} ${reason}: ${message}`),
    [
      'externals TooManyRules: its external addresses are not served, its cluster IP is: 20000 ports times 30000 external addresses and source ranges are more than 20000',
      'ranges TooManyRules: its external addresses are not served, its cluster IP is: 500 ports times 40000 external addresses and source ranges are more than 20000',
      'endpoints TooManyRules: it is not served: its ports times their endpoints are more than 100000',
    ],
  );
});

test('what large clusters have is served: a thousand pods at a hundred ports, a load balancer with thousands of source ranges', () => {
  const ranges = numbered(4000, (i) => `${address(11)(i)}/32`);
  const plan = planProxy(
    [
      service('web', { type: 'LoadBalancer', ports: portsOf(5), loadBalancerSourceRanges: ranges }),
      service('many', { ports: portsOf(100) }),
    ],
    [slice('many', 100, 1000)],
    settings,
  );
  assert.deepEqual(plan.problems, []);
  assert.equal(plan.ports.length, 105);
  assert.equal(plan.ports.find(({ port }) => port.name === 'web')?.port.sourceRanges.length, 4000);
});

test('an external IP takes nothing from the Service whose cluster IP it is, in no mode', () => {
  const api = service('kubernetes', { clusterIP: '10.96.0.1', ports: [{ port: 443, protocol: 'TCP' }] }, 'default');
  const thief = service(
    'thief',
    {
      ports: [443, 8443].map((port) => ({ name: `p${port}`, port, protocol: 'TCP' as const })),
      externalIPs: ['10.96.0.1', '192.0.2.1'],
    },
    'aaa',
  );
  const plan = planProxy([thief, api], [], settings);
  assert.deepEqual(
    plan.problems.map(({ namespace, reason, message }) => [namespace, reason, message]),
    [['aaa', 'ClusterIPTaken', 'its external IP 10.96.0.1 is the cluster IP of a Service with port 443/tcp']],
  );
  // Another port of that address is nobody's.
  assert.deepEqual(
    plan.ports.filter(({ port }) => port.name === 'thief').map(({ port }) => [port.port, port.externalIps]),
    [
      [443, ['192.0.2.1']],
      [8443, ['10.96.0.1', '192.0.2.1']],
    ],
  );
  const nft = renderNftables(plan).sets.get('no-endpoint-services')!.elements;
  assert.equal([...nft.keys()].filter((key) => key === '10.96.0.1 . tcp . 443').length, 1);
  const rules = [...renderIptables(plan).tables.filter.values()].flat();
  assert.deepEqual(
    rules.filter((rule) => rule.includes('-d 10.96.0.1/32 --dport 443 ')).map((rule) => /"([^" ]+) /.exec(rule)?.[1]),
    ['default/kubernetes'],
  );
  const { services } = renderIpvs(plan, { scheduler: 'rr', hostAddresses: [] });
  assert.ok(services.has('tcp 10.96.0.1:443'));
});

test('ranges that lie in another are left out, however many there are, in the order in which the others were given', () => {
  const inner = numbered(50_000, (i) => `${address(10)(i)}/32`);
  const given = [
    'fd00::/8',
    '192.0.2.0/24',
    ...inner,
    '10.0.0.0/8',
    'fd00:1::/32',
    '192.0.2.7',
    'fe00::1',
    'no range',
    '192.0.2.0/24',
  ];
  assert.deepEqual(withoutParts(given), ['fd00::/8', '192.0.2.0/24', '10.0.0.0/8', 'fe00::1', 'no range']);
  assert.deepEqual(withoutParts(['0.0.0.0/1', '127.0.0.0/8', '128.0.0.0/1', '10.0.0.0/8']), ['0.0.0.0/1', '128.0.0.0/1']);
});
