import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BlockAffinity } from './calico-kinds.ts';
import { planVxlan, planVxlanDevice, tunnelMac } from './vxlan-plan.ts';

const told = (name: string, address: string, tunnel: string, mac = tunnelMac(name)) => ({
  metadata: {
    name,
    annotations: {
      'projectcalico.org/IPv4Address': address,
      'projectcalico.org/IPv4VXLANTunnelAddr': tunnel,
      'projectcalico.org/VXLANTunnelMACAddr': mac,
    },
  },
});
const affinity = (node: string, cidr: string): BlockAffinity => ({ spec: { node, cidr, state: 'confirmed' } });
const SELF = { nodeName: 'n1', address: '192.168.20.31/24', device: 'ens160' };
const ALWAYS = [{ cidr: '10.64.0.0/10', vxlanMode: 'Always' }] as const;
const NODES = [
  told('n1', '192.168.20.31/24', '10.64.0.0'),
  told('n2', '192.168.20.32/24', '10.64.1.0'),
  told('n3', '172.16.0.3/24', '10.64.2.0'),
];
const BLOCKS = [
  affinity('n1', '10.64.0.0/26'),
  affinity('n2', '10.64.1.0/26'),
  affinity('n2', '10.64.9.0/26'),
  affinity('n3', '10.64.2.0/26'),
];

test('each block of the others is behind the device of its node, the own ones and those of other pools are not', () => {
  const affinities = [...BLOCKS, affinity('n2', '172.20.0.0/26')];
  const { routes, neighbours, tunnels, problems } = planVxlan({ ...SELF, pools: ALWAYS, nodes: NODES, affinities });
  assert.deepEqual(
    routes.map(({ to, via, device, onLink }) => [to, via, device, onLink]),
    [
      ['10.64.1.0/26', '10.64.1.0', 'vxlan.calico', true],
      ['10.64.2.0/26', '10.64.2.0', 'vxlan.calico', true],
      ['10.64.9.0/26', '10.64.1.0', 'vxlan.calico', true],
    ],
  );
  assert.deepEqual(neighbours, [
    { ip: '10.64.1.0', mac: tunnelMac('n2') },
    { ip: '10.64.2.0', mac: tunnelMac('n3') },
  ]);
  assert.deepEqual(
    tunnels.map(({ to }) => to),
    ['192.168.20.32', '172.16.0.3'],
  );
  assert.deepEqual(problems, []);
});

test('across subnets only: nodes of the own network are reached without the device', () => {
  const pools = [{ cidr: '10.64.0.0/10', vxlanMode: 'CrossSubnet' }] as const;
  const { routes, tunnels } = planVxlan({ ...SELF, pools, nodes: NODES, affinities: BLOCKS });
  assert.deepEqual(
    routes.map(({ to, via, device }) => [to, via, device]),
    [
      ['10.64.1.0/26', '192.168.20.32', 'ens160'],
      ['10.64.2.0/26', '10.64.2.0', 'vxlan.calico'],
      ['10.64.9.0/26', '192.168.20.32', 'ens160'],
    ],
  );
  assert.equal(tunnels.length, 1);
  assert.deepEqual(planVxlan({ ...SELF, pools: [], nodes: NODES, affinities: BLOCKS }).routes, []);
});

test('who has not said where it is, or says what is another’s, is not reached, and named once', () => {
  const nodes = [
    told('n2', '192.168.20.32/24', '10.64.1.0', 'ff:00:00:00:00:01'),
    told('n3', '172.16.0.3/24', '10.64.2.0'),
    told('n4', '172.16.0.4/24', '10.64.2.0'),
  ];
  const affinities = [...BLOCKS, affinity('n4', '10.64.4.0/26'), affinity('gone', '10.64.5.0/26')];
  const { routes, problems } = planVxlan({ ...SELF, pools: ALWAYS, nodes, affinities });
  assert.deepEqual(
    routes.map(({ to }) => to),
    ['10.64.2.0/26'],
  );
  assert.deepEqual(
    problems.map((text) =>
      /^node "(\w+)" (has not said where|has not said the addresses|says addresses)/.exec(text)?.slice(1, 3),
    ),
    [
      ['n2', 'has not said the addresses'],
      ['n4', 'says addresses'],
      ['gone', 'has not said where'],
      ['n2', 'has not said the addresses'],
    ],
  );
});

test('whatever nodes say of themselves, nothing but addresses comes out of it', () => {
  const any = fc.oneof(fc.string(), fc.constantFrom('10.64.1.0', '192.168.20.32/24', '66:00:00:00:00:01'));
  fc.assert(
    fc.property(any, any, any, (address, tunnel, mac) => {
      const nodes = [told('n2', address, tunnel, mac)];
      const { routes, neighbours } = planVxlan({ ...SELF, pools: ALWAYS, nodes, affinities: BLOCKS });
      for (const { via } of routes) assert.match(via, /^\d+\.\d+\.\d+\.\d+$/);
      for (const one of neighbours) assert.match(one.mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    }),
  );
});

test('the device is Felix’s, with an address of the link layer that its node has after each start', () => {
  const settings = { vni: 4096, port: 4789, mtu: 1450 };
  const outer = { device: 'ens160', ip: '192.168.20.31' };
  const { name, create, fits, address } = planVxlanDevice(settings, outer, { nodeName: 'n1', address: '10.64.0.0' });
  assert.equal(name, 'vxlan.calico');
  assert.equal(address, '10.64.0.0/32');
  assert.deepEqual(
    create.join(' '),
    `address ${tunnelMac('n1')} type vxlan id 4096 local 192.168.20.31 dev ens160 dstport 4789 nolearning`,
  );
  assert.match(tunnelMac('n1'), /^66(:[0-9a-f]{2}){5}$/);
  assert.notEqual(tunnelMac('n1'), tunnelMac('n2'));
  const device = { name, kind: 'vxlan', mtu: 1450, mac: '', isUp: true, addresses: [], addresses6: [] };
  const data = { id: 4096, local: '192.168.20.31', link: 'ens160', port: 4789, learning: false };
  assert.ok(fits({ ...device, data }));
  assert.ok(!fits({ ...device, data: { ...data, port: 8472 } }));
});
