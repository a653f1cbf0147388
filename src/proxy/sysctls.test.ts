import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeConfiguration } from './configuration/kube-proxy-configuration.ts';
import { planSysctls } from './sysctls.ts';

const values = (given: Record<string, unknown>, cpus = 2, mode: 'iptables' | 'nftables' = 'iptables') =>
  Object.fromEntries(
    planSysctls(completeConfiguration(given), { mode, cpus }).map(({ path, value }) => [path.split('/').at(-1), value]),
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
