import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCidr } from '../api/machinery/ip.ts';
import { type ClusterNames, deniedAddress, deniedDnsName } from './denied-names.ts';

const cluster: ClusterNames = {
  clusterDomain: 'cluster.local',
  serviceRanges: [parseCidr('10.96.0.0/12')!],
  serviceAddresses: new Set(['172.20.0.10']),
  apiServerNames: new Set(['api.example.com']),
  apiServerAddresses: new Set(['192.0.2.10']),
  moreNames: ['*.corp.example.com', 'vault.example.com'],
  moreRanges: [parseCidr('192.0.2.100/32')!],
};
const others = new Set(['node-1', 'node-2', '192.0.2.77']);

test('names of the cluster, of its API server and of other nodes are no node’s', () => {
  const denied = [
    ...[
      'kubernetes',
      'kubernetes.default',
      'kubernetes.example.com',
      'kubernetes-api',
      'localhost',
      'a.localhost',
      'web.default.svc',
    ],
    ...['web.default.svc.cluster.local', 'cluster.local', 'a.cluster.local', 'node-2', 'a.corp.example.com', 'vault.example.com'],
  ];
  for (const name of denied) assert.equal(deniedDnsName(name, 'node-1', others, cluster)?.unlessProven, false, name);
  assert.equal(deniedDnsName('api.example.com', 'node-1', others, cluster)?.unlessProven, true);
  for (const name of ['node-1', 'node-1.example.com', 'svc-host', 'corp.example.com'])
    assert.equal(deniedDnsName(name, 'node-1', others, cluster), undefined, name);
});

test('addresses of Services and virtual addresses are no node’s; the API server’s are when it is proven', () => {
  for (const address of ['10.96.0.1', '10.111.255.255', '172.20.0.10', '192.0.2.100', '192.0.2.77', 'nonsense'])
    assert.equal(deniedAddress(address, 'node-1', others, cluster)?.unlessProven, false, address);
  assert.equal(deniedAddress('192.0.2.10', 'node-1', others, cluster)?.unlessProven, true);
  for (const address of ['10.112.0.1', '192.0.2.11', '2001:db8::1'])
    assert.equal(deniedAddress(address, 'node-1', others, cluster), undefined, address);
});
