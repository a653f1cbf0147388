import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Service } from '../../api/gen/types.ts';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { silentLogger } from '../../std/logger.ts';
import { planProxy } from '../plan/proxy-plan.ts';
import { parseFlows, removeStaleFlows, staleFlows } from './stale-flows.ts';

const LINES = `udp      17 28 src=10.0.0.9 dst=10.96.0.1 sport=5000 dport=53 src=10.244.0.5 dst=10.0.0.9 sport=53 dport=5000 [ASSURED] mark=0 use=1
udp      17 28 src=10.0.0.9 dst=10.96.0.1 sport=5001 dport=53 src=10.244.0.6 dst=10.0.0.9 sport=53 dport=5001 mark=0 use=1
udp      17 28 src=10.0.0.9 dst=10.0.0.1 sport=5002 dport=30053 [UNREPLIED] src=10.0.0.1 dst=10.0.0.9 sport=30053 dport=5002 mark=0 use=1
udp      17 28 src=10.0.0.9 dst=8.8.8.8 sport=5003 dport=53 src=8.8.8.8 dst=10.0.0.9 sport=53 dport=5003 mark=0 use=1
conntrack v1.4.7 (conntrack-tools): 4 flow entries have been shown.
`;

interface Backend {
  readonly ip: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  readonly nodeName?: string;
}

const plan = (backends: readonly Backend[], spec: NonNullable<V1Service['spec']> = {}) =>
  planProxy(
    [
      {
        metadata: { namespace: 'n', name: 'dns' },
        spec: { type: 'NodePort', clusterIP: '10.96.0.1', ports: [{ port: 53, nodePort: 30_053, protocol: 'UDP' }], ...spec },
      },
    ],
    [
      {
        metadata: { namespace: 'n', labels: { 'kubernetes.io/service-name': 'dns' } },
        addressType: 'IPv4',
        ports: [{ port: 53, protocol: 'UDP' }],
        endpoints: backends.map(({ ip, nodeName, ...conditions }) => ({
          addresses: [ip],
          conditions,
          ...(nodeName && { nodeName }),
        })),
      },
    ],
    {
      ...{ family: 4, node: { name: 'here' }, localTraffic: { by: 'nothing' }, masqueradeAll: false, masqueradeMark: 0x4000 },
      ...{ nodePortAddresses: 'all', localhostNodePorts: false, conntrackLiberal: false },
    },
  );

const stale = (backends: readonly Backend[], spec?: NonNullable<V1Service['spec']>) =>
  staleFlows(parseFlows(LINES), plan(backends, spec)).map(
    ({ destination, port, replySource }) => `${destination}:${port} by ${replySource}`,
  );
const [FIRST, SECOND, NODE_PORT] = ['10.96.0.1:53 by 10.244.0.5', '10.96.0.1:53 by 10.244.0.6', '10.0.0.1:30053 by 10.0.0.1'];

const CASES: readonly [
  title: string,
  backends: readonly Backend[],
  stale: readonly unknown[],
  spec?: NonNullable<V1Service['spec']>,
][] = [
  ['others’ flows are not', [{ ip: '10.244.0.5' }], [SECOND, NODE_PORT]],
  ['the flows of a Service without endpoints are left alone', [], []],
  [
    'those of one that answers no more go',
    [{ ip: '10.244.0.5' }, { ip: '10.244.0.6', ready: false, serving: false }],
    [SECOND, NODE_PORT],
  ],
  [
    'those of one that goes and answers still are kept',
    [{ ip: '10.244.0.5' }, { ip: '10.244.0.6', ready: false, serving: true, terminating: true }],
    [NODE_PORT],
  ],
  [
    'policies do not end flows',
    [
      { ip: '10.244.0.5', nodeName: 'here' },
      { ip: '10.244.0.6', nodeName: 'away' },
    ],
    [NODE_PORT],
    { internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' },
  ],
  [
    'an external IP and a load balancer count',
    [{ ip: '10.244.0.7' }],
    [FIRST, SECOND],
    { clusterIP: '10.96.0.9', externalIPs: ['10.96.0.1'], type: 'ClusterIP', ports: [{ port: 53, protocol: 'UDP' }] },
  ],
  ['TCP has no such flows', [{ ip: '10.244.0.7' }], [], { ports: [{ port: 53, protocol: 'TCP' }] }],
];
for (const [title, backends, expected, spec] of CASES)
  test(`flows that no endpoint of their Service answers are stale: ${title}`, () => {
    assert.deepEqual(stale(backends, spec), expected);
  });

test('all flows to one address that one answered go in one call, and one that has ended is no failure', async () => {
  const lines = Array.from({ length: 50 }, (_, i) => LINES.split('\n')[1]!.replace('sport=5001', `sport=${6000 + i}`)).join('\n');
  const calls: string[] = [];
  const run: RunProgram = (program, args) => {
    calls.push([program, ...args].join(' '));
    if (args[0] === '-L') return Promise.resolve({ stdout: lines, stderr: '' });
    const stderr = 'conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.';
    return Promise.reject(new ProgramError(stderr, 'PROGRAM_FAILED', { program, args, exitCode: 1, stdout: '', stderr }));
  };
  await removeStaleFlows(plan([{ ip: '10.244.0.5' }]), run, silentLogger);
  assert.deepEqual(calls, ['conntrack -L -p udp -f ipv4', 'conntrack -D -p udp -f ipv4 -d 10.96.0.1 --dport 53 -r 10.244.0.6']);
});
