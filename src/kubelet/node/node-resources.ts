import {
  addQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityValue,
  subtractQuantities,
} from '../../api/machinery/quantity.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { Machine } from './machine.ts';

type Resources = Record<string, string>;

/** What the node has. */
export function nodeCapacity(machine: Machine, configuration: KubeletConfiguration): Resources {
  const { maxPods, podsPerCore } = configuration;
  return {
    cpu: String(machine.cpus),
    'ephemeral-storage': `${Math.floor(machine.storageBytes / 1024)}Ki`,
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    pods: String(podsPerCore ? Math.min(maxPods, podsPerCore * machine.cpus) : maxPods),
  };
}

/** What pods may have of it: less what is reserved and what must stay free (Node Allocatable). */
export function nodeAllocatable(capacity: Readonly<Resources>, configuration: KubeletConfiguration): Resources {
  const { systemReserved, kubeReserved, evictionHard } = configuration;
  const kept: Record<string, string | undefined> = {
    memory: evictionHard['memory.available'],
    'ephemeral-storage': evictionHard['nodefs.available'],
  };
  return Object.fromEntries(
    Object.entries(capacity).map(([name, text]) => {
      const total = parseQuantity(text);
      const parts = [systemReserved?.[name], kubeReserved?.[name], kept[name]].filter((part) => part !== undefined);
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
