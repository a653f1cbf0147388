import type { V1Container, V1ContainerPort, V1Pod } from '../../../../api/gen/types.ts';
import { isSidecar } from '../../../pods/container-kinds.ts';
import type { SandboxPreparation } from '../../preparation.ts';
import type { CriInput } from '../api/cri-client.ts';
import { ProfileType, Protocol, SupplementalGroupsPolicy } from '../api/enums.ts';
import { namespaceOptions } from './namespaces.ts';
import { sandboxLabels } from './pod-labels.ts';

/** What CRI is told of a pod (pkg/kubelet/kuberuntime/kuberuntime_sandbox.go). */
export function sandboxConfig(pod: V1Pod, attempt: number, preparation: SandboxPreparation): CriInput<'PodSandboxConfig'> {
  const { name, namespace, uid, annotations } = pod.metadata ?? {};
  const { servers, searches, options } = preparation.dns;
  return {
    metadata: { name, namespace, uid, attempt },
    // On the node's network the pod has the node's name.
    ...(!pod.spec?.hostNetwork && { hostname: preparation.hostname }),
    log_directory: preparation.logDirectory,
    dns_config: { servers, searches, options },
    port_mappings: portMappings(pod),
    labels: sandboxLabels(pod),
    annotations,
    linux: {
      cgroup_parent: preparation.cgroupParent,
      security_context: sandboxSecurity(pod, preparation),
      sysctls: Object.fromEntries((pod.spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [sysctlName(name), value])),
    },
  };
}

/** Whoever asks for the group of a sandbox alone is refused by runtimes; the sandbox runs as its image says then. */
function sandboxSecurity(pod: V1Pod, preparation: SandboxPreparation): CriInput<'LinuxSandboxSecurityContext'> {
  const { runAsUser, runAsGroup, seLinuxOptions, supplementalGroupsPolicy } = pod.spec?.securityContext ?? {};
  return {
    privileged: hasPrivilegedContainer(pod),
    // The pause process needs nothing that the default forbids.
    seccomp: { profile_type: ProfileType.RuntimeDefault },
    namespace_options: namespaceOptions(pod, preparation.idMappings),
    supplemental_groups: podGroups(pod),
    supplemental_groups_policy: groupsPolicy(supplementalGroupsPolicy),
    ...(seLinuxOptions && { selinux_options: seLinuxOptions }),
    ...(runAsUser !== undefined && { run_as_user: { value: runAsUser } }),
    ...(runAsUser !== undefined && runAsGroup !== undefined && { run_as_group: { value: runAsGroup } }),
  };
}

/** The groups of a pod's processes beside the primary one. */
export function podGroups(pod: V1Pod, more: readonly number[] = []): number[] {
  const { fsGroup, supplementalGroups = [] } = pod.spec?.securityContext ?? {};
  return [...new Set([...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups, ...more])];
}

export function groupsPolicy(policy: string | undefined): number {
  return policy === 'Strict' ? SupplementalGroupsPolicy.Strict : SupplementalGroupsPolicy.Merge;
}

/** All ports that containers name; those without a host port cost nothing. Host ports need no mapping on the node's network. */
function portMappings(pod: V1Pod): CriInput<'PortMapping'>[] {
  const { containers = [], initContainers = [], hostNetwork } = pod.spec ?? {};
  if (hostNetwork) return [];
  return [...initContainers.filter(isSidecar), ...containers].flatMap(({ ports = [] }: V1Container) => ports.map(portMapping));
}

function portMapping({ protocol, containerPort, hostPort, hostIP }: V1ContainerPort): CriInput<'PortMapping'> {
  const known: Readonly<Record<string, number>> = Protocol;
  return {
    protocol: known[protocol ?? 'TCP'] ?? Protocol.TCP,
    container_port: containerPort,
    host_port: hostPort,
    host_ip: hostIP,
  };
}

function hasPrivilegedContainer(pod: V1Pod): boolean {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers].some(({ securityContext }) => securityContext?.privileged);
}

/** `kernel/shm_rmid_forced` → `kernel.shm_rmid_forced`: the first separator says how a name is written (sysctl(8)). */
export function sysctlName(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  return first === '/' ? name.replace(/[./]/g, (separator) => (separator === '/' ? '.' : '/')) : name;
}
