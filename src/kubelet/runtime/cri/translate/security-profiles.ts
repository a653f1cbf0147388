/** seccomp and AppArmor (pkg/kubelet/kuberuntime/helpers_linux.go, pkg/security/apparmor). */
import { isAbsolute, join, normalize } from 'node:path';
import type { V1AppArmorProfile, V1Container, V1Pod, V1SeccompProfile } from '../../../../api/gen/types.ts';
import { PodPartError } from '../../../pods/pod-parts.ts';
import type { CriInput } from '../api/cri-client.ts';
import { ProfileType } from '../api/enums.ts';

export interface SeccompSettings {
  /** Where profiles of type Localhost lie: `<root-dir>/seccomp`. */
  readonly profileRoot: string;
  /** `seccompDefault`: whether a container without a profile gets the runtime's. */
  readonly seccompDefault: boolean;
}

type Profile = CriInput<'SecurityProfile'>;

/** The container's own profile, else the pod's, else the default. */
export function seccompProfile(pod: V1Pod, container: V1Container, settings: SeccompSettings): Profile {
  const profile = container.securityContext?.seccompProfile ?? pod.spec?.securityContext?.seccompProfile;
  const unset = settings.seccompDefault ? ProfileType.RuntimeDefault : ProfileType.Unconfined;
  switch (profile?.type) {
    case 'RuntimeDefault':
      return { profile_type: ProfileType.RuntimeDefault };
    case 'Localhost':
      return { profile_type: ProfileType.Localhost, localhost_ref: localProfile(profile, settings.profileRoot) };
    case 'Unconfined':
      return { profile_type: ProfileType.Unconfined };
    default:
      return { profile_type: unset };
  }
}

function localProfile({ localhostProfile }: V1SeccompProfile, root: string): string {
  if (!localhostProfile)
    throw new PodPartError('CreateContainerConfigError', 'localhostProfile must be set if seccompProfile type is Localhost.');
  const inside = normalize(localhostProfile);
  if (isAbsolute(inside) || inside === '..' || inside.startsWith('../'))
    throw new PodPartError('CreateContainerConfigError', `seccomp profile ${JSON.stringify(localhostProfile)} leaves ${root}`);
  return join(root, inside);
}

const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

/** CRI's field, and the text that runtimes before it know. */
export interface AppArmor {
  readonly profile?: Profile;
  readonly text?: string;
}

/** The container's own profile by field or annotation, else the pod's. */
export function appArmorOf(pod: V1Pod, container: V1Container): V1AppArmorProfile | undefined {
  return (
    container.securityContext?.appArmorProfile ??
    annotated(pod.metadata?.annotations?.[`${APPARMOR_ANNOTATION}${container.name}`]) ??
    pod.spec?.securityContext?.appArmorProfile
  );
}

export function appArmorProfile(pod: V1Pod, container: V1Container): AppArmor {
  const profile = appArmorOf(pod, container);
  switch (profile?.type) {
    case 'RuntimeDefault':
      return { profile: { profile_type: ProfileType.RuntimeDefault }, text: 'runtime/default' };
    case 'Unconfined':
      return { profile: { profile_type: ProfileType.Unconfined }, text: 'unconfined' };
    case 'Localhost': {
      const name = profile.localhostProfile;
      if (!name) throw new PodPartError('CreateContainerConfigError', 'missing localhost apparmor profile name');
      return { profile: { profile_type: ProfileType.Localhost, localhost_ref: name }, text: `localhost/${name}` };
    }
    default:
      return {};
  }
}

function annotated(value: string | undefined): V1AppArmorProfile | undefined {
  if (value === 'runtime/default') return { type: 'RuntimeDefault' };
  if (value === 'unconfined') return { type: 'Unconfined' };
  return value?.startsWith('localhost/') ? { type: 'Localhost', localhostProfile: value.slice('localhost/'.length) } : undefined;
}
