/** Whose rights a pod and its containers have (core/validation ValidateSecurityContext, validatePodSpecSecurityContext). */
import type { V1AppArmorProfile, V1PodSpec, V1SeccompProfile, V1SecurityContext } from '../../gen/types.ts';
import { forbiddenField, invalidField, notSupportedField, requiredField, tooLongField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { shownForm } from './internal-form.ts';
import { checkDescendingPath } from './local-path.ts';
import { validateSysctls } from './sysctl-validation.ts';
import { validateWindowsOptions } from './windows-validation.ts';

const LARGEST_ID = 2 ** 31 - 1;

/** Of a user or a group. */
export function checkId(id: number | undefined, field: string, errors: FieldError[]): void {
  if (id !== undefined && (id < 0 || id > LARGEST_ID))
    errors.push(invalidField(field, id, `must be between 0 and ${LARGEST_ID}, inclusive`));
}

function checkChoice(value: string | undefined, choices: readonly string[], field: string, errors: FieldError[]): void {
  if (value !== undefined && !choices.includes(value)) errors.push(notSupportedField(field, value, choices));
}

const PROC_MOUNTS = ['Default', 'Unmasked'];
const NO_ESCALATION = 'cannot set `allowPrivilegeEscalation` to false and';

/** Adds complaints about a container's context. `hostUsers`: the pod's users are the node's. */
export function validateSecurityContext(
  context: V1SecurityContext,
  path: string,
  hostUsers: boolean,
  errors: FieldError[],
): void {
  checkId(context.runAsUser, `${path}.runAsUser`, errors);
  checkId(context.runAsGroup, `${path}.runAsGroup`, errors);
  const { procMount } = context;
  checkChoice(procMount, PROC_MOUNTS, `${path}.procMount`, errors);
  if (hostUsers && procMount === 'Unmasked')
    errors.push(invalidField(`${path}.procMount`, procMount, '`hostUsers` must be false to use `Unmasked`'));
  if (context.seccompProfile) checkSeccompProfile(context.seccompProfile, `${path}.seccompProfile`, errors);
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged)
      errors.push(invalidField(path, shownForm('SecurityContext', context), `${NO_ESCALATION} \`privileged\` to true`));
    for (const capability of context.capabilities?.add ?? [])
      if (capability === 'CAP_SYS_ADMIN')
        errors.push(
          invalidField(path, shownForm('SecurityContext', context), `${NO_ESCALATION} \`capabilities.Add\` CAP_SYS_ADMIN`),
        );
  }
  if (context.windowsOptions) validateWindowsOptions(context.windowsOptions, `${path}.windowsOptions`, errors);
  if (context.appArmorProfile) checkAppArmorProfile(context.appArmorProfile, `${path}.appArmorProfile`, errors);
}

/** Adds complaints about a pod's context. */
export function validatePodSecurityContext(
  spec: V1PodSpec,
  path: string,
  { labelsFiles = false }: { readonly labelsFiles?: boolean },
  errors: FieldError[],
): void {
  const context = spec.securityContext ?? {};
  checkId(context.fsGroup, `${path}.fsGroup`, errors);
  checkId(context.runAsUser, `${path}.runAsUser`, errors);
  checkId(context.runAsGroup, `${path}.runAsGroup`, errors);
  context.supplementalGroups?.forEach((id, i) => {
    checkId(id, `${path}.supplementalGroups[${i}]`, errors);
  });
  if (spec.shareProcessNamespace && spec.hostPID)
    errors.push(invalidField(`${path}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  if (context.sysctls) validateSysctls(context.sysctls, spec, `${path}.sysctls`, errors);
  checkChoice(context.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], `${path}.fsGroupChangePolicy`, errors);
  if (context.seccompProfile) checkSeccompProfile(context.seccompProfile, `${path}.seccompProfile`, errors);
  if (context.windowsOptions) validateWindowsOptions(context.windowsOptions, `${path}.windowsOptions`, errors);
  if (context.appArmorProfile) checkAppArmorProfile(context.appArmorProfile, `${path}.appArmorProfile`, errors);
  checkChoice(context.supplementalGroupsPolicy, ['Merge', 'Strict'], `${path}.supplementalGroupsPolicy`, errors);
  const labelling = labelsFiles ? ['MountOption', 'Recursive'] : ['Recursive'];
  checkChoice(context.seLinuxChangePolicy, labelling, `${path}.seLinuxChangePolicy`, errors);
}

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function checkSeccompProfile(profile: V1SeccompProfile, path: string, errors: FieldError[]): void {
  const { type, localhostProfile } = profile;
  if (!type) errors.push(requiredField(`${path}.type`, 'type is required when seccompProfile is set'));
  else checkChoice(type, PROFILE_TYPES, `${path}.type`, errors);
  if (type !== 'Localhost') {
    if (localhostProfile !== undefined)
      errors.push(
        invalidField(
          `${path}.localhostProfile`,
          shownForm('SeccompProfile', profile),
          'can only be set when seccomp type is Localhost',
        ),
      );
  } else if (localhostProfile === undefined)
    errors.push(requiredField(`${path}.localhostProfile`, 'must be set when seccomp type is Localhost'));
  else checkDescendingPath(localhostProfile, `${path}.localhostProfile`, errors);
}

/** Of a path on Linux. */
const LONGEST_PROFILE = 4095;

export function checkAppArmorProfile({ type, localhostProfile }: V1AppArmorProfile, path: string, errors: FieldError[]): void {
  if (!type) errors.push(requiredField(`${path}.type`, 'type is required when appArmorProfile is set'));
  else checkChoice(type, PROFILE_TYPES, `${path}.type`, errors);
  const field = `${path}.localhostProfile`;
  if (type === 'Localhost') {
    if (!localhostProfile?.trim() && localhostProfile?.trim() === localhostProfile)
      errors.push(requiredField(field, 'must be set when AppArmor type is Localhost'));
    else if (localhostProfile!.trim() !== localhostProfile)
      errors.push(invalidField(field, localhostProfile, 'must not be padded with whitespace'));
    if (Buffer.byteLength(localhostProfile ?? '') > LONGEST_PROFILE) errors.push(tooLongField(field, LONGEST_PROFILE));
  } else if ((type === 'RuntimeDefault' || type === 'Unconfined') && localhostProfile !== undefined)
    errors.push(invalidField(field, localhostProfile, 'can only be set when AppArmor type is Localhost'));
}

/** Users of its own and the node's processes do not go together. */
export function checkHostUsers(spec: V1PodSpec, path: string, errors: FieldError[]): void {
  if (spec.hostUsers !== false) return;
  const why = 'when `hostUsers` is false';
  if (spec.hostNetwork) errors.push(forbiddenField(`${path}.hostNetwork`, why));
  if (spec.hostPID) errors.push(forbiddenField(`${path}.HostPID`, why));
  if (spec.hostIPC) errors.push(forbiddenField(`${path}.HostIPC`, why));
  for (const list of ['containers', 'initContainers', 'ephemeralContainers'] as const)
    spec[list]?.forEach(({ volumeDevices }, i) => {
      if (volumeDevices?.length) errors.push(forbiddenField(`${path}.${list}[${i}].volumeDevices`, why));
    });
}
