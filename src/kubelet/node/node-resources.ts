import {
  addQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityValue,
  subtractQuantities,
} from '../../api/machinery/quantity.ts';
import { type HugePages, hugePagesResource } from '../cgroups/huge-pages.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import { parseCpuSet } from '../cpus/cpu-set.ts';
import type { Machine } from './machine.ts';

type Resources = Record<string, string>;

/** What amd64 has, for a node that does not say. */
const USUAL_HUGE_PAGES: readonly HugePages[] = [
  { sizeBytes: 2 ** 21, count: 0 },
  { sizeBytes: 2 ** 30, count: 0 },
];

const binary = (bytes: number) => formatQuantity({ ...parseQuantity(String(bytes)), format: 'binary' });

/** What the node has. */
export function nodeCapacity(machine: Machine, configuration: KubeletConfiguration): Resources {
  const { maxPods, podsPerCore } = configuration;
  const pages = machine.hugePages?.length ? machine.hugePages : USUAL_HUGE_PAGES;
  return {
    cpu: String(machine.cpus),
    ...(configuration['localStorageCapacityIsolation'] !== false && {
      'ephemeral-storage': `${Math.floor(machine.storageBytes / 1024)}Ki`,
    }),
    ...Object.fromEntries(
      pages
        .map(({ sizeBytes, count }): [string, string] => [hugePagesResource(sizeBytes), binary(sizeBytes * count)])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    pods: String(podsPerCore ? Math.min(maxPods, podsPerCore * machine.cpus) : maxPods),
  };
}

/** What is reserved for others than pods. A list of CPUs (`reservedSystemCPUs`) goes before amounts of CPU, as upstream. */
export function reservations({ systemReserved = {}, kubeReserved = {}, reservedSystemCPUs }: KubeletConfiguration): {
  readonly systemReserved: Readonly<Resources>;
  readonly kubeReserved: Readonly<Resources>;
} {
  if (!reservedSystemCPUs) return { systemReserved, kubeReserved };
  const { cpu: _cpu, ...others } = kubeReserved;
  return { systemReserved: { ...systemReserved, cpu: String(parseCpuSet(reservedSystemCPUs).size) }, kubeReserved: others };
}

/**
 * What pods may have of it: less what is reserved and what must stay free (Node Allocatable); memory that is set aside as huge
 * pages is theirs only as such.
 */
export function nodeAllocatable(capacity: Readonly<Resources>, configuration: KubeletConfiguration): Resources {
  const { evictionHard } = configuration;
  const { systemReserved, kubeReserved } = reservations(configuration);
  const kept: Record<string, string | undefined> = {
    memory: evictionHard['memory.available'],
    'ephemeral-storage': evictionHard['nodefs.available'],
  };
  const pages = Object.entries(capacity).flatMap(([name, text]) => (name.startsWith('hugepages-') && text !== '0' ? [text] : []));
  return Object.fromEntries(
    Object.entries(capacity).map(([name, text]) => {
      const total = parseQuantity(text);
      const reserved = [systemReserved?.[name], kubeReserved?.[name], kept[name], ...(name === 'memory' ? pages : [])];
      const parts = reserved.filter((part) => part !== undefined);
      const taken = parts.map((part) => amountOf(part, total)).reduce(addQuantities, parseQuantity('0'));
      if (quantityValue(taken) === 0n) return [name, text];
      const left = subtractQuantities(total, taken);
      return [name, formatQuantity(quantityValue(left) < 0n ? parseQuantity('0') : { ...left, format: total.format })];
    }),
  );
}

function amountOf(text: string, total: Quantity): Quantity {
  if (!text.endsWith('%')) return parseQuantity(text);
  return parseQuantity(String(Math.floor((Number(quantityValue(total)) * Number(text.slice(0, -1))) / 100)));
}

/** Bytes of all swaps in use. Their lines say: file name, type, size in KiB, used, priority. */
export function swapCapacity({ activeSwaps }: Pick<Machine, 'activeSwaps'>): number {
  const kilobytes = activeSwaps.map((line) => Number(line.trim().split(/\s+/)[2]));
  return kilobytes.reduce((sum, size) => sum + (Number.isFinite(size) ? size * 1024 : 0), 0);
}
