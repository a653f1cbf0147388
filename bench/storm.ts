/**
 * Bootstrap storm: many nodes join at once, each with a token, key, request, certificate and TLS connection of its own.
 *
 *     node bench/storm.ts [NODES] [one|two] [RUNS]
 *
 * `two`, the default, runs the control plane in a process of its own, as on a real cluster; `one` runs all in this process. The time is from the first
 * token to the last Ready node. Prints one JSON line: median and worst of the runs, and in mode `two` the processor time that a node takes of the
 * control plane and of the kubelets' process.
 */
import { join } from 'node:path';
import { createClient } from '../src/client/create-client.ts';
import { transportFromKubeconfig } from '../src/client/kubeconfig-client.ts';
import { plainReader } from '../src/client/object-reader.ts';
import type { ControlPlane } from '../src/cluster/control-plane.ts';
import { createHollowKubelet, hollowConfiguration } from '../src/cluster/hollow-kubelet.ts';
import { createNodeFleet } from '../src/cluster/node-fleet.ts';
import { completeOptions } from '../src/cluster/options.ts';
import { startCluster } from '../src/cluster/start-cluster.ts';
import { readMachine } from '../src/kubelet/node/machine.ts';
import { readKubeconfig, resolveContext } from '../src/pki/kubeconfig.ts';
import { systemClock } from '../src/std/clock.ts';
import { silentLogger } from '../src/std/logger.ts';
import { cpuMs, report, startBenchCluster, summary } from './bench-cluster.ts';

const nodes = Number(process.argv[2] ?? 200);
const mode = process.argv[3] === 'one' ? 'one' : 'two';
const runs = Number(process.argv[4] ?? 5);

interface Storm {
  readonly elapsedMs: number;
  /** For one node. */
  readonly controlPlaneCpuMs?: number;
  readonly kubeletCpuMs?: number;
}

async function inOneProcess(): Promise<Storm> {
  await using empty = await startCluster({ nodes: 0 });
  await empty.close();
  const startMs = performance.now();
  await using _ = await startCluster({ nodes });
  return { elapsedMs: performance.now() - startMs };
}

async function inTwoProcesses(): Promise<Storm> {
  await using cluster = await startBenchCluster();
  const { kubeconfig, server, dataDir, home, pid } = cluster;
  const before = { controlPlane: cpuMs(pid), kubelets: cpuMs(process.pid) };
  const elapsedMs = await joinAll(kubeconfig, server, join(dataDir, 'pki', 'ca.crt'), home);
  return {
    elapsedMs,
    controlPlaneCpuMs: (cpuMs(pid) - before.controlPlane) / nodes,
    kubeletCpuMs: (cpuMs(process.pid) - before.kubelets) / nodes,
  };
}

async function joinAll(kubeconfig: string, server: string, caFile: string, directory: string): Promise<number> {
  const { caPem } = await resolveContext(await readKubeconfig(kubeconfig));
  const adminTransport = await transportFromKubeconfig(kubeconfig);
  const controlPlane: ControlPlane = {
    server,
    port: Number(new URL(server).port),
    caPem: caPem ?? '',
    caFile,
    kubeconfig: '',
    adminTransport,
    clientAs: () => createClient({ transport: adminTransport, userAgent: 'bench' }),
    reader: plainReader,
    knownNodes: new Map(),
    done: new Promise(() => {}),
    stop: () => adminTransport.close({ final: true }),
  };
  const config = completeOptions({}, undefined, { clock: systemClock, logger: silentLogger, random: Math.random });
  const settings = { configuration: hollowConfiguration(caFile), machine: await readMachine() };
  const fleet = createNodeFleet({
    config,
    controlPlane,
    directory,
    kubeletOf: () => (options) => createHollowKubelet(options, settings),
  });
  try {
    await fleet.plan([], nodes);
    const startMs = performance.now();
    await fleet.start(120_000);
    return performance.now() - startMs;
  } finally {
    await fleet.stop();
    await controlPlane.stop();
  }
}

const storms: Storm[] = [];
for (let run = 0; run < runs; run++) storms.push(await (mode === 'one' ? inOneProcess() : inTwoProcesses()));
const round = (value: number) => Number(value.toFixed(1));
const medianOf = (field: 'controlPlaneCpuMs' | 'kubeletCpuMs') =>
  round(
    summary(
      storms.map((storm) => storm[field] ?? 0),
      'highest',
    ).median,
  );
report({
  bench: 'storm',
  mode,
  nodes,
  runs,
  nodesPerSecond: summary(
    storms.map(({ elapsedMs }) => round(nodes / (elapsedMs / 1000))),
    'lowest',
  ),
  ...(mode === 'two' && { controlPlaneCpuMs: medianOf('controlPlaneCpuMs'), kubeletCpuMs: medianOf('kubeletCpuMs') }),
});
