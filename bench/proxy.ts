/**
 * How long kube-proxy's rules take with 1,000 Services of three endpoints each, in a network namespace of its own: all of them at first, then
 * when one endpoint of one Service changes. Prints one JSON line. `node bench/proxy.ts [services] [mode …]`, as root. For `ipvs` without
 * that in this machine's kernel: `node bench/in-guest.ts bench/proxy.ts 1000 ipvs iptables`.
 */
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { V1EndpointSlice, V1Service } from '../src/api/gen/types.ts';
import { type RunProgram, runProgram } from '../src/host/run-program.ts';
import { createIptablesBackend } from '../src/proxy/iptables/backend.ts';
import { createIpvsBackend } from '../src/proxy/ipvs/backend.ts';
import { createNftablesBackend } from '../src/proxy/nftables/backend.ts';
import { type NodeSettings, planProxy } from '../src/proxy/plan/proxy-plan.ts';
import { silentLogger } from '../src/std/logger.ts';
import { report } from './bench-cluster.ts';

const [, , countText = '1000', ...asked] = process.argv;
const count = Number(countText);
const modes = asked.length > 0 ? asked : ['nftables', 'iptables'];
const namespace = `bench${randomBytes(3).toString('hex')}`;
const run: RunProgram = (program, args, options) => runProgram('ip', ['netns', 'exec', namespace, program, ...args], options);
const address = (network: string, i: number) => `${network}.${i >> 8}.${i & 255}`;

const settings: NodeSettings = {
  family: 4,
  node: { name: 'n' },
  nodeIp: '192.168.0.1',
  localTraffic: { by: 'source', cidr: '10.244.0.0/16' },
  masqueradeAll: false,
  masqueradeMark: 0x4000,
  nodePortAddresses: ['192.168.0.1'],
  localhostNodePorts: false,
  conntrackLiberal: false,
};
const services = Array.from(
  { length: count },
  (_, i): V1Service => ({
    metadata: { namespace: 'bench', name: `s${i}` },
    spec: { clusterIP: address('10.96', i), ports: [{ port: 80, protocol: 'TCP' }] },
  }),
);
const slices = (last: number) =>
  services.map(
    ({ metadata }, i): V1EndpointSlice => ({
      metadata: { namespace: 'bench', labels: { 'kubernetes.io/service-name': metadata!.name! } },
      addressType: 'IPv4',
      ports: [{ port: 8080, protocol: 'TCP' }],
      endpoints: Array.from({ length: i === 0 ? last : 3 }, (_, e) => ({ addresses: [address('10.244', (3 * i + e) & 0xffff)] })),
    }),
  );

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return Math.round(performance.now() - startMs);
}

await runProgram('ip', ['netns', 'add', namespace]);
try {
  // Without any address the kernel calls none a unicast one, and IPVS takes no server.
  await run('ip', ['link', 'set', 'lo', 'up']);
  const result: Record<string, number | string> = { bench: 'proxy', services: count };
  const backends = [
    createNftablesBackend({ family: 4, run, logger: silentLogger }),
    createIptablesBackend({ family: 4, run }),
    createIpvsBackend({
      family: 4,
      run,
      logger: silentLogger,
      scheduler: 'rr',
      excludeCidrs: [],
      hostAddresses: () => ['192.168.0.1'],
    }),
  ];
  for (const backend of backends.filter(({ name }) => modes.includes(name))) {
    const sync = (last: number, full = false) =>
      timed(async () => backend.sync(planProxy(services, slices(last), settings), { full }));
    result[`${backend.name}FirstMs`] = await sync(3);
    result[`${backend.name}ChangeMs`] = await sync(2);
    result[`${backend.name}AgainMs`] = await sync(2, true);
    await backend.cleanUp();
  }
  report(result);
} finally {
  await runProgram('ip', ['netns', 'del', namespace]);
}
