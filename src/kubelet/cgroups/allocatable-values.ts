import { parseQuantity } from '../../api/machinery/quantity.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import { reservations } from '../node/node-resources.ts';
import { byteAmount, milliAmount } from './amounts.ts';
import type { CgroupValues } from './cgroup-values.ts';
import { sharesOfMilliCpu } from './cpu-shares.ts';
import { hugePagesResource } from './huge-pages.ts';

type Resources = Readonly<Record<string, string>>;

/** What of the node is held to its share (`enforceNodeAllocatable`). */
export interface Enforcement {
  /** For all pods together; always made, since the classes lie in it. */
  readonly pods: CgroupValues;
  /** Cgroups of daemons that must be there already, by path. */
  readonly reserved: readonly {
    readonly path: string;
    readonly what: 'kube-reserved' | 'system-reserved';
    readonly values: CgroupValues;
  }[];
}

/**
 * @param capacity of the node, by resource
 */
export function planEnforcement(
  configuration: KubeletConfiguration,
  capacity: Resources,
  hugePageSizes: readonly number[],
): Enforcement {
  const fields: Readonly<Record<string, unknown>> = configuration;
  const wanted = new Set((fields['enforceNodeAllocatable'] as readonly string[] | undefined) ?? []);
  wanted.delete('none');
  const { kubeReserved, systemReserved } = reservations(configuration);
  const left = Object.fromEntries(
    Object.entries(capacity).map(([name, text]) => [
      name,
      leftOf(text, wanted.has('pods') ? [kubeReserved[name], systemReserved[name]] : []),
    ]),
  );
  const pidReserved = byteAmount(kubeReserved['pid']) + byteAmount(systemReserved['pid']);
  const reserved = (['system-reserved', 'kube-reserved'] as const).flatMap((what) => {
    const compressible = wanted.has(`${what}-compressible`);
    if (!wanted.has(what) && !compressible) return [];
    const field = what === 'kube-reserved' ? 'kubeReservedCgroup' : 'systemReservedCgroup';
    // Checked with the configuration: who is to be held to a share has a cgroup.
    const path = fields[field] as string;
    const amounts = what === 'kube-reserved' ? kubeReserved : systemReserved;
    return [{ path, what, values: valuesOf(amounts, compressible) }];
  });
  return {
    pods: {
      ...valuesOf(Object.fromEntries(Object.entries(left).map(([name, amount]) => [name, amount])), false),
      ...(pidReserved > 0 &&
        wanted.has('pods') &&
        capacity['pid'] !== undefined && { pidLimit: Math.max(1, byteAmount(left['pid'])) }),
      ...(hugePageSizes.length > 0 && {
        hugePageLimits: hugePageSizes.map((sizeBytes) => ({
          sizeBytes,
          limitBytes: byteAmount(left[hugePagesResource(sizeBytes)]),
        })),
      }),
    },
    reserved,
  };
}

function valuesOf(amounts: Resources, compressible: boolean): CgroupValues {
  return {
    ...(amounts['cpu'] !== undefined && { cpuShares: sharesOfMilliCpu(milliAmount(amounts['cpu'])) }),
    ...(!compressible && amounts['memory'] !== undefined && { memoryLimitBytes: byteAmount(amounts['memory']) }),
  };
}

/** In billionths as a quantity's text, so that thousandths of CPUs are kept. */
function leftOf(text: string, taken: readonly (string | undefined)[]): string {
  const nano = taken.reduce((sum, part) => sum - (part === undefined ? 0n : parseQuantity(part).nano), parseQuantity(text).nano);
  return `${nano < 0n ? 0n : nano}n`;
}
