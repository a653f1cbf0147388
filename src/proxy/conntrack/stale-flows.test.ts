import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planProxy } from '../plan/proxy-plan.ts';
import { parseFlows, staleFlows } from './stale-flows.ts';

const LINES = `udp      17 28 src=10.0.0.9 dst=10.96.0.1 sport=5000 dport=53 src=10.244.0.5 dst=10.0.0.9 sport=53 dport=5000 [ASSURED] mark=0 use=1
udp      17 28 src=10.0.0.9 dst=10.96.0.1 sport=5001 dport=53 src=10.244.0.6 dst=10.0.0.9 sport=53 dport=5001 mark=0 use=1
udp      17 28 src=10.0.0.9 dst=10.0.0.1 sport=5002 dport=30053 [UNREPLIED] src=10.0.0.1 dst=10.0.0.9 sport=30053 dport=5002 mark=0 use=1
udp      17 28 src=10.0.0.9 dst=8.8.8.8 sport=5003 dport=53 src=8.8.8.8 dst=10.0.0.9 sport=53 dport=5003 mark=0 use=1
conntrack v1.4.7 (conntrack-tools): 4 flow entries have been shown.
`;

const plan = (addresses: readonly string[]) =>
  planProxy(
    [
      {
        metadata: { namespace: 'n', name: 'dns' },
        spec: { type: 'NodePort', clusterIP: '10.96.0.1', ports: [{ port: 53, nodePort: 30_053, protocol: 'UDP' }] },
      },
    ],
    [
      {
        metadata: { namespace: 'n', labels: { 'kubernetes.io/service-name': 'dns' } },
        addressType: 'IPv4',
        ports: [{ port: 53, protocol: 'UDP' }],
        endpoints: addresses.map((ip) => ({ addresses: [ip] })),
      },
    ],
    {
      ...{ family: 4, node: { name: 'here' }, localTraffic: { by: 'nothing' }, masqueradeAll: false, masqueradeMark: 0x4000 },
      ...{ nodePortAddresses: 'all', localhostNodePorts: false, conntrackLiberal: false },
    },
  );

test('flows that no endpoint of their Service answers are stale, others’ flows are not', () => {
  const stale = staleFlows(parseFlows(LINES), plan(['10.244.0.5']));
  assert.deepEqual(
    stale.map(({ sourcePort }) => sourcePort),
    [5001, 5002],
  );
});

test('the flows of a Service without endpoints are left alone', () => {
  assert.deepEqual(staleFlows(parseFlows(LINES), plan([])), []);
});
