import { completeConfiguration } from '../configuration/defaults.ts';
import type { Machine } from './machine.ts';
import type { NodeHealth } from './node-conditions.ts';
import type { NodeFacts } from './node-plan.ts';

/** When the clocks of these tests begin. */
export const START_MS = Date.UTC(2026, 0, 1);
const GIB = 1024 ** 3;

export const machine: Machine = {
  hostname: 'host',
  architecture: 'amd64',
  operatingSystem: 'linux',
  kernelVersion: '6.1.0',
  osImage: 'Debian GNU/Linux 12 (bookworm)',
  machineId: 'm',
  systemUuid: 'u',
  bootId: 'b',
  cpus: 4,
  memoryBytes: 8 * GIB,
  storageBytes: 100 * GIB,
  addresses: ['10.0.0.5'],
  hasSystemd: false,
  activeSwaps: [],
};

export const facts = (settings: Record<string, unknown> = {}): NodeFacts => ({
  name: 'k8s-n01',
  hostname: 'k8s-n01',
  ipAddresses: ['10.0.0.5'],
  labels: { disk: 'ssd' },
  machine,
  runtime: { name: 'hollow', version: '0.1.0' },
  configuration: completeConfiguration(settings),
  port: 10250,
});

export const WELL: NodeHealth = { runtime: { ready: true, networkReady: true } };
