import type { KubeletConfiguration } from './kubelet-configuration.ts';

/** Options of `cpuManagerPolicy: static` (KEP 3545, 4540): those that this kubelet has, and those that only upstream has. */
const CPU_OPTIONS = ['full-pcpus-only', 'strict-cpu-reservation'];
const OTHER_CPU_OPTIONS = [
  'align-by-socket',
  'distribute-cpus-across-cores',
  'distribute-cpus-across-numa',
  'prefer-align-cpus-by-uncorecache',
];
const TOPOLOGY_OPTIONS = ['max-allowable-numa-nodes', 'prefer-closest-numa-nodes'];
/** What Go's strconv.ParseBool takes. */
const BOOLEAN = /^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/;

/** Who runs on which CPUs, and how close together they lie. */
export function checkCpuPolicies(c: KubeletConfiguration): string[] {
  const mistakes: string[] = [];
  if (!['none', 'static'].includes(c.cpuManagerPolicy))
    mistakes.push(`unknown CPU Manager policy (--cpu-manager-policy): ${JSON.stringify(c.cpuManagerPolicy)}`);
  const options = Object.entries(c.cpuManagerPolicyOptions ?? {});
  if (c.cpuManagerPolicy === 'none' && options.length > 0)
    mistakes.push(
      `cpuManagerPolicyOptions (--cpu-manager-policy-options): None policy: received unsupported options=${JSON.stringify(c.cpuManagerPolicyOptions)}`,
    );
  else for (const [name, value] of options) mistakes.push(...checkCpuOption(name, value));
  const topologies = ['none', 'best-effort', 'restricted', 'single-numa-node'];
  if (!topologies.includes(c.topologyManagerPolicy))
    mistakes.push(
      `topologyManagerPolicy (--topology-manager-policy) ${JSON.stringify(c.topologyManagerPolicy)} must be one of: [${topologies.map((name) => JSON.stringify(name)).join(' ')}]`,
    );
  if (!['container', 'pod'].includes(c.topologyManagerScope))
    mistakes.push(
      `topologyManagerScope (--topology-manager-scope) ${JSON.stringify(c.topologyManagerScope)} must be one of: "container", or "pod"`,
    );
  for (const name of Object.keys(c.topologyManagerPolicyOptions ?? {}))
    mistakes.push(
      TOPOLOGY_OPTIONS.includes(name)
        ? `topologyManagerPolicyOptions (--topology-manager-policy-options): ${JSON.stringify(name)} is not supported by this kubelet`
        : `topologyManagerPolicyOptions (--topology-manager-policy-options): unknown Topology Manager Policy option: ${JSON.stringify(name)}`,
    );
  return mistakes;
}

function checkCpuOption(name: string, value: string): string[] {
  const where = 'cpuManagerPolicyOptions (--cpu-manager-policy-options)';
  if (OTHER_CPU_OPTIONS.includes(name)) return [`${where}: ${JSON.stringify(name)} is not supported by this kubelet`];
  if (!CPU_OPTIONS.includes(name)) return [`${where}: unknown CPU Manager Policy option: ${JSON.stringify(name)}`];
  if (!BOOLEAN.test(value))
    return [
      `${where}: bad value for option ${JSON.stringify(name)}: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
    ];
  return [];
}
