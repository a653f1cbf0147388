import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkInterface } from '../../host/network-interfaces.ts';
import { recordedPrograms } from '../../host/recorded-programs.ts';
import { readPools } from './calico-objects.ts';
import { calicoConflist } from './cni-files.ts';
import { chooseAddress } from './detect-address.ts';
import { poolRules } from './pool-rules.ts';
import { openTunnel } from './tunnel-device.ts';

const NODE = { metadata: { name: 'n1', labels: { rack: 'a' } } };

test('of the pools those are used that this node can use, and the others are named', () => {
  const pool = (name: string, spec: object) => ({ metadata: { name }, spec: { cidr: '10.64.0.0/10', ...spec } });
  const { pools, problems } = readPools(
    [
      pool('b', { blockSize: 24, ipipMode: 'CrossSubnet', natOutgoing: true }),
      pool('a', { nodeSelector: "rack == 'b'" }),
      pool('c', { disabled: true }),
      pool('d', { vxlanMode: 'Always', ipipMode: 'Always' }),
      pool('d2', { vxlanMode: 'Sometimes' }),
      pool('h', { vxlanMode: 'CrossSubnet' }),
      pool('e', { cidr: 'fd00::/48' }),
      pool('e2', { cidr: 'fd01::/48', ipipMode: 'Always' }),
      pool('e3', { cidr: 'fd02::/48', blockSize: 64 }),
      // No pod could have an address of such blocks, and a node would take one after the other.
      pool('e4', { blockSize: 32 }),
      pool('f', { nodeSelector: 'nonsense' }),
      pool('g', { blockSize: 8 }),
    ],
    NODE,
  );
  assert.deepEqual(
    pools.map(({ blockSize, forNode }) => [blockSize, forNode]),
    [
      [26, false],
      [24, true],
      [26, false],
      [122, true],
      [26, true],
    ],
  );
  assert.deepEqual(
    problems.map((text) => text.slice(0, 10)),
    ['IPPool "d"', 'IPPool "d2', 'IPPool "e2', 'IPPool "e3', 'IPPool "e4', 'IPPool "f"', 'IPPool "g"'],
  );
});

const device = (name: string, ip: string, more: Partial<NetworkInterface> = {}): NetworkInterface => ({
  ...{ name, kind: undefined, mtu: 1500, mac: '', isUp: true, data: {} },
  addresses: [{ ip, prefix: 24, scope: 'global' }],
  addresses6: [],
  ...more,
});

test('the address is that of the first interface that fits', () => {
  const interfaces = [
    device('lo', '127.0.0.1', { addresses: [{ ip: '127.0.0.1', prefix: 8, scope: 'host' }] }),
    device('docker0', '172.17.0.1'),
    device('down0', '10.1.0.1', { isUp: false }),
    device('ens160', '192.168.20.31'),
    device('ens192', '10.9.0.31'),
  ];
  assert.equal(chooseAddress(interfaces, { method: 'first-found' }), '192.168.20.31/24');
  assert.equal(chooseAddress(interfaces, { method: 'interface', patterns: [/none/, /ens19.*/] }), '10.9.0.31/24');
  assert.equal(chooseAddress(interfaces, { method: 'interface', patterns: [/docker0/] }), '172.17.0.1/24');
  assert.equal(chooseAddress(interfaces, { method: 'skip-interface', patterns: [/ens160/] }), '10.9.0.31/24');
  assert.equal(chooseAddress(interfaces, { method: 'cidr', cidrs: ['10.9.0.0/16'] }), '10.9.0.31/24');
  assert.equal(chooseAddress(interfaces, { method: 'can-reach', destination: '8.8.8.8' }, 'ens192'), '10.9.0.31/24');
  assert.equal(chooseAddress(interfaces, { method: 'interface', patterns: [/^eth0$/] }), undefined);
});

test('all blocks are one set of addresses for pods, each at a link of its own', () => {
  const { plugins } = calicoConflist(['10.64.0.0/26', '10.64.1.0/26'], { addressDirectory: '/a', mtu: 1480 }) as {
    plugins: object[];
  };
  assert.deepEqual(plugins[0], {
    ...{ type: 'ptp', ipMasq: false, mtu: 1480 },
    ipam: {
      ...{ type: 'host-local', dataDir: '/a', ranges: [[{ subnet: '10.64.0.0/26' }, { subnet: '10.64.1.0/26' }]] },
      routes: [{ dst: '0.0.0.0/0' }],
    },
  });
});

test('pods have an address of each family that the node has blocks of', () => {
  const { plugins } = calicoConflist(['10.64.0.0/26', 'fd00:64::/122'], { addressDirectory: '/a', mtu: undefined }) as {
    plugins: { ipam: object }[];
  };
  assert.deepEqual(plugins[0]?.ipam, {
    ...{ type: 'host-local', dataDir: '/a', ranges: [[{ subnet: '10.64.0.0/26' }], [{ subnet: 'fd00:64::/122' }]] },
    routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
  });
});

test('addresses of IPv6 are found likewise, and those of a link are none', () => {
  const link = { ip: 'fe80::1', prefix: 64, scope: 'link' };
  const interfaces = [
    device('ens160', '192.168.20.31', { addresses6: [link, { ip: 'fd00:20::31', prefix: 64, scope: 'global' }] }),
    device('ens192', '10.9.0.31', { addresses6: [link] }),
  ];
  const choose = (method: Parameters<typeof chooseAddress>[1]) => chooseAddress(interfaces, method, undefined, 6);
  assert.equal(choose({ method: 'first-found' }), 'fd00:20::31/64');
  assert.equal(choose({ method: 'interface', patterns: [/ens192/] }), undefined);
  assert.equal(choose({ method: 'cidr', cidrs: ['fd00:20::/32'] }), 'fd00:20::31/64');
});

test('only what leaves all pools is masqueraded, and only from pools that say so', () => {
  const rules = (...pools: Parameters<typeof poolRules>[0]) => poolRules(pools).chains.get('postrouting')!.rules;
  assert.deepEqual(rules({ cidr: '10.64.0.0/10', natOutgoing: true }, { cidr: '10.0.0.0/16', natOutgoing: false }), [
    'ip saddr { 10.64.0.0/10 } ip daddr != { 10.64.0.0/10, 10.0.0.0/16 } masquerade fully-random',
  ]);
  assert.deepEqual(rules({ cidr: '10.0.0.0/16', natOutgoing: false }), []);
});

test('a kernel without IPIP is told of in words that help', async () => {
  const programs = recordedPrograms(({ program, args }) => {
    if (program === 'ip' && args.includes('show')) return { stdout: '[]' };
    return { exitCode: 2, stderr: 'Error: Unknown device type.' };
  });
  await assert.rejects(openTunnel(programs.run, { address: '10.64.0.1', mtu: 1480 }), {
    code: 'IPIP_MISSING',
    message: /CALICO_IPV4POOL_IPIP.*this kernel has none \(module ipip, CONFIG_NET_IPIP\)/,
  });
  assert.ok(programs.lines.includes('modprobe ipip'));
});

test('the device of the module is set up, and an address of an earlier block goes', async () => {
  const found = [
    { ifname: 'tunl0', flags: [], mtu: 0, addr_info: [{ family: 'inet', local: '10.64.9.1', prefixlen: 32, scope: 'global' }] },
  ];
  const programs = recordedPrograms(({ args }) => (args.includes('show') ? { stdout: JSON.stringify(found) } : undefined));
  await openTunnel(programs.run, { address: '10.64.0.1', mtu: 1480 });
  assert.deepEqual(programs.lines.slice(1), [
    'ip link set tunl0 mtu 1480 up',
    'ip address delete 10.64.9.1/32 dev tunl0',
    'ip address replace 10.64.0.1/32 dev tunl0',
  ]);
});
