/**
 * Hollow nodes and pods by the thousand in one process with their control plane (sqlite store), of which one node in a hundred fails when half of
 * the pods run.
 *
 *     node bench/fleet.ts [NODES] [PODS]
 *
 * Default 1,000 nodes and 10,000 pods, a hundred to a Deployment and its Service. Prints one JSON line: milliseconds (see `FleetFigures`), processor
 * time of all of it, and what it takes when all is Ready: percent of a processor in 30 s, resident memory before and after. Exit status 1 with a
 * line for each result that is wrong.
 */

import { systemClock } from '../src/std/clock.ts';
import { fleetComplaints, runFleet } from '../test/harness/fleet-story.ts';
import { cpuMs, report, residentMb } from './bench-cluster.ts';

const nodes = Number(process.argv[2] ?? 1000);
const pods = Number(process.argv[3] ?? 10_000);
const REPLICAS = 100;
const STEADY_MS = 30_000;

const steady = { idlePercent: 0, residentMb: 0, residentMbAfter: 0 };
async function watchSteady(): Promise<void> {
  steady.residentMb = residentMb(process.pid);
  const beforeMs = cpuMs(process.pid);
  await systemClock.sleep(STEADY_MS);
  steady.idlePercent = Math.round(((cpuMs(process.pid) - beforeMs) * 1000) / STEADY_MS) / 10;
  steady.residentMbAfter = residentMb(process.pid);
}

const options = {
  ...{ nodes, deployments: Math.ceil(pods / REPLICAS), replicas: REPLICAS, lost: Math.ceil(nodes / 100) },
  nodeMonitorGracePeriodMs: 50_000,
  timeoutMs: 1_800_000,
  store: 'sqlite' as const,
  onSteady: watchSteady,
};
const figures = await runFleet(options);
report({ bench: 'fleet', nodes, pods, ...figures, ...steady, cpuMs: cpuMs(process.pid) });
for (const complaint of fleetComplaints(options, figures)) {
  console.error(complaint);
  process.exitCode = 1;
}
