import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeConfiguration } from './configuration/kube-proxy-configuration.ts';
import type { ProxyMode } from './rule-backend.ts';
import { planSysctls } from './sysctls.ts';

const values = (given: Record<string, unknown>, cpus = 2, mode: ProxyMode = 'iptables', kernelRelease = '6.1.0-18-amd64') =>
  Object.fromEntries(
    planSysctls(completeConfiguration(given), { mode, cpus, kernelRelease }).map(({ path, value }) => [
      path.split('/').at(-1),
      value,
    ]),
  );

test('PRX-14, PRX-15 so many connections are tracked as all processors have together, and no fewer than the least', () => {
  const conntrack = { maxPerCore: 32_768, min: 131_072 };
  assert.equal(values({ conntrack }, 2)['nf_conntrack_max'], 131_072);
  assert.equal(values({ conntrack }, 8)['nf_conntrack_max'], 262_144);
  assert.equal(values({ conntrack: { maxPerCore: 0, min: 9 } })['nf_conntrack_max'], undefined);
});

test('PRX-16, PRX-17 connections that are idle or half closed are forgotten in the given time', () => {
  const given = values({ conntrack: { tcpCloseWaitTimeout: '1h0m0s', tcpEstablishedTimeout: '24h0m0s' } });
  assert.equal(given['nf_conntrack_tcp_timeout_close_wait'], 3600);
  assert.equal(given['nf_conntrack_tcp_timeout_established'], 86_400);
});

test('node ports on loopback need the kernel’s leave with iptables alone', () => {
  assert.equal(values({}, 2, 'iptables')['route_localnet'], 1);
  assert.equal(values({}, 2, 'nftables')['route_localnet'], undefined);
  assert.equal(values({ iptables: { localhostNodePorts: false } })['route_localnet'], undefined);
});

test('PRX-28, PRX-31 IPVS has its settings in the kernel, strict ARP among them when asked for, and none of them with other modes', () => {
  const base = { conntrack: 1, expire_nodest_conn: 1, expire_quiescent_template: 1, ip_forward: 1 };
  const ofIpvs = (values: Record<string, number>) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => !/^nf_/.test(name)));
  assert.deepEqual(ofIpvs(values({ mode: 'ipvs' }, 2, 'ipvs')), base);
  const strict = { mode: 'ipvs', ipvs: { strictARP: true } };
  assert.deepEqual(ofIpvs(values(strict, 2, 'ipvs')), { ...base, arp_ignore: 1, arp_announce: 2 });
  assert.deepEqual(ofIpvs(values(strict, 2, 'nftables')), {});
});

test('a kernel that makes clients wait who use their port again is told not to', () => {
  for (const [release, expected] of [
    ['4.19.0', 0],
    ['5.8.18-300', 0],
    ['5.9.0', undefined],
    ['6.1.0', undefined],
  ] as const)
    assert.equal(values({ mode: 'ipvs' }, 2, 'ipvs', release)['conn_reuse_mode'], expected, release);
});
