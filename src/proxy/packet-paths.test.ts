import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1EndpointSlice, V1Service } from '../api/gen/types.ts';
import { renderIptables } from './iptables/render.ts';
import { renderNftables } from './nftables/render.ts';
import { type Packet, traceIptables, traceNft } from './packet-tracer.test-support.ts';
import { type NodeSettings, planProxy } from './plan/proxy-plan.ts';

/*
 * What becomes of packets of pods, of the node and of outsiders at each kind of address, by both back ends: upstream's tables
 * (pkg/proxy/iptables and nftables: TestInternalExternalMasquerade, TestEndpointSlice…, TestLoadBalancer, TestNodePorts).
 */

const NODE = ['192.168.0.2', '127.0.0.1'];
const settings: NodeSettings = {
  family: 4,
  node: { name: 'here', zone: 'a' },
  nodeIp: '192.168.0.2',
  localTraffic: { by: 'source', cidr: '10.0.0.0/8' },
  masqueradeAll: false,
  masqueradeMark: 0x4000,
  nodePortAddresses: 'all',
  localhostNodePorts: true,
  conntrackLiberal: false,
};

const SOURCES = { pod: '10.0.0.9', node: '192.168.0.2', outside: '203.0.113.200' };
const DESTINATIONS = {
  'cluster IP': ['172.30.0.41', 80],
  'node port': ['192.168.0.2', 3001],
  'external IP': ['192.168.99.22', 80],
  'load balancer': ['1.2.3.4', 80],
  loopback: ['127.0.0.1', 3001],
} as const;
type Source = keyof typeof SOURCES;
type Destination = keyof typeof DESTINATIONS;

interface Backend {
  readonly ip: string;
  readonly local?: boolean;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
}

function world(spec: Partial<NonNullable<V1Service['spec']>>, backends: readonly Backend[], more: Partial<NodeSettings> = {}) {
  const service: V1Service = {
    metadata: { namespace: 'ns1', name: 'svc1' },
    spec: {
      type: 'LoadBalancer',
      clusterIP: '172.30.0.41',
      externalIPs: ['192.168.99.22'],
      ports: [{ name: 'p80', port: 80, nodePort: 3001, protocol: 'TCP' }],
      ...spec,
    },
    status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } },
  };
  const slice: V1EndpointSlice = {
    metadata: { namespace: 'ns1', name: 'svc1-1', labels: { 'kubernetes.io/service-name': 'svc1' } },
    addressType: 'IPv4',
    ports: [{ name: 'p80', port: 80, protocol: 'TCP' }],
    endpoints: backends.map(({ ip, local = false, ...conditions }) => ({
      addresses: [ip],
      conditions,
      nodeName: local ? 'here' : 'away',
    })),
  };
  const plan = planProxy([service], [slice], { ...settings, ...more });
  const [nft, iptables] = [renderNftables(plan), renderIptables(plan)];
  return {
    nft: (packet: Packet) => traceNft(nft, packet, NODE),
    iptables: (packet: Packet) => traceIptables(iptables, packet, NODE),
  };
}

const LOCAL = { ip: '10.180.0.2', local: true };
const REMOTE = { ip: '10.180.1.2' };
const BOTH = '10.180.0.2:80, 10.180.1.2:80';
const HERE = '10.180.0.2:80';
const AWAY = '10.180.1.2:80';
const gone = { ready: false, serving: true, terminating: true };
const masq = (text: string) => `${text} masqueraded`;
type Flow = readonly [from: Source, to: Destination, comes: string];
const outer = (from: Source, comes: string): Flow[] =>
  (['node port', 'external IP', 'load balancer'] as const).map((to) => [from, to, comes] as const);
/** As upstream, the node's own packets to addresses of others are nobody's to refuse. */
const REFUSED: readonly Flow[] = [
  ...(['pod', 'node', 'outside'] as const).map((from) => [from, 'cluster IP', 'REJECT'] as const),
  ...outer('pod', 'REJECT'),
  ...outer('outside', 'REJECT'),
  ['node', 'node port', 'REJECT'],
];

const CASES: readonly [
  title: string,
  spec: Partial<NonNullable<V1Service['spec']>>,
  backends: readonly Backend[],
  flows: readonly Flow[],
  settings?: Partial<NodeSettings>,
][] = [
  [
    'both policies Cluster',
    {},
    [LOCAL, REMOTE],
    [
      ['pod', 'cluster IP', BOTH],
      ['node', 'cluster IP', masq(BOTH)],
      ['outside', 'cluster IP', masq(BOTH)],
      ...outer('pod', masq(BOTH)),
      ...outer('node', masq(BOTH)),
      ...outer('outside', masq(BOTH)),
    ],
  ],
  [
    'external policy Local: pods and the node go anywhere, outsiders stay and keep their address',
    { externalTrafficPolicy: 'Local' },
    [LOCAL, REMOTE],
    [
      ['pod', 'cluster IP', BOTH],
      ['outside', 'cluster IP', masq(BOTH)],
      ...outer('pod', BOTH),
      ...outer('node', masq(BOTH)),
      ...outer('outside', HERE),
    ],
  ],
  [
    'external policy Local without an endpoint here: pods and the node reach the others all the same, outsiders get nothing',
    { externalTrafficPolicy: 'Local' },
    [REMOTE],
    [['pod', 'cluster IP', AWAY], ...outer('pod', AWAY), ...outer('node', masq(AWAY)), ...outer('outside', 'DROP')],
  ],
  [
    'internal policy Local',
    { internalTrafficPolicy: 'Local' },
    [LOCAL, REMOTE],
    [
      ['pod', 'cluster IP', HERE],
      ['node', 'cluster IP', masq(HERE)],
      ['outside', 'cluster IP', masq(HERE)],
      ...outer('pod', masq(BOTH)),
      ...outer('outside', masq(BOTH)),
    ],
  ],
  [
    'internal policy Local without an endpoint here',
    { internalTrafficPolicy: 'Local' },
    [REMOTE],
    [
      ['pod', 'cluster IP', 'DROP'],
      ['node', 'cluster IP', 'DROP'],
      ['outside', 'cluster IP', 'DROP'],
      ...outer('outside', masq(AWAY)),
    ],
  ],
  ['no endpoint at all', {}, [], REFUSED],
  ['none that is ready or goes', { externalTrafficPolicy: 'Local' }, [{ ...REMOTE, ready: false, serving: false }], REFUSED],
  [
    'nothing is known of what is local',
    { externalTrafficPolicy: 'Local' },
    [LOCAL, REMOTE],
    [
      ['pod', 'cluster IP', BOTH],
      ['node', 'cluster IP', BOTH],
      ['outside', 'cluster IP', BOTH],
      ...outer('pod', HERE),
      ...outer('node', masq(BOTH)),
    ],
    { localTraffic: { by: 'nothing' } },
  ],
  [
    'everything is masqueraded',
    {},
    [LOCAL, REMOTE],
    [['pod', 'cluster IP', masq(BOTH)], ...outer('pod', masq(BOTH))],
    { masqueradeAll: true },
  ],
  [
    'pods are known by their interface',
    { externalTrafficPolicy: 'Local' },
    [LOCAL, REMOTE],
    [['pod', 'cluster IP', BOTH], ['outside', 'cluster IP', masq(BOTH)], ...outer('pod', BOTH), ...outer('outside', HERE)],
    { localTraffic: { by: 'interface', name: 'cni0' } },
  ],
  [
    'pods are known by what their interface begins with',
    {},
    [LOCAL, REMOTE],
    [
      ['pod', 'cluster IP', BOTH],
      ['outside', 'cluster IP', masq(BOTH)],
    ],
    { localTraffic: { by: 'interface-prefix', prefix: 'cni' } },
  ],
  [
    'ready ones go before those that go, here and anywhere by themselves',
    { externalTrafficPolicy: 'Local' },
    [{ ...LOCAL, ...gone }, REMOTE],
    [['pod', 'cluster IP', AWAY], ...outer('pod', AWAY), ...outer('outside', HERE)],
  ],
  [
    'those that go serve when none is ready',
    {},
    [
      { ...LOCAL, ...gone },
      { ...REMOTE, ...gone },
    ],
    [['pod', 'cluster IP', BOTH]],
  ],
  [
    'serving that is not told means yes',
    {},
    [{ ...LOCAL, ready: false, terminating: true }],
    [['pod', 'cluster IP', HERE], ...outer('outside', masq(HERE))],
  ],
  [
    'those that go and serve no more do not',
    {},
    [
      { ...LOCAL, ...gone, serving: false },
      { ...REMOTE, ...gone },
    ],
    [['pod', 'cluster IP', AWAY]],
  ],
  [
    'source ranges hold for the load balancer alone; the node is let in when its address is',
    { loadBalancerSourceRanges: ['192.168.0.0/24', '203.0.113.0/25'] },
    [LOCAL, REMOTE],
    [
      ['outside', 'load balancer', 'DROP'],
      ['pod', 'load balancer', 'DROP'],
      ['node', 'load balancer', masq(BOTH)],
      ['outside', 'node port', masq(BOTH)],
      ['outside', 'external IP', masq(BOTH)],
      ['pod', 'cluster IP', BOTH],
    ],
  ],
  [
    'a source range of everything restricts nothing',
    { loadBalancerSourceRanges: ['0.0.0.0/0', '203.0.113.0/25'] },
    [LOCAL],
    [['outside', 'load balancer', masq(HERE)]],
  ],
  [
    'ranges that let the client in',
    { loadBalancerSourceRanges: [' 203.0.113.0/24 '], externalTrafficPolicy: 'Local' },
    [LOCAL, REMOTE],
    [['outside', 'load balancer', HERE]],
  ],
  [
    'node ports are open on some addresses alone',
    {},
    [LOCAL],
    [
      ['outside', 'node port', ''],
      ['pod', 'node port', ''],
      ['outside', 'external IP', masq(HERE)],
    ],
    { nodePortAddresses: ['192.168.7.7'], localhostNodePorts: false },
  ],
  [
    'a client stays with its endpoint',
    { sessionAffinity: 'ClientIP' },
    [LOCAL, REMOTE],
    [['pod', 'cluster IP', BOTH], ...outer('outside', masq(BOTH))],
  ],
];

const NAMED: Readonly<Record<Source, string | undefined>> = { pod: 'cni0', node: undefined, outside: 'eth0' };
for (const [title, spec, backends, flows, more] of CASES)
  for (const backend of ['nft', 'iptables'] as const)
    test(`${backend}: ${title}`, () => {
      const trace = world(spec, backends, more)[backend];
      const seen = flows.map(([from, to]): Flow => {
        const [destination, port] = DESTINATIONS[to];
        const name = NAMED[from];
        return [from, to, trace({ source: SOURCES[from], destination, port, ...(name && { from: name }) })];
      });
      assert.deepEqual(seen, flows);
    });

test('an endpoint that reaches itself through its Service is masqueraded', () => {
  const { nft, iptables } = world({}, [LOCAL]);
  const packet = { source: LOCAL.ip, destination: '172.30.0.41', port: 80, from: 'cni0' };
  assert.deepEqual([nft(packet), iptables(packet)], [masq(HERE), masq(HERE)]);
});

test('node ports on 127.0.0.1 are for iptables, where the configuration has them', () => {
  const packet = { source: '127.0.0.1', destination: '127.0.0.1', port: 3001 };
  assert.equal(world({}, [LOCAL]).iptables(packet), masq(HERE));
  assert.equal(world({}, [LOCAL]).nft(packet), '');
  assert.equal(world({}, [LOCAL], { localhostNodePorts: false }).iptables(packet), '');
});

test('ports of a cluster IP that no Service has are refused by nftables, and left alone by iptables', () => {
  const packet = { source: SOURCES.pod, destination: '172.30.0.41', port: 81, from: 'cni0' };
  const { nft, iptables } = world({}, [LOCAL]);
  assert.deepEqual([nft(packet), iptables(packet)], ['REJECT', '']);
});

test('SCTP is led as TCP is', () => {
  const spec = { ports: [{ name: 'p80', port: 80, nodePort: 3001, protocol: 'SCTP' }] };
  const [service, slice] = [spec, { ports: [{ name: 'p80', port: 80, protocol: 'SCTP' }] }];
  const plan = planProxy(
    [{ metadata: { namespace: 'ns1', name: 'svc1' }, spec: { clusterIP: '172.30.0.41', type: 'NodePort', ...service } }],
    [
      {
        metadata: { namespace: 'ns1', labels: { 'kubernetes.io/service-name': 'svc1' } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [LOCAL.ip] }],
        ...slice,
      },
    ],
    settings,
  );
  const packet = { source: SOURCES.pod, destination: '172.30.0.41', port: 80, protocol: 'sctp', from: 'cni0' };
  for (const port of [packet, { ...packet, destination: '192.168.0.2', port: 3001 }]) {
    const expected = port === packet ? HERE : masq(HERE);
    assert.deepEqual(
      [traceNft(renderNftables(plan), port, NODE), traceIptables(renderIptables(plan), port, NODE)],
      [expected, expected],
    );
  }
});
