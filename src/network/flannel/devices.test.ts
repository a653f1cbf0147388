import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import { type NetworkInterface, readInterfaces, readRouteTo } from '../../host/network-interfaces.ts';
import { recordedPrograms } from '../../host/recorded-programs.ts';
import type { VxlanBackend } from './net-conf.ts';
import { chooseInterface } from './outer-interface.ts';
import { applyTunnelDevice, planTunnelDevice, podMtu } from './tunnel-device.ts';

const face = (name: string, ...all: string[]): NetworkInterface => ({
  name,
  kind: undefined,
  mtu: 1500,
  mac: '02:00:00:00:00:01',
  isUp: true,
  data: {},
  addresses: all.filter(isIPv4).map((ip) => ({ ip, prefix: 24, scope: ip.startsWith('169.254.') ? 'link' : 'global' })),
  addresses6: all.filter(isIPv6).map((ip) => ({ ip, prefix: 64, scope: ip.startsWith('fe80:') ? 'link' : 'global' })),
});
const ALL = [face('lo', '127.0.0.1'), face('eth0', '169.254.0.1', '192.0.2.1'), face('ens160', '198.51.100.1', '198.51.100.9')];
const NO_WISH = { interfaces: [], patterns: [], publicIp: undefined };

test('the interface is the one of the default route, with its first address that is not of the link alone', () => {
  assert.deepEqual(chooseInterface(ALL, NO_WISH, 'eth0'), {
    family: 4,
    device: 'eth0',
    ip: '192.0.2.1',
    publicIp: '192.0.2.1',
    mtu: 1500,
    linkCidrs: ['169.254.0.1/24', '192.0.2.1/24'],
  });
});

test('a name or an address may be wished for, the first that is there; then an expression', () => {
  assert.equal(chooseInterface(ALL, { ...NO_WISH, interfaces: ['eth7', 'ens160'] }, 'eth0').ip, '198.51.100.1');
  assert.equal(chooseInterface(ALL, { ...NO_WISH, interfaces: ['198.51.100.9'] }, 'eth0').ip, '198.51.100.9');
  assert.equal(chooseInterface(ALL, { ...NO_WISH, interfaces: ['eth7'], patterns: [/^ens/] }, 'eth0').device, 'ens160');
  assert.equal(chooseInterface(ALL, { ...NO_WISH, patterns: [/^198\.51\.100\.9$/] }, 'eth0').ip, '198.51.100.9');
  assert.equal(chooseInterface(ALL, { ...NO_WISH, publicIp: '203.0.113.1' }, 'eth0').publicIp, '203.0.113.1');
});

test('of IPv6 it has an address that others can send to, whatever names it', () => {
  const all = [face('lo', '::1'), face('eth0', '192.0.2.1', 'fe80::1', '2001:db8::1'), face('eth1', '192.0.2.9', 'fe80::9')];
  const expected = { family: 6, device: 'eth0', ip: '2001:db8::1', publicIp: '2001:db8::1', linkCidrs: ['2001:db8::1/64'] };
  for (const wish of ['eth0', '192.0.2.1', '2001:db8::1']) {
    const { mtu: _, ...found } = chooseInterface(all, { ...NO_WISH, interfaces: [wish] }, undefined, 6);
    assert.deepEqual(found, expected, wish);
  }
  assert.equal(chooseInterface(all, { ...NO_WISH, patterns: [/^192\.0\.2\.1$/] }, undefined, 6).ip, '2001:db8::1');
  assert.throws(() => chooseInterface(all, NO_WISH, 'eth1', 6), {
    code: 'INTERFACE_MISSING',
    message: 'failed to find IPv6 address for interface eth1',
  });
});

test('an interface that is not there is named', () => {
  const missing = (message: RegExp) => ({ code: 'INTERFACE_MISSING', message });
  assert.throws(() => chooseInterface(ALL, { ...NO_WISH, interfaces: ['eth7'] }, 'eth0'), missing(/matching eth7/));
  assert.throws(() => chooseInterface(ALL, NO_WISH, undefined), missing(/default route; --iface/));
  assert.throws(() => chooseInterface([face('eth0')], NO_WISH, 'eth0'), missing(/IPv4 address for interface eth0/));
});

const VXLAN: VxlanBackend = {
  type: 'vxlan',
  ...{ vni: 1, port: 8472, groupBasedPolicy: false, learning: false, directRouting: false },
};
const OUTER = chooseInterface(ALL, NO_WISH, 'eth0');
const OWN = { subnet: '10.128.1.0/24', mac: '02:00:00:00:00:aa' };

/** A device as the kernel tells of it. */
const flannel1 = (more: Partial<NetworkInterface> = {}): NetworkInterface => ({
  ...face('flannel.1'),
  kind: 'vxlan',
  mtu: 1450,
  mac: '02:00:00:00:00:bb',
  data: { id: 1, local: '192.0.2.1', link: 'eth0', port: 8472, learning: false },
  addresses: [{ ip: '10.128.1.0', prefix: 32, scope: 'global' }],
  ...more,
});

test('a vxlan device is made with the address it is to have, below the link’s size', async () => {
  const programs = recordedPrograms();
  const device = planTunnelDevice(VXLAN, OUTER, OWN)!;
  assert.equal(await applyTunnelDevice(programs.run, device, ALL), '02:00:00:00:00:aa');
  assert.deepEqual(programs.lines, [
    'ip link add flannel.1 address 02:00:00:00:00:aa type vxlan id 1 local 192.0.2.1 dev eth0 dstport 8472 nolearning',
    'ip link set flannel.1 mtu 1450',
    'ip address add 10.128.1.0/32 dev flannel.1',
    'ip link set flannel.1 up',
  ]);
});

test('IPv6 has a device of its own, and smaller packets', async () => {
  const outer = chooseInterface([face('eth0', '2001:db8::1')], NO_WISH, 'eth0', 6);
  const device = planTunnelDevice(VXLAN, outer, { ...OWN, subnet: 'fd00:10:128:1::/64' })!;
  const programs = recordedPrograms();
  await applyTunnelDevice(programs.run, device, ALL);
  assert.deepEqual(programs.lines, [
    'ip link add flannel-v6.1 address 02:00:00:00:00:aa type vxlan id 1 local 2001:db8::1 dev eth0 dstport 8472 nolearning',
    'ip link set flannel-v6.1 mtu 1430',
    'ip address add fd00:10:128:1::/128 dev flannel-v6.1 nodad',
    'ip link set flannel-v6.1 up',
  ]);
  const present = flannel1({
    ...{ name: 'flannel-v6.1', mtu: 1430, addresses: [] },
    data: { id: 1, local6: '2001:db8::1', link: 'eth0', port: 8472, learning: false },
    addresses6: [
      { ip: 'fd00:10:128:1::', prefix: 128, scope: 'global' },
      { ip: 'fe80::1', prefix: 64, scope: 'link' },
    ],
  });
  const again = recordedPrograms();
  await applyTunnelDevice(again.run, device, [present]);
  assert.deepEqual(again.lines, [], 'what the kernel gave it stays');
});

test('a device that fits stays with its address; one of another kind of life is made anew', async () => {
  const device = planTunnelDevice(VXLAN, OUTER, OWN)!;
  const programs = recordedPrograms();
  assert.equal(await applyTunnelDevice(programs.run, device, [flannel1()]), '02:00:00:00:00:bb');
  assert.deepEqual(programs.lines, []);
  const others = [{ id: 2 }, { local: '192.0.2.9' }, { link: 'ens160' }, { port: 4789 }, { learning: true }, { gbp: true }];
  for (const data of others) {
    const again = recordedPrograms();
    await applyTunnelDevice(again.run, device, [flannel1({ data: { ...flannel1().data, ...data } })]);
    assert.equal(again.lines[0], 'ip link delete flannel.1', JSON.stringify(data));
  }
});

test('a device with another range, size or state is put right', async () => {
  const programs = recordedPrograms();
  const present = flannel1({ mtu: 1500, isUp: false, addresses: [{ ip: '10.128.9.0', prefix: 32, scope: 'global' }] });
  await applyTunnelDevice(programs.run, planTunnelDevice(VXLAN, OUTER, OWN)!, [present]);
  assert.deepEqual(programs.lines, [
    'ip link set flannel.1 mtu 1450',
    'ip address delete 10.128.9.0/32 dev flannel.1',
    'ip address add 10.128.1.0/32 dev flannel.1',
    'ip link set flannel.1 up',
  ]);
});

test('where the kernel has no such devices, that is said with what to take', async () => {
  const programs = recordedPrograms(({ args }) =>
    args[1] === 'add' ? { exitCode: 2, stderr: 'Error: Unknown device type.' } : undefined,
  );
  const device = planTunnelDevice({ type: 'ipip', directRouting: false }, OUTER, OWN)!;
  await assert.rejects(applyTunnelDevice(programs.run, device, ALL), {
    code: 'BACKEND_IMPOSSIBLE',
    message: /this kernel has no ipip devices \(modprobe ipip\)/,
  });
  assert.equal(planTunnelDevice({ type: 'host-gw' }, OUTER, OWN), undefined);
});

test('pods’ packets are as large as the backend leaves room for', () => {
  assert.deepEqual(
    [VXLAN, { ...VXLAN, mtu: 9000 }, { type: 'ipip', directRouting: false } as const, { type: 'host-gw' } as const].map(
      (backend) => podMtu(backend, OUTER),
    ),
    [1450, 8950, 1480, 1500],
  );
});

test('what ip(8) prints is read, and what it leaves out is not missed', async () => {
  const link = {
    ifname: 'flannel.1',
    flags: ['UP'],
    mtu: 1450,
    address: '02:00:00:00:00:bb',
    linkinfo: { info_kind: 'vxlan', info_data: { id: 1 } },
    addr_info: [
      { family: 'inet', local: '10.128.1.0', prefixlen: 32, scope: 'global' },
      { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
    ],
  };
  const { run } = recordedPrograms(() => ({ stdout: JSON.stringify([link, {}, { ifname: 'eth0' }]) }));
  assert.deepEqual(
    (await readInterfaces(run)).map(({ name, kind, addresses, addresses6 }) => [name, kind, addresses.length, addresses6.length]),
    [
      ['flannel.1', 'vxlan', 1, 1],
      ['eth0', undefined, 0, 0],
    ],
  );
  const none = recordedPrograms(() => ({ exitCode: 2, stderr: 'RTNETLINK answers: Network is unreachable' }));
  assert.equal(await readRouteTo(none.run, '203.0.113.1'), undefined);
  const some = recordedPrograms(() => ({ stdout: '[{"dst":"default","gateway":"192.0.2.254","dev":"eth0"}]' }));
  assert.deepEqual(await readRouteTo(some.run, 'default'), { device: 'eth0', gateway: '192.0.2.254' });
});
