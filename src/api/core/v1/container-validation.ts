/** What all containers must look like (core/validation validateContainerCommon). Paths begin with the container's. */
import type { V1ContainerResizePolicy } from '../../gen/types.ts';
import { duplicateField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsLabel } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import type { AnyContainer } from './container-defaults.ts';
import { validatePorts } from './container-ports.ts';
import { validateEnvironment, validateEnvironmentSources } from './environment-validation.ts';
import { type PodVolumes, validateDevices, validateMounts } from './mount-validation.ts';
import { validateResources } from './resources-validation.ts';
import { validateSecurityContext } from './security-context-validation.ts';

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError'];
const RESIZABLE = ['cpu', 'memory'];
const RESIZE_POLICIES = ['NotRequired', 'RestartContainer'];

/** What a container's fields refer to. */
export interface ContainerScope {
  readonly volumes: PodVolumes;
  /** Names of the pod's resource claims. */
  readonly claims: ReadonlySet<string>;
  readonly podRestartPolicy: string | undefined;
  /** Whether the pod's users are the node's. */
  readonly hostUsers: boolean;
  /** The pod's own, in seconds. */
  readonly gracePeriod: number | undefined;
  readonly os: string | undefined;
  /** Pods, not templates: these may be stricter. */
  readonly isPod: boolean;
}

/** Adds complaints about one container of any sort. */
export function validateContainer(container: AnyContainer, path: string, scope: ContainerScope, errors: FieldError[]): void {
  const { name, image, terminationMessagePolicy, ports, env, envFrom, volumeMounts, volumeDevices, resizePolicy } = container;
  if (!name) errors.push(requiredField(`${path}.name`));
  else for (const complaint of checkDnsLabel(name)) errors.push(invalidField(`${path}.name`, name, complaint));
  if (!image) errors.push(requiredField(`${path}.image`));
  if (!terminationMessagePolicy) errors.push(requiredField(`${path}.terminationMessagePolicy`));
  else if (!MESSAGE_POLICIES.includes(terminationMessagePolicy))
    errors.push(notSupportedField(`${path}.terminationMessagePolicy`, terminationMessagePolicy, MESSAGE_POLICIES));
  if (ports) validatePorts(ports, `${path}.ports`, errors);
  if (env) validateEnvironment(env, `${path}.env`, errors);
  if (envFrom) validateEnvironmentSources(envFrom, `${path}.envFrom`, errors);
  if (volumeMounts) validateMounts(container, path, scope.volumes, errors);
  if (volumeDevices) validateDevices(volumeDevices, `${path}.volumeDevices`, volumeMounts ?? [], scope.volumes, errors);
  checkPullPolicy(container.imagePullPolicy, `${path}.imagePullPolicy`, errors);
  validateResources(container.resources, `${path}.resources`, scope.claims, errors);
  if (resizePolicy) checkResizePolicy(resizePolicy, `${path}.resizePolicy`, scope.podRestartPolicy, errors);
  if (container.securityContext)
    validateSecurityContext(container.securityContext, `${path}.securityContext`, scope.hostUsers, errors);
}

export function checkPullPolicy(policy: string | undefined, field: string, errors: FieldError[]): void {
  if (!policy) errors.push(requiredField(field));
  else if (!PULL_POLICIES.includes(policy)) errors.push(notSupportedField(field, policy, PULL_POLICIES));
}

/** Of pods only: templates are let have blanks, which some tools put there as a mark. */
export function checkImageBlanks({ image = '' }: AnyContainer, path: string, errors: FieldError[]): void {
  if (image.trim() !== image) errors.push(invalidField(`${path}.image`, image, 'must not have leading or trailing whitespace'));
}

function checkResizePolicy(
  policies: readonly V1ContainerResizePolicy[],
  path: string,
  podRestartPolicy: string | undefined,
  errors: FieldError[],
): void {
  const seen = new Set<string>();
  policies.forEach(({ resourceName, restartPolicy }, i) => {
    if (seen.has(resourceName)) errors.push(duplicateField(`${path}[${i}]`, resourceName));
    seen.add(resourceName);
    if (!resourceName) errors.push(requiredField(path));
    else if (!RESIZABLE.includes(resourceName)) errors.push(notSupportedField(path, resourceName, RESIZABLE));
    if (!restartPolicy) errors.push(requiredField(path));
    else if (!RESIZE_POLICIES.includes(restartPolicy)) errors.push(notSupportedField(path, restartPolicy, RESIZE_POLICIES));
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired')
      errors.push(invalidField(path, restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
  });
}
