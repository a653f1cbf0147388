/**
 * Bootstrap storm: many nodes join at once, each with a token, key, request, certificate and TLS connection of its own.
 *
 *     node bench/storm.ts [NODES] [one|two]
 *
 * `two`, the default, runs the control plane in a process of its own, as on a real cluster; `one` runs all in this process. The time is from the first
 * token to the last Ready node. Prints one JSON line.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transportFromKubeconfig } from '../src/client/kubeconfig-client.ts';
import type { ControlPlane } from '../src/cluster/control-plane.ts';
import { hollowConfiguration } from '../src/cluster/hollow-kubelet.ts';
import { createNodeFleet } from '../src/cluster/node-fleet.ts';
import { completeOptions } from '../src/cluster/options.ts';
import { startCluster } from '../src/cluster/start-cluster.ts';
import { readMachine } from '../src/kubelet/node/machine.ts';
import { readKubeconfig, resolveContext } from '../src/pki/kubeconfig.ts';
import { systemClock } from '../src/std/clock.ts';
import { silentLogger } from '../src/std/logger.ts';
import { PROGRAM } from '../test/harness/component-process.ts';
import { runOrFail } from '../test/harness/run-command.ts';

const nodes = Number(process.argv[2] ?? 200);
const mode = process.argv[3] === 'one' ? 'one' : 'two';

async function inOneProcess(): Promise<number> {
  await using empty = await startCluster({ nodes: 0 });
  await empty.close();
  const startMs = performance.now();
  await using _ = await startCluster({ nodes });
  return performance.now() - startMs;
}

async function inTwoProcesses(): Promise<number> {
  const home = await mkdtemp(join(tmpdir(), 'muster-bench-'));
  const env = { HOME: home, MUSTER_HOME: join(home, 'muster'), KUBECONFIG: join(home, 'kubeconfig') };
  const muster = (...args: string[]) => runOrFail(process.execPath, [PROGRAM, ...args], { env });
  try {
    const { server, dataDir } = JSON.parse(await muster('up', '--nodes', '0', '-o', 'json')) as {
      server: string;
      dataDir: string;
    };
    return await joinAll(env.KUBECONFIG, server, join(dataDir, 'pki', 'ca.crt'), home);
  } finally {
    await muster('down');
    await rm(home, { recursive: true, force: true });
  }
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
    knownNodes: new Map(),
    done: new Promise(() => {}),
    stop: () => adminTransport.close({ final: true }),
  };
  const config = completeOptions({}, undefined, { clock: systemClock, logger: silentLogger, random: Math.random });
  const settings = { configuration: hollowConfiguration(caFile), machine: await readMachine() };
  const fleet = createNodeFleet({ config, controlPlane, settings, directory });
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

const run = mode === 'one' ? inOneProcess : inTwoProcesses;
const elapsedMs = await run();
process.stdout.write(
  `${JSON.stringify({ bench: 'storm', mode, nodes, seconds: Number((elapsedMs / 1000).toFixed(2)), nodesPerSecond: Math.round(nodes / (elapsedMs / 1000)) })}\n`,
);
