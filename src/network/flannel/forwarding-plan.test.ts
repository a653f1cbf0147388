import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Forwarding, forwardingChanges, planForwarding } from './forwarding-plan.ts';
import type { Lease } from './lease.ts';
import type { Backend } from './net-conf.ts';

const NETWORK = '10.128.0.0/9';
const VXLAN: Backend = { type: 'vxlan', vni: 1, port: 8472, groupBasedPolicy: false, learning: false, directRouting: false };
const PLACE = {
  nodeName: 'n1',
  subnet: '10.128.1.0/24',
  publicIp: '192.0.2.1',
  device: 'eth0',
  linkCidrs: ['192.0.2.1/24'],
  tunnelDevice: 'flannel.1',
};

const lease = (number: number, more: Partial<Lease> = {}): Lease => ({
  nodeName: `n${number}`,
  subnet: `10.128.${number}.0/24`,
  publicIp: `192.0.2.${number}`,
  backendType: 'vxlan',
  vxlan: { vni: 1, mac: `02:00:00:00:00:0${number}` },
  ...more,
});
const plan = (backend: Backend, ...leases: Lease[]) => planForwarding({ backend, network: NETWORK }, PLACE, leases);

test('vxlan: a neighbour, the node behind it, and a route, for every node but this one', () => {
  assert.deepEqual(plan(VXLAN, lease(1), lease(2)), {
    routes: [{ to: '10.128.2.0/24', via: '10.128.2.0', device: 'flannel.1', onLink: true }],
    neighbours: [{ ip: '10.128.2.0', mac: '02:00:00:00:00:02' }],
    tunnels: [{ mac: '02:00:00:00:00:02', to: '192.0.2.2' }],
    problems: [],
  });
});

test('direct routing: who is on the link is reached without a tunnel', () => {
  const { routes, tunnels } = plan({ ...VXLAN, directRouting: true }, lease(2), lease(3, { publicIp: '198.51.100.3' }));
  assert.deepEqual(
    routes.map(({ via, device }) => [via, device]),
    [
      ['192.0.2.2', 'eth0'],
      ['10.128.3.0', 'flannel.1'],
    ],
  );
  assert.equal(tunnels.length, 1);
});

test('host-gw leads through the node itself, and says so of one that is not on the link', () => {
  const gateway = (number: number, more: Partial<Lease> = {}) => lease(number, { backendType: 'host-gw', ...more });
  const { routes, problems } = plan({ type: 'host-gw' }, gateway(2), gateway(3, { publicIp: '198.51.100.3' }));
  assert.deepEqual(routes, [{ to: '10.128.2.0/24', via: '192.0.2.2', device: 'eth0', onLink: false }]);
  assert.deepEqual(problems, ['node n3 is not reached: 198.51.100.3 is not on the link of eth0, which host-gw needs']);
});

test('ipip leads through the tunnel to the node; alloc leads nowhere', () => {
  const ipip = planForwarding(
    { backend: { type: 'ipip', directRouting: false }, network: NETWORK },
    { ...PLACE, tunnelDevice: 'flannel.ipip' },
    [lease(2, { backendType: 'ipip' })],
  );
  assert.deepEqual(ipip.routes, [{ to: '10.128.2.0/24', via: '192.0.2.2', device: 'flannel.ipip', onLink: true }]);
  assert.deepEqual(plan({ type: 'alloc' }, lease(2, { backendType: 'alloc' })).routes, []);
});

test('a node cannot take what is not its own', () => {
  const { routes, problems } = plan(
    VXLAN,
    lease(2),
    lease(3, { subnet: '10.128.1.0/25' }),
    lease(4, { subnet: '10.128.2.0/24' }),
    lease(5, { subnet: '172.16.0.0/24' }),
    lease(6, { publicIp: '192.0.2.1' }),
    lease(7, { backendType: 'udp' }),
    lease(8, { vxlan: { vni: 2, mac: '02:00:00:00:00:08' } }),
    lease(9, { vxlan: { vni: 1, mac: '02:00:00:00:00:02' } }),
  );
  assert.deepEqual(
    routes.map(({ to }) => to),
    ['10.128.2.0/24'],
  );
  assert.deepEqual(
    problems.map((problem) => /node (n\d) is not reached/.exec(problem)?.[1]),
    ['n3', 'n4', 'n5', 'n6', 'n7', 'n8', 'n9'],
  );
});

test('IPv6 is led the same way, through its own device', () => {
  const six = (number: number, more: Partial<Lease> = {}) =>
    lease(number, { subnet: `fd00:10:128:${number}::/64`, publicIp: `2001:db8::${number}`, ...more });
  const place = {
    ...{ nodeName: 'n1', device: 'eth0', subnet: 'fd00:10:128:1::/64', publicIp: '2001:db8::1' },
    ...{ linkCidrs: ['2001:db8::1/64'], tunnelDevice: 'flannel-v6.1' },
  };
  const network = 'fd00:10:128::/48';
  const { routes, tunnels } = planForwarding({ backend: VXLAN, network }, place, [six(2)]);
  assert.deepEqual(routes, [{ to: 'fd00:10:128:2::/64', via: 'fd00:10:128:2::', device: 'flannel-v6.1', onLink: true }]);
  assert.deepEqual(tunnels, [{ mac: '02:00:00:00:00:02', to: '2001:db8::2' }]);
  const gateway = planForwarding({ backend: { type: 'host-gw' }, network }, place, [
    six(2, { backendType: 'host-gw' }),
    six(3, { backendType: 'host-gw', publicIp: '2001:db8:1::3' }),
    six(4, { backendType: 'host-gw', subnet: '10.128.4.0/24' }),
  ]);
  assert.deepEqual(gateway.routes, [{ to: 'fd00:10:128:2::/64', via: '2001:db8::2', device: 'eth0', onLink: false }]);
  assert.equal(gateway.problems.length, 2);
});

const NOTHING: Forwarding = { routes: [], neighbours: [], tunnels: [] };
const DEVICE = { tunnelDevice: 'flannel.1' };

test('what is missing is written, the route after the neighbour that it leads to', () => {
  assert.deepEqual(forwardingChanges(NOTHING, plan(VXLAN, lease(2)), DEVICE), {
    ip: [
      'neighbour replace 10.128.2.0 lladdr 02:00:00:00:00:02 dev flannel.1 nud permanent',
      'route replace 10.128.2.0/24 via 10.128.2.0 dev flannel.1 onlink proto 96',
    ],
    bridge: ['fdb replace 02:00:00:00:00:02 dev flannel.1 dst 192.0.2.2 self permanent'],
  });
});

test('what is there already is not written again', () => {
  const wanted = plan(VXLAN, lease(2), lease(3));
  assert.deepEqual(forwardingChanges(wanted, wanted, DEVICE), { ip: [], bridge: [] });
});

test('of a node that has gone nothing stays, and one that has moved is followed', () => {
  const before = plan(VXLAN, lease(2), lease(3));
  const after = plan(VXLAN, lease(3, { publicIp: '192.0.2.33' }));
  assert.deepEqual(forwardingChanges(before, after, DEVICE), {
    ip: ['route delete 10.128.2.0/24 proto 96', 'neighbour delete 10.128.2.0 dev flannel.1'],
    bridge: [
      'fdb delete 02:00:00:00:00:02 dev flannel.1 dst 192.0.2.2 self',
      'fdb replace 02:00:00:00:00:03 dev flannel.1 dst 192.0.2.33 self permanent',
    ],
  });
});

test('what a device that learns has learnt stays', () => {
  const actual = { ...NOTHING, tunnels: [{ mac: '02:00:00:00:00:77', to: '192.0.2.77' }] };
  assert.deepEqual(forwardingChanges(actual, NOTHING, { ...DEVICE, learning: true }).bridge, []);
});

test('any state leads to the wanted one', () => {
  const plans = [
    plan(VXLAN),
    plan(VXLAN, lease(2)),
    plan(VXLAN, lease(2), lease(3)),
    plan({ ...VXLAN, directRouting: true }, lease(3)),
  ];
  for (const actual of plans) for (const wanted of plans) assert.deepEqual(applied(actual, wanted), sorted(wanted));
});

/** A kernel that takes the lines. */
function applied(actual: Forwarding, wanted: Forwarding) {
  const { ip, bridge } = forwardingChanges(actual, wanted, DEVICE);
  const routes = new Map(actual.routes.map((route) => [route.to, route]));
  const neighbours = new Map(actual.neighbours.map((neighbour) => [neighbour.ip, neighbour]));
  const tunnels = new Map(actual.tunnels.map((tunnel) => [tunnel.mac, tunnel]));
  for (const line of ip) {
    const [what, verb, key = '', , via = '', , device = '', last] = line.split(' ');
    if (what === 'route' && verb === 'delete') routes.delete(key);
    else if (what === 'route') routes.set(key, { to: key, via, device, onLink: last === 'onlink' });
    else if (verb === 'delete') neighbours.delete(key);
    else neighbours.set(key, { ip: key, mac: via });
  }
  for (const line of bridge) {
    const [, verb, mac = '', , , , to = ''] = line.split(' ');
    if (verb === 'delete') tunnels.delete(mac);
    else tunnels.set(mac, { mac, to });
  }
  return sorted({ routes: [...routes.values()], neighbours: [...neighbours.values()], tunnels: [...tunnels.values()] });
}

const sorted = ({ routes, neighbours, tunnels }: Forwarding) =>
  [routes, neighbours, tunnels].map((list) => list.map((one) => JSON.stringify(one)).sort());
