import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node } from '../api/gen/types.ts';
import { completeConfiguration } from './configuration/kube-proxy-configuration.ts';
import { nodeSettings } from './node-settings.ts';

const node: V1Node = {
  metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'a' } },
  spec: { podCIDR: '10.244.3.0/24', podCIDRs: ['10.244.3.0/24', 'fd00:3::/64'] },
  status: {
    addresses: [
      { type: 'ExternalIP', address: '203.0.113.5' },
      { type: 'InternalIP', address: '192.168.0.5' },
      { type: 'InternalIP', address: 'fd01::5' },
    ],
  },
};
const hostAddresses = ['127.0.0.1', '192.168.0.5', '192.168.9.5', '::1', 'fd01::5'];
const of = (
  family: 4 | 6,
  given: Record<string, unknown> = {},
  mode: 'iptables' | 'nftables' = 'iptables',
  known: V1Node | undefined = node,
) => nodeSettings(family, { configuration: completeConfiguration(given), mode, nodeName: 'n', node: known, hostAddresses });

const LOCAL: readonly [given: Record<string, unknown>, four: object, six: object][] = [
  [{}, { by: 'nothing' }, { by: 'nothing' }],
  [{ clusterCIDR: '10.244.0.0/16' }, { by: 'source', cidr: '10.244.0.0/16' }, { by: 'nothing' }],
  [{ clusterCIDR: '10.244.0.0/16,fd00::/48' }, { by: 'source', cidr: '10.244.0.0/16' }, { by: 'source', cidr: 'fd00::/48' }],
  [{ detectLocalMode: 'NodeCIDR' }, { by: 'source', cidr: '10.244.3.0/24' }, { by: 'source', cidr: 'fd00:3::/64' }],
  [
    { detectLocalMode: 'BridgeInterface', detectLocal: { bridgeInterface: 'cni0' } },
    { by: 'interface', name: 'cni0' },
    { by: 'interface', name: 'cni0' },
  ],
  [
    { detectLocalMode: 'InterfaceNamePrefix', detectLocal: { interfaceNamePrefix: 'cali' } },
    { by: 'interface-prefix', prefix: 'cali' },
    { by: 'interface-prefix', prefix: 'cali' },
  ],
];
for (const [given, four, six] of LOCAL)
  test(`local traffic is told by ${JSON.stringify(given)}`, () => {
    assert.deepEqual([of(4, given).localTraffic, of(6, given).localTraffic], [four, six]);
  });

const OPEN: readonly [
  given: string[] | undefined,
  mode: 'iptables' | 'nftables',
  four: unknown,
  six: unknown,
  loopback: boolean,
][] = [
  [undefined, 'iptables', 'all', 'all', true],
  [undefined, 'nftables', ['192.168.0.5'], ['fd01::5'], false],
  [['primary'], 'iptables', ['192.168.0.5'], ['fd01::5'], false],
  [['0.0.0.0/0'], 'nftables', 'all', 'all', false],
  [['192.168.9.0/24'], 'iptables', ['192.168.9.5'], 'all', false],
  [['127.0.0.0/8', '192.168.0.0/24'], 'iptables', ['127.0.0.1', '192.168.0.5'], 'all', true],
  [['127.0.0.0/8', '192.168.0.0/24'], 'nftables', ['192.168.0.5'], 'all', false],
  [['::1/128', 'fd01::/64'], 'nftables', 'all', ['fd01::5'], false],
];
for (const [given, mode, four, six, loopback] of OPEN)
  test(`node ports of ${mode} with ${JSON.stringify(given) ?? 'no addresses'} are open on ${JSON.stringify([four, six])}`, () => {
    const more = given ? { nodePortAddresses: given } : {};
    const own = of(4, more, mode);
    assert.deepEqual([own.nodePortAddresses, of(6, more, mode).nodePortAddresses], [four, six]);
    assert.equal(own.localhostNodePorts, loopback);
  });

test('the node is known by its own address before others’, and by its zone; one that is not registered has neither', () => {
  assert.deepEqual([of(4).nodeIp, of(6).nodeIp, of(4).node], ['192.168.0.5', 'fd01::5', { name: 'n', zone: 'a' }]);
  assert.equal(of(4, { bindAddress: '192.168.9.5' }).nodeIp, '192.168.9.5');
  const unknown = nodeSettings(4, {
    configuration: completeConfiguration(),
    mode: 'nftables',
    nodeName: 'n',
    node: undefined,
    hostAddresses,
  });
  assert.deepEqual([unknown.nodeIp, unknown.nodePortAddresses, unknown.node], [undefined, [], { name: 'n' }]);
});
