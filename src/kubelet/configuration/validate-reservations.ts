import { parseQuantity, quantityValue } from '../../api/machinery/quantity.ts';
import { parseCpuSet } from '../cpus/cpu-set.ts';
import type { KubeletConfiguration } from './kubelet-configuration.ts';

const ENFORCEABLE = [
  'pods',
  'system-reserved',
  'system-reserved-compressible',
  'kube-reserved',
  'kube-reserved-compressible',
  'none',
];
/** What may be reserved for others than pods. */
const RESERVABLE = ['cpu', 'memory', 'ephemeral-storage', 'pid'];

/** What is kept back from pods, and how that is enforced. */
export function checkReservations(c: KubeletConfiguration): string[] {
  const mistakes: string[] = [];
  if (c.systemCgroups && !c.cgroupRoot)
    mistakes.push('systemCgroups (--system-cgroups) was specified and cgroupRoot (--cgroup-root) was not specified');
  for (const [name, flag] of [
    ['systemReserved', 'system-reserved'],
    ['kubeReserved', 'kube-reserved'],
  ] as const)
    for (const [resource, text] of Object.entries(c[name] ?? {}))
      if (!RESERVABLE.includes(resource))
        mistakes.push(`cannot reserve ${JSON.stringify(resource)} resource by ${name} (--${flag})`);
      else if (!isAmount(text))
        mistakes.push(`${name} (--${flag}) ${resource}=${JSON.stringify(text)} must be a quantity that is not negative`);
  mistakes.push(...checkEnforcement(c));
  if (c.reservedSystemCPUs) {
    if (c.systemReservedCgroup || c.kubeReservedCgroup)
      mistakes.push(
        "can't use reservedSystemCPUs (--reserved-cpus) with systemReservedCgroup (--system-reserved-cgroup) or kubeReservedCgroup (--kube-reserved-cgroup)",
      );
    try {
      parseCpuSet(c.reservedSystemCPUs);
    } catch (error) {
      const { message } = error as Error;
      mistakes.push(`unable to parse reservedSystemCPUs (--reserved-cpus) ${c.reservedSystemCPUs}, error: ${message}`);
    }
  }
  for (const { numaNode, limits } of c.reservedMemory ?? [])
    for (const [resource, text] of Object.entries(limits ?? {}))
      if (!/^(memory|hugepages-.+)$/.test(resource))
        mistakes.push(
          `the limit type ${JSON.stringify(resource)} for NUMA node ${numaNode} is not allowed, only [memory hugepages-<HugePageSize>] are accepted`,
        );
      else if (!isAmount(text) || quantityValue(parseQuantity(text)) === 0n)
        mistakes.push(`reserved memory may not be zero for NUMA node ${numaNode} and resource ${JSON.stringify(resource)}`);
  return mistakes;
}

function checkEnforcement(c: KubeletConfiguration): string[] {
  const levels = c.enforceNodeAllocatable;
  const where = 'enforceNodeAllocatable (--enforce-node-allocatable)';
  const mistakes: string[] = [];
  for (const level of ['system-reserved', 'kube-reserved'])
    if (levels.includes(level) && levels.includes(`${level}-compressible`))
      mistakes.push(`both "${level}" and "${level}-compressible" cannot be specified together in ${where}`);
  const seen = new Set<string>();
  for (const level of levels) {
    if (seen.has(level)) mistakes.push(`duplicated enforcements ${JSON.stringify(level)} in ${where}`);
    else mistakes.push(...checkLevel(level, c, where));
    seen.add(level);
  }
  return mistakes;
}

function checkLevel(level: string, c: KubeletConfiguration, where: string): string[] {
  if (level === 'none')
    return c.enforceNodeAllocatable.length > 1
      ? [`${where} may not contain additional enforcements when "none" is specified`]
      : [];
  if (!ENFORCEABLE.includes(level)) {
    const valid = ENFORCEABLE.map((name) => JSON.stringify(name));
    return [
      `option ${JSON.stringify(level)} specified for ${where}. Valid options are ${valid.slice(0, -1).join(', ')} or ${valid.at(-1)}`,
    ];
  }
  const mistakes: string[] = [];
  for (const [kind, field] of [
    ['system-reserved', 'systemReservedCgroup'],
    ['kube-reserved', 'kubeReservedCgroup'],
  ] as const)
    if (level.startsWith(kind) && !c[field])
      mistakes.push(
        `${field} (--${kind}-cgroup) must be specified when "${kind}" or "${kind}-compressible" included in ${where}`,
      );
  if (!c.cgroupsPerQOS)
    mistakes.push(`cgroupsPerQOS (--cgroups-per-qos) must be set to true when ${JSON.stringify(level)} contained in ${where}`);
  return mistakes;
}

function isAmount(text: string): boolean {
  try {
    return quantityValue(parseQuantity(text)) >= 0n;
  } catch {
    return false;
  }
}
