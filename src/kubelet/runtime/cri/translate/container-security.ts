import type { V1Container, V1Pod, V1SecurityContext } from '../../../../api/gen/types.ts';
import { podText } from '../../../pods/container-kinds.ts';
import { PodPartError } from '../../../pods/pod-parts.ts';
import type { SandboxPreparation } from '../../preparation.ts';
import type { CriInput } from '../api/cri-client.ts';
import { namespaceOptions } from './namespaces.ts';
import { groupsPolicy, podGroups } from './sandbox-config.ts';
import { appArmorProfile, type SeccompSettings, seccompProfile } from './security-profiles.ts';

/** The user that the image names: a number, a name, or nobody (which is root). */
export interface ImageUser {
  readonly uid?: number | undefined;
  readonly username?: string | undefined;
}

export interface ContainerSecurityInput {
  readonly pod: V1Pod;
  readonly container: V1Container;
  readonly imageUser: ImageUser;
  readonly idMappings: SandboxPreparation['idMappings'];
  readonly targetContainerId?: string | undefined;
  /** Of volumes. */
  readonly groups: readonly number[];
  readonly seccomp: SeccompSettings;
  /** Of this machine, beside the well-known ones. */
  readonly moreMaskedPaths?: readonly string[];
}

/** The container's security context with the pod's where it says nothing (pkg/securitycontext). */
export function effectiveSecurity(pod: V1Pod, container: V1Container): V1SecurityContext {
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions } = pod.spec?.securityContext ?? {};
  const own = Object.entries(container.securityContext ?? {}).filter(([, value]) => value !== undefined && value !== null);
  return { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, ...Object.fromEntries(own) };
}

/** Fails with `CreateContainerConfigError` for what cannot be granted. */
export function containerSecurity(input: ContainerSecurityInput): CriInput<'LinuxContainerSecurityContext'> {
  const { pod, container, imageUser, moreMaskedPaths = [] } = input;
  const effective = effectiveSecurity(pod, container);
  verifyRunAsNonRoot(pod, container, effective, imageUser);
  const { profile, text } = appArmorProfile(pod, container);
  const unmasked = effective.procMount === 'Unmasked';
  return {
    privileged: effective.privileged,
    readonly_rootfs: effective.readOnlyRootFilesystem,
    no_new_privs: effective.allowPrivilegeEscalation === false,
    ...(effective.capabilities && {
      capabilities: {
        add_capabilities: effective.capabilities.add,
        drop_capabilities: effective.capabilities.drop,
      },
    }),
    ...(effective.seLinuxOptions && { selinux_options: effective.seLinuxOptions }),
    ...userOf(effective, imageUser),
    supplemental_groups: podGroups(pod, input.groups),
    supplemental_groups_policy: groupsPolicy(pod.spec?.securityContext?.supplementalGroupsPolicy),
    namespace_options: namespaceOptions(pod, input.idMappings, input.targetContainerId),
    seccomp: seccompProfile(pod, container, input.seccomp),
    apparmor: profile,
    apparmor_profile: text,
    masked_paths: unmasked ? [] : [...MASKED_PATHS, ...moreMaskedPaths],
    readonly_paths: unmasked ? [] : READONLY_PATHS,
  };
}

/** The image's user by number where it has one, so that the runtime does not look it up in the image once more. */
function userOf({ runAsUser, runAsGroup }: V1SecurityContext, image: ImageUser): CriInput<'LinuxContainerSecurityContext'> {
  const group = runAsGroup === undefined ? {} : { run_as_group: { value: runAsGroup } };
  if (runAsUser !== undefined) return { run_as_user: { value: runAsUser }, ...group };
  if (image.username) return { run_as_username: image.username, ...group };
  return { run_as_user: { value: image.uid ?? 0 }, ...group };
}

function verifyRunAsNonRoot(pod: V1Pod, container: V1Container, effective: V1SecurityContext, image: ImageUser): void {
  if (!effective.runAsNonRoot) return;
  const where = `(pod: ${JSON.stringify(podText(pod))}, container: ${container.name})`;
  const refuse = (why: string) => {
    throw new PodPartError('CreateContainerConfigError', `${why} ${where}`);
  };
  if (effective.runAsUser !== undefined) {
    if (effective.runAsUser === 0) refuse("container's runAsUser breaks non-root policy");
  } else if (image.username)
    refuse(`container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root`);
  else if ((image.uid ?? 0) === 0) refuse('container has runAsNonRoot and image will run as root');
}

/** What of /proc and /sys tells too much of the node (pkg/securitycontext/util.go). */
const MASKED_PATHS: readonly string[] = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];

const READONLY_PATHS: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];
