import type { ContainerMount, SandboxPreparation } from '../../preparation.ts';
import type { ContainerRequest } from '../../runtime.ts';
import type { CriInput } from '../api/cri-client.ts';
import { Propagation, SIGNALS } from '../api/enums.ts';
import { type ContainerSecurityInput, containerSecurity, type ImageUser } from './container-security.ts';
import { criMapping } from './namespaces.ts';
import { containerAnnotations, containerLabels } from './pod-labels.ts';
import { criResources } from './resources.ts';

export interface ContainerConfigInput extends Pick<ContainerSecurityInput, 'seccomp' | 'moreMaskedPaths'> {
  readonly request: ContainerRequest & { readonly preparation: NonNullable<ContainerRequest['preparation']> };
  readonly imageUser: ImageUser;
  readonly idMappings: SandboxPreparation['idMappings'];
  /** Beside those of the preparation. */
  readonly mounts?: readonly ContainerMount[];
}

/** What CRI is told of a container (pkg/kubelet/kuberuntime/kuberuntime_container.go). */
export function containerConfig(input: ContainerConfigInput): CriInput<'ContainerConfig'> {
  const { request, imageUser, idMappings, mounts = [] } = input;
  const { pod, container, attempt, preparation } = request;
  const stopSignal = container.lifecycle?.stopSignal;
  return {
    metadata: { name: container.name, attempt },
    image: { image: preparation.imageRef, user_specified_image: container.image },
    command: preparation.command,
    args: preparation.args,
    working_dir: container.workingDir,
    envs: preparation.environment.map(({ name, value }) => ({ key: name, value })),
    mounts: [...preparation.mounts, ...mounts].map((mount) => criMount(mount, idMappings)),
    devices: preparation.devices.map(({ hostPath, containerPath, permissions }) => ({
      host_path: hostPath,
      container_path: containerPath,
      permissions,
    })),
    ...(preparation.cdiDevices?.length && { CDI_devices: preparation.cdiDevices.map((name) => ({ name })) }),
    labels: containerLabels(pod, container),
    annotations: { ...containerAnnotations(pod, container, attempt), ...preparation.annotations },
    log_path: preparation.logPath,
    stdin: container.stdin,
    stdin_once: container.stdinOnce,
    tty: container.tty,
    ...(stopSignal && { stop_signal: Math.max(0, SIGNALS.indexOf(stopSignal)) }),
    linux: {
      resources: criResources(preparation.resources),
      security_context: containerSecurity({
        pod,
        container,
        imageUser,
        idMappings,
        targetContainerId: request.targetContainerId,
        groups: preparation.supplementalGroups,
        seccomp: input.seccomp,
        moreMaskedPaths: input.moreMaskedPaths,
      }),
    },
  };
}

const PROPAGATIONS = {
  private: Propagation.PRIVATE,
  'host-to-container': Propagation.HOST_TO_CONTAINER,
  bidirectional: Propagation.BIDIRECTIONAL,
} as const;

function criMount(mount: ContainerMount, idMappings: SandboxPreparation['idMappings']): CriInput<'Mount'> {
  return {
    container_path: mount.containerPath,
    host_path: mount.hostPath,
    readonly: mount.readOnly,
    recursive_read_only: mount.recursiveReadOnly,
    selinux_relabel: mount.selinuxRelabel,
    propagation: PROPAGATIONS[mount.propagation ?? 'private'],
    ...(mount.image && { image: { image: mount.image.reference }, image_sub_path: mount.image.subPath }),
    // Files belong inside the user namespace to whom they belong outside.
    ...(idMappings && { uidMappings: idMappings.uids.map(criMapping), gidMappings: idMappings.gids.map(criMapping) }),
  };
}
