/** What may be said of a pod by those that run it (core/validation ValidatePodStatusUpdate). */
import type { V1Container, V1ContainerStatus, V1Pod, V1PodSpec, V1PodStatus } from '../../gen/types.ts';
import { checkImmutable } from '../../machinery/field-checks.ts';
import { duplicateField, forbiddenField, invalidField, notSupportedField } from '../../machinery/field-error.ts';
import { checkIp, parseIp } from '../../machinery/ip.ts';
import { checkDnsSubdomain, checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validatePodAnnotations, validatePodAnnotationsUpdate } from './pod-annotations.ts';
import { checkId } from './security-context-validation.ts';

const SYSTEM_CONDITIONS: ReadonlySet<string> = new Set(['PodScheduled', 'Ready', 'Initialized']);
const STATUS_LISTS = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;

export function validatePodStatusUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const errors = validatePodAnnotationsUpdate(updated, existing);
  const { metadata, spec = { containers: [] }, status = {} } = updated as V1Pod;
  const before = (existing as V1Pod).status ?? {};
  validatePodAnnotations(metadata?.annotations, spec, 'metadata.annotations', errors);
  // Upstream's path: the conditions are of the status.
  status.conditions?.forEach(({ type }, i) => {
    if (SYSTEM_CONDITIONS.has(type)) return;
    for (const complaint of checkQualifiedName(type))
      errors.push(invalidField(`metadata.conditions[${i}].Type`, type, complaint));
  });
  const nominated = status.nominatedNodeName;
  if (nominated && nominated !== before.nominatedNodeName)
    for (const complaint of checkDnsSubdomain(nominated))
      errors.push(invalidField('status.nominatedNodeName', nominated, complaint));
  errors.push(...checkImmutable('status.qosClass', status.qosClass, before.qosClass));
  checkTransitions(status, before, spec, errors);
  checkClaimStatuses(status, spec, errors);
  checkPodIps(status, errors);
  checkHostIps(status, errors);
  for (const list of STATUS_LISTS) checkUsers(status[list] ?? [], `status.${list}`, spec.os?.name, errors);
  checkAllocated(status.containerStatuses ?? [], 'status.containerStatuses', spec.containers, errors);
  checkAllocated(status.initContainerStatuses ?? [], 'status.initContainerStatuses', spec.initContainers ?? [], errors);
  status.ephemeralContainerStatuses?.forEach(({ allocatedResourcesStatus }, i) => {
    if (allocatedResourcesStatus?.length)
      errors.push(
        forbiddenField(
          `status.ephemeralContainerStatuses[${i}].allocatedResourcesStatus`,
          'must not be specified in container status',
        ),
      );
  });
  return errors;
}

/** What has ended for good does not run again. */
function checkTransitions(after: V1PodStatus, before: V1PodStatus, spec: V1PodSpec, errors: FieldError[]): void {
  const policies = new Map<string, string>();
  for (const { name, restartPolicy, restartPolicyRules } of [...spec.containers, ...(spec.initContainers ?? [])])
    if (restartPolicy) policies.set(name, restartPolicyRules?.length ? 'Always' : restartPolicy);
  for (const list of STATUS_LISTS) {
    const now = new Map(after[list]?.map((status) => [status.name, status]));
    before[list]?.forEach(({ name, state }, i) => {
      const policy = list === 'ephemeralContainerStatuses' ? 'Never' : (policies.get(name) ?? spec.restartPolicy);
      if (!state?.terminated || policy === 'Always') return;
      if (state.terminated.exitCode !== 0 && policy === 'OnFailure') return;
      const status = now.get(name);
      if (status && !status.state?.terminated)
        errors.push(forbiddenField(`status.${list}[${i}].state`, 'may not be transitioned to non-terminated state'));
    });
  }
}

function checkClaimStatuses({ resourceClaimStatuses = [] }: V1PodStatus, spec: V1PodSpec, errors: FieldError[]): void {
  const claims = new Set(spec.resourceClaims?.map(({ name }) => name));
  const seen = new Set<string>();
  resourceClaimStatuses.forEach(({ name, resourceClaimName }, i) => {
    const field = `status.resourceClaimStatuses[${i}].name`;
    if (!claims.has(name)) errors.push(invalidField(field, name, 'must match the name of an entry in `spec.resourceClaims`'));
    if (seen.has(name)) errors.push(duplicateField(field, name));
    seen.add(name);
    if (resourceClaimName !== undefined)
      for (const complaint of checkDnsSubdomain(resourceClaimName))
        errors.push(invalidField(field, resourceClaimName, complaint));
  });
}

/** One address of each family at most. */
const isOnePerFamily = (ips: readonly string[]) =>
  ips.length <= 2 && new Set(ips.map((ip) => parseIp(ip)?.family)).size === ips.length;

const ONE_PER_FAMILY = 'may specify no more than one IP for each IP family';

function checkPodIps({ podIPs = [] }: V1PodStatus, errors: FieldError[]): void {
  podIPs.forEach(({ ip }, i) => {
    errors.push(...checkIp(`status.podIPs[${i}]`, ip));
  });
  if (podIPs.length < 2) return;
  if (!isOnePerFamily(podIPs.map(({ ip }) => ip))) errors.push(invalidField('status.podIPs', podIPs, ONE_PER_FAMILY));
  checkRepeated(podIPs, 'status.podIPs', errors);
}

function checkHostIps({ hostIP, hostIPs = [] }: V1PodStatus, errors: FieldError[]): void {
  const [first] = hostIPs;
  if (!first) return;
  if (hostIP !== first.ip) errors.push(invalidField('status.hostIPs[0].ip', first.ip, 'must be equal to `hostIP`'));
  hostIPs.forEach(({ ip }, i) => {
    errors.push(...checkIp(`status.hostIPs[${i}]`, ip));
  });
  if (hostIPs.length < 2) return;
  checkRepeated(hostIPs, 'status.hostIPs', errors);
  if (!isOnePerFamily(hostIPs.map(({ ip }) => ip))) errors.push(invalidField('status.hostIPs', hostIPs, ONE_PER_FAMILY));
}

function checkRepeated(ips: readonly { ip: string }[], path: string, errors: FieldError[]): void {
  const seen = new Set<string>();
  ips.forEach((address, i) => {
    if (seen.has(address.ip)) errors.push(duplicateField(`${path}[${i}]`, address));
    seen.add(address.ip);
  });
}

function checkUsers(statuses: readonly V1ContainerStatus[], path: string, os: string | undefined, errors: FieldError[]): void {
  statuses.forEach(({ user }, i) => {
    if (!user?.linux) return;
    const at = `${path}[${i}].linux`;
    if (os === 'windows') {
      errors.push(forbiddenField(at, 'cannot be set for a windows pod'));
      return;
    }
    checkId(user.linux.uid, `${at}.uid`, errors);
    checkId(user.linux.gid, `${at}.gid`, errors);
    user.linux.supplementalGroups?.forEach((id, g) => {
      checkId(id, `${at}.supplementalGroups[${g}]`, errors);
    });
  });
}

const HEALTH = ['Healthy', 'Unhealthy', 'Unknown'];

function checkAllocated(
  statuses: readonly V1ContainerStatus[],
  path: string,
  containers: readonly V1Container[],
  errors: FieldError[],
): void {
  const byName = new Map(containers.map((container) => [container.name, container]));
  statuses.forEach(({ name, allocatedResourcesStatus }, i) => {
    if (!allocatedResourcesStatus) return;
    const container = byName.get(name);
    allocatedResourcesStatus.forEach((resource, r) => {
      const at = `${path}[${i}].allocatedResourcesStatus[${r}]`;
      if (container) checkAllocatedName(resource.name, container, `${at}.name`, errors);
      const ids = new Set<string>();
      resource.resources?.forEach(({ resourceID, health = '' }, h) => {
        if (!HEALTH.includes(health)) errors.push(notSupportedField(`${at}.resources[${h}].health`, health, HEALTH));
        if (ids.has(resourceID)) errors.push(duplicateField(`${at}.resources[${h}].resourceID`, resourceID));
        ids.add(resourceID);
      });
    });
  });
}

function checkAllocatedName(name: string, { resources }: V1Container, field: string, errors: FieldError[]): void {
  if (name.startsWith('claim:')) {
    const claims = resources?.claims?.map((claim) => `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}`);
    if (!claims?.includes(name))
      errors.push(
        invalidField(
          field,
          name,
          "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty",
        ),
      );
  } else if (!Object.hasOwn(resources?.requests ?? {}, name))
    errors.push(invalidField(field, name, "must match one of the container's resource requests"));
}
