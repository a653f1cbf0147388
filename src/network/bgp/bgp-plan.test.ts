import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node } from '../../api/gen/types.ts';
import { ANNOTATIONS, FAMILY_ANNOTATIONS, isInNetworkOf, planBgp } from './bgp-plan.ts';
import { type BirdFamily, birdConfiguration, hashedRouterId } from './bird-configuration.ts';
import type { BgpPeer } from './calico-kinds.ts';

const node = (
  number: number,
  { labels = {}, annotations = {} }: Pick<NonNullable<V1Node['metadata']>, 'labels' | 'annotations'> = {},
): V1Node => ({
  metadata: {
    name: `n${number}`,
    labels,
    annotations: { [FAMILY_ANNOTATIONS[4].address]: `192.168.20.${number}/24`, ...annotations },
  },
});
const reflector = (number: number) =>
  node(number, { labels: { rr: 'true' }, annotations: { [ANNOTATIONS.clusterId]: '244.0.0.1' } });
const plan = (nodeName: string, nodes: V1Node[], more: { peers?: BgpPeer[]; mesh?: boolean; asNumber?: number } = {}) =>
  planBgp({
    ...{ nodeName, nodes, peers: more.peers ?? [] },
    configuration: { spec: { nodeToNodeMeshEnabled: more.mesh, asNumber: more.asNumber } },
  });
const names = (...args: Parameters<typeof plan>) => plan(...args).peers.map(({ name }) => name);
const FOUR = { family: 4, address: '192.168.20.1/24', blocks: ['10.64.0.0/26', '10.64.1.0/26'] } as const;
const configuration = (...families: BirdFamily[]) =>
  birdConfiguration({
    ...{ routerId: '192.168.20.1', families, keepRoutes: true, logFile: '/var/run/calico/bird.log', logSeverity: 'info' },
  });

test('in the mesh each node speaks to each other one that has an address', () => {
  const nodes = [node(1), node(2), node(3), { metadata: { name: 'new' } }];
  assert.deepEqual(names('n1', nodes), ['Mesh_192_168_20_2', 'Mesh_192_168_20_3']);
  assert.deepEqual(names('n1', nodes, { mesh: false }), []);
  assert.deepEqual(names('new', nodes), []);
  assert.equal(plan('n1', nodes).peers[0]!.asNumber, 64_512);
  assert.equal(plan('n1', nodes, { asNumber: 65_001 }).peers[0]!.asNumber, 65_001);
});

test('route reflectors are outside the mesh, spoken to by those that BGPPeers select, and reflect to them', () => {
  const nodes = [node(1), node(2), reflector(3), reflector(4)];
  const peers = [{ metadata: { name: 'rr' }, spec: { nodeSelector: 'all()', peerSelector: "rr == 'true'" } }];
  assert.deepEqual(names('n1', nodes), ['Mesh_192_168_20_2']);
  assert.deepEqual(names('n1', nodes, { peers, mesh: false }), ['Node_192_168_20_3', 'Node_192_168_20_4']);
  const of3 = plan('n3', nodes, { peers, mesh: false });
  assert.deepEqual(
    of3.peers.map(({ name, clusterId }) => [name, clusterId]),
    [
      ['Node_192_168_20_1', '244.0.0.1'],
      ['Node_192_168_20_2', '244.0.0.1'],
      // Of the same cluster of reflectors: no client.
      ['Node_192_168_20_4', undefined],
    ],
  );
  assert.deepEqual(of3.otherAddresses, ['192.168.20.1', '192.168.20.2', '192.168.20.4']);
});

test('peers outside the cluster are for all nodes, for one, or for those selected', () => {
  const nodes = [node(1, { labels: { rack: 'a' } }), node(2)];
  const peer = (spec: object): BgpPeer => ({
    metadata: { name: 'tor' },
    spec: { peerIP: '192.168.20.254', asNumber: 64_600, ...spec },
  });
  const of = (nodeName: string, spec: object) => names(nodeName, nodes, { mesh: false, peers: [peer(spec)] });
  assert.deepEqual(of('n1', {}), ['Global_192_168_20_254']);
  assert.deepEqual([of('n1', { node: 'n1' }), of('n2', { node: 'n1' })], [['Node_192_168_20_254'], []]);
  assert.deepEqual(
    [of('n1', { nodeSelector: "rack == 'a'" }), of('n2', { nodeSelector: 'has(rack)' })],
    [['Node_192_168_20_254'], []],
  );
});

test('what cannot be used is named, and nothing that ends a line comes into the configuration', () => {
  const evil = '192.168.20.9;\n}\nprotocol static x { route 0.0.0.0/0 via 10.0.0.1; }';
  const nodes = [
    node(1),
    node(2, { annotations: { [FAMILY_ANNOTATIONS[4].address]: evil } }),
    node(3, { annotations: { [ANNOTATIONS.clusterId]: evil } }),
  ];
  const peers: BgpPeer[] = [
    { metadata: { name: 'a' }, spec: { peerIP: evil } },
    { metadata: { name: 'b' }, spec: { peerIP: '10.0.0.1', password: {} } },
    { metadata: { name: 'c' }, spec: { peerIP: '::ffff:10.0.0.2' } },
    // Of the other family: no session of this one.
    { metadata: { name: 'd' }, spec: { peerIP: 'fd00::9' } },
  ];
  const made = plan('n1', nodes, { peers });
  assert.equal(made.problems.length, 2);
  assert.match(made.problems[0]!, /^BGPPeer "a": spec\.peerIP .* is no address/);
  assert.match(made.problems[1]!, /^BGPPeer "b": spec\.password is not supported/);
  assert.deepEqual(
    made.peers.map(({ address }) => address),
    ['10.0.0.2', '192.168.20.3'],
  );
  assert.doesNotMatch(configuration({ ...FOUR, pools: [], plan: made }), /protocol static x/);
});

test('the configuration of BIRD announces whole blocks only, and holds them with a blackhole', () => {
  const text = configuration({
    ...FOUR,
    pools: [{ cidr: '10.64.0.0/10', ipipMode: 'Never' }],
    plan: plan('n1', [node(1), node(2)]),
  });
  assert.match(text, /^router id 192\.168\.20\.1;$/m);
  assert.match(text, /^ {2}route 10\.64\.0\.0\/26 blackhole;\n {2}route 10\.64\.1\.0\/26 blackhole;$/m);
  assert.match(text, /if net ~ \[ 10\.64\.0\.0\/26\+, 10\.64\.1\.0\/26\+ \] then reject;/);
  assert.match(text, /^protocol bgp Mesh_192_168_20_2 from nodes \{\n {2}neighbor 192\.168\.20\.2 as 64512;\n\}$/m);
  assert.match(text, /^ {2}persist;$/m);
  assert.doesNotMatch(text, /tunl0|rr client/);
});

test('with IPIP next hops are behind the tunnel, with CrossSubnet only those of other networks', () => {
  const nodes = [node(1), node(2), node(3, { annotations: { [FAMILY_ANNOTATIONS[4].address]: '192.168.30.3/24' } })];
  const of = (ipipMode: 'Always' | 'CrossSubnet') =>
    configuration({ ...FOUR, pools: [{ cidr: '10.64.0.0/10', ipipMode }], plan: plan('n1', nodes) });
  const routes = (text: string) => [...text.matchAll(/^ {2}route (192.*)$/gm)].map(([, route]) => route);
  assert.deepEqual(routes(of('Always')), [
    '192.168.20.2/32 via 192.168.20.2%tunl0 onlink;',
    '192.168.30.3/32 via 192.168.30.3%tunl0 onlink;',
  ]);
  assert.deepEqual(routes(of('CrossSubnet')), [
    '192.168.20.2/32 via 192.168.20.2;',
    '192.168.30.3/32 via 192.168.30.3%tunl0 onlink;',
  ]);
  assert.match(of('Always'), /gateway recursive; igp table tunnels4;/);
  assert.ok(isInNetworkOf('192.168.20.1/24', '192.168.20.255'));
  assert.ok(!isInNetworkOf('192.168.20.1/24', '192.168.21.0'));
  assert.ok(!isInNetworkOf('192.168.20.1', '192.168.20.1'));
});

const six = (number: number, annotations: Record<string, string> = {}): V1Node =>
  node(number, { annotations: { [FAMILY_ANNOTATIONS[6].address]: `fd00:20::${number.toString(16)}/64`, ...annotations } });

test('sessions between addresses of IPv6 are of their own, and tell of blocks of IPv6', () => {
  const nodes = [six(1), six(0x32), node(3)];
  const peers: BgpPeer[] = [
    { metadata: { name: 'tor' }, spec: { peerIP: 'fd00:20::fe', asNumber: 64_600 } },
    { metadata: { name: 'tor4' }, spec: { peerIP: '192.168.20.254' } },
  ];
  const made = planBgp({ nodeName: 'n1', family: 6, nodes, peers, configuration: undefined });
  assert.deepEqual(
    made.peers.map(({ name, address, asNumber }) => [name, address, asNumber]),
    [
      ['Global_fd00_20__fe', 'fd00:20::fe', 64_600],
      ['Mesh_fd00_20__32', 'fd00:20::32', 64_512],
    ],
  );
  assert.deepEqual(made.problems, []);
  const text = configuration(
    { ...FOUR, pools: [{ cidr: '10.64.0.0/10', ipipMode: 'Never' }], plan: plan('n1', nodes) },
    {
      ...{ family: 6, address: 'fd00:20::1/64', blocks: ['fd00:64::40/122'], plan: made },
      pools: [{ cidr: 'fd00:64::/48', ipipMode: 'Never' }],
    },
  );
  assert.match(text, /^protocol static blocks6 \{\n {2}ipv6;\n {2}route fd00:64::40\/122 blackhole;\n\}$/m);
  assert.match(text, /^ {2}if source = RTS_BGP && net ~ \[ fd00:64::\/48\+ \] then accept;$/m);
  assert.match(text, /^ {2}ipv6 \{ import all; export filter to_kernel6; \};$/m);
  assert.match(text, /^ {2}source address fd00:20::1;$/m);
  assert.match(text, /^protocol bgp Mesh_fd00_20__32 from nodes6 \{\n {2}neighbor fd00:20::32 as 64512;\n\}$/m);
  assert.match(text, /^protocol direct \{ ipv4; ipv6; interface /m);
  assert.equal(text.match(/^protocol kernel \{$/gm)?.length, 2);
});

test('a router id made of a name is an address that a router id may be', () => {
  for (const name of ['a', 'b', 'node-1', 'x'.repeat(63)]) {
    const [first = 0, ...rest] = hashedRouterId(name).split('.').map(Number);
    assert.ok(first >= 1 && first <= 223 && rest.length === 3 && rest.every((byte) => byte >= 0 && byte <= 255), name);
  }
  assert.notEqual(hashedRouterId('a'), hashedRouterId('b'));
});
