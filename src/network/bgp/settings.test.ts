import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCalicoSettings } from './settings.ts';

const complaint = (environment: Record<string, string>): string => {
  try {
    readCalicoSettings(environment);
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
};

test('NET-08, NET-13 the variables of the runbooks are read as they stand there', () => {
  const settings = readCalicoSettings({
    CALICO_IPV4POOL_CIDR: '10.64.0.0/10',
    IP_AUTODETECTION_METHOD: 'interface=ens160',
    CALICO_IPV4POOL_IPIP: 'off',
    FELIX_LOGSEVERITYSCREEN: 'info',
    FELIX_IPV6SUPPORT: 'false',
  });
  assert.deepEqual(settings.defaultPool, {
    cidr: '10.64.0.0/10',
    blockSize: 26,
    ipipMode: 'Never',
    vxlanMode: 'Never',
    natOutgoing: true,
    nodeSelector: 'all()',
  });
  assert.deepEqual(settings.ip, { method: 'interface', patterns: [/ens160/] });
  assert.deepEqual(settings.remarks, []);
  assert.equal(readCalicoSettings({ CALICO_IPV4POOL_IPIP: 'always' }).defaultPool?.ipipMode, 'Always');
  assert.equal(readCalicoSettings({ CALICO_IPV4POOL_IPIP: 'CrossSubnet' }).defaultPool?.ipipMode, 'CrossSubnet');
});

test('without variables it is calico-node’s defaults', () => {
  const settings = readCalicoSettings({});
  assert.equal(settings.defaultPool?.cidr, '192.168.0.0/16');
  assert.deepEqual(
    [settings.ip, settings.backend, settings.asNumber, settings.mtu],
    [{ method: 'first-found' }, 'bird', undefined, undefined],
  );
  assert.equal(settings.ipipMtu, 1480);
  assert.deepEqual(settings.vxlan[4], { vni: 4096, port: 4789, mtu: 1450 });
  assert.equal(readCalicoSettings({ CALICO_IPV4POOL_VXLAN: 'CrossSubnet' }).defaultPool?.vxlanMode, 'CrossSubnet');
  assert.equal(readCalicoSettings({ NO_DEFAULT_POOLS: 'true' }).defaultPool, undefined);
  assert.equal(readCalicoSettings({ IP: '192.168.20.31/24' }).ip, '192.168.20.31');
  assert.equal(readCalicoSettings({ AS: '1.10' }).asNumber, 65_546);
});

test('each method of finding the address is understood', () => {
  const method = (text: string) => readCalicoSettings({ IP: 'autodetect', IP_AUTODETECTION_METHOD: text }).ip;
  assert.deepEqual(method('can-reach=8.8.8.8'), { method: 'can-reach', destination: '8.8.8.8' });
  assert.deepEqual(method('skip-interface=eth.*, br0'), { method: 'skip-interface', patterns: [/eth.*/, /br0/] });
  assert.deepEqual(method('cidr=10.0.0.0/8'), { method: 'cidr', cidrs: ['10.0.0.0/8'] });
  assert.deepEqual(method('kubernetes-internal-ip'), { method: 'kubernetes-internal-ip' });
});

test('what cannot be had is refused by name', () => {
  const refused: readonly [Record<string, string>, RegExp][] = [
    [{ CALICO_IPV4POOL_CIDR: '10.64.0.0' }, /^CALICO_IPV4POOL_CIDR="10\.64\.0\.0": must be a CIDR/],
    [{ CALICO_IPV4POOL_CIDR: 'fd00::/8' }, /^CALICO_IPV4POOL_CIDR=/],
    [{ CALICO_IPV4POOL_BLOCK_SIZE: '33' }, /^CALICO_IPV4POOL_BLOCK_SIZE="33"/],
    [{ CALICO_IPV4POOL_CIDR: '10.0.0.0/28' }, /a block is larger than the pool/],
    [{ CALICO_IPV4POOL_IPIP: 'sometimes' }, /^CALICO_IPV4POOL_IPIP="sometimes"/],
    [{ CALICO_IPV4POOL_IPIP: 'constructor' }, /^CALICO_IPV4POOL_IPIP=/],
    [{ CALICO_IPV4POOL_VXLAN: 'Always', CALICO_IPV4POOL_IPIP: 'Always' }, /^CALICO_IPV4POOL_VXLAN=.*not both/],
    [{ CALICO_IPV4POOL_VXLAN: 'often' }, /^CALICO_IPV4POOL_VXLAN="often"/],
    [{ FELIX_VXLANPORT: '0' }, /^FELIX_VXLANPORT="0"/],
    [{ CALICO_IPV6POOL_CIDR: '10.64.0.0/10', IP6: 'autodetect' }, /^CALICO_IPV6POOL_CIDR=.*must be a CIDR of IPv6/],
    [
      { CALICO_IPV6POOL_BLOCK_SIZE: '64', IP6: 'autodetect' },
      /^CALICO_IPV6POOL_BLOCK_SIZE="64": must be a number from 116 to 126/,
    ],
    [{ IP: 'none' }, /^IP="none": a node needs an address of IPv4, or of IPv6 \(IP6\)/],
    [{ IP6: '192.0.2.1' }, /^IP6="192.0.2.1": must be an address of IPv6/],
    [{ IP6: 'fd00::1/200' }, /^IP6="fd00::1\/200"/],
    [{ IP6: 'autodetect', IP6_AUTODETECTION_METHOD: 'cidr=10.0.0.0/8' }, /^IP6_AUTODETECTION_METHOD=.*CIDR of IPv6/],
    [{ IP_AUTODETECTION_METHOD: 'cidr=fd00::/64' }, /^IP_AUTODETECTION_METHOD=.*CIDR of IPv4/],
    [{ CALICO_NETWORKING_BACKEND: 'vxlan' }, /^CALICO_NETWORKING_BACKEND=.*CALICO_IPV4POOL_VXLAN/],
    [{ IP_AUTODETECTION_METHOD: 'guess' }, /^IP_AUTODETECTION_METHOD="guess": must be first-found/],
    [{ IP_AUTODETECTION_METHOD: 'interface=(' }, /^IP_AUTODETECTION_METHOD="\("/],
    [{ IP_AUTODETECTION_METHOD: 'interface=' }, /^IP_AUTODETECTION_METHOD=/],
    [{ IP: 'nowhere' }, /^IP="nowhere"/],
    [{ AS: '0' }, /^AS="0"/],
    [{ FELIX_LOGSEVERITYSCREEN: 'loud' }, /^FELIX_LOGSEVERITYSCREEN=/],
    [{ FELIX_BPFENABLED: 'true' }, /^FELIX_BPFENABLED=/],
    [{ CALICO_IPV4POOL_NAT_OUTGOING: 'maybe' }, /^CALICO_IPV4POOL_NAT_OUTGOING=/],
  ];
  for (const [environment, message] of refused) assert.match(complaint(environment), message);
});

test('what changes nothing is named', () => {
  const { remarks } = readCalicoSettings({
    ETCD_ENDPOINTS: 'https://192.168.20.31:2379',
    FELIX_USAGEREPORTINGENABLED: 'false',
    HOME: '/root',
  });
  assert.deepEqual(remarks, [
    'ETCD_ENDPOINTS: no effect, everything is kept in the Kubernetes API',
    'FELIX_USAGEREPORTINGENABLED: no effect here',
  ]);
  assert.match(
    readCalicoSettings({ FELIX_IPV6SUPPORT: 'true' }).remarks.join(),
    /^FELIX_IPV6SUPPORT=true: without IP6 \(autodetect, or an address\)/,
  );
  assert.throws(
    () => readCalicoSettings({ FELIX_IPV6SUPPORT: 'perhaps' }),
    /^CodedError: FELIX_IPV6SUPPORT="perhaps": must be "true" or "false"/,
  );
  assert.match(
    readCalicoSettings({ CALICO_IPV6POOL_CIDR: 'fd00::/48' }).remarks.join(),
    /^CALICO_IPV6POOL_…: no effect without IP6/,
  );
  assert.match(
    readCalicoSettings({ FELIX_IPV6SUPPORT: 'false', IP6: 'autodetect' }).remarks.join(),
    /^FELIX_IPV6SUPPORT=false: no effect/,
  );
});

test('IPv6 is what IP6 asks for, with the variables of its pool', () => {
  const settings = readCalicoSettings({
    ...{ IP6: 'autodetect', IP6_AUTODETECTION_METHOD: 'interface=eth0', FELIX_IPV6SUPPORT: 'true' },
    ...{ CALICO_IPV6POOL_CIDR: 'fd00:10:64::/48', CALICO_IPV6POOL_NAT_OUTGOING: 'true', CALICO_IPV6POOL_VXLAN: 'Never' },
  });
  assert.deepEqual(settings.ip6, { method: 'interface', patterns: [/eth0/] });
  assert.deepEqual(settings.defaultPool6, {
    ...{ cidr: 'fd00:10:64::/48', blockSize: 122, ipipMode: 'Never', vxlanMode: 'Never' },
    ...{ natOutgoing: true, nodeSelector: 'all()' },
  });
  assert.deepEqual(settings.remarks, []);
  assert.equal(settings.vxlan[6].mtu, 1430);
  const usual = readCalicoSettings({ IP6: 'fd00:20::1/64' });
  assert.deepEqual([usual.ip6, usual.defaultPool6?.cidr, usual.defaultPool6?.natOutgoing], ['fd00:20::1', undefined, false]);
  for (const none of [{}, { IP6: 'none' }]) {
    const { ip6, defaultPool6 } = readCalicoSettings(none);
    assert.deepEqual([ip6, defaultPool6], [undefined, undefined]);
  }
});

test('a network of IPv6 alone has no address of IPv4, and a router id made of the name when it is asked for', () => {
  const settings = readCalicoSettings({ IP: 'none', IP6: 'autodetect', CALICO_ROUTER_ID: 'hash' });
  assert.deepEqual([settings.ip, settings.defaultPool, settings.routerId], [undefined, undefined, 'hash']);
  assert.equal(readCalicoSettings({ CALICO_IPV4POOL_CIDR: 'none' }).defaultPool, undefined);
});
