/**
 * Hollow nodes and pods by the thousand in one process with their control plane, of which one node in a hundred fails when half of the pods run.
 *
 *     node bench/fleet.ts [NODES] [PODS]
 *
 * Default 1,000 nodes and 10,000 pods. Prints one JSON line: milliseconds (see `FleetFigures`), processor time and memory of all of it.
 */
import { runFleet } from '../test/harness/fleet-story.ts';
import { cpuMs, report, residentMb } from './bench-cluster.ts';

const nodes = Number(process.argv[2] ?? 1000);
const pods = Number(process.argv[3] ?? 10_000);
const REPLICAS = 100;

const figures = await runFleet({
  ...{ nodes, deployments: Math.ceil(pods / REPLICAS), replicas: REPLICAS, lost: Math.ceil(nodes / 100) },
  nodeMonitorGracePeriodMs: 50_000,
  timeoutMs: 900_000,
});
report({ bench: 'fleet', nodes, pods, ...figures, cpuMs: cpuMs(process.pid), residentMb: residentMb(process.pid) });
