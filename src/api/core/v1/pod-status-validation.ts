/** What may be said of a pod by those that run it (core/validation ValidatePodStatusUpdate). */
import type { V1Container, V1ContainerStatus, V1Pod, V1PodSpec, V1PodStatus } from '../../gen/types.ts';
import { checkImmutable } from '../../machinery/field-checks.ts';
import {
  addErrors,
  duplicateField,
  forbiddenField,
  invalidField,
  notSupportedField,
  requiredField,
  tooLongField,
} from '../../machinery/field-error.ts';
import { checkIp, parseIp } from '../../machinery/ip.ts';
import { checkDnsSubdomain, checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkClaimStatuses, checkExtendedClaim } from './claim-status-validation.ts';
import { checkTransitions } from './container-transitions.ts';
import { shownForm } from './internal-form.ts';
import { validatePodAnnotations, validatePodAnnotationsUpdate } from './pod-annotations.ts';
import { checkId } from './security-context-validation.ts';

const SYSTEM_CONDITIONS: ReadonlySet<string> = new Set(['PodScheduled', 'Ready', 'Initialized']);
const STATUS_LISTS = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;

export function validatePodStatusUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const errors = validatePodAnnotationsUpdate(updated, existing);
  const { metadata, spec = { containers: [] }, status = {} } = updated as V1Pod;
  const before = (existing as V1Pod).status ?? {};
  validatePodAnnotations(metadata?.annotations, spec, 'metadata.annotations', errors);
  status.conditions?.forEach(({ type, observedGeneration }, i) => {
    checkGeneration(observedGeneration, `status.conditions[${i}].observedGeneration`, errors);
    if (SYSTEM_CONDITIONS.has(type)) return;
    for (const complaint of checkQualifiedName(type)) errors.push(invalidField(`status.conditions[${i}].Type`, type, complaint));
  });
  const bound = (existing as V1Pod).spec ?? spec;
  checkNomination(status, before, bound, errors);
  checkGeneration(status.observedGeneration, 'status.observedGeneration', errors);
  addErrors(errors, checkImmutable('status.qosClass', status.qosClass, before.qosClass));
  checkTransitions(status, before, bound, errors);
  checkClaimStatuses(status, spec, errors);
  checkExtendedClaim(status, spec, errors);
  checkPodIps(status, before, errors);
  checkHostIps(status, before, errors);
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

function checkGeneration(generation: number | undefined, field: string, errors: FieldError[]): void {
  if ((generation ?? 0) < 0) errors.push(invalidField(field, generation, 'must be a non-negative integer'));
}

/** A pod that has a node is not promised another one. */
function checkNomination(after: V1PodStatus, before: V1PodStatus, { nodeName }: V1PodSpec, errors: FieldError[]): void {
  const field = 'status.nominatedNodeName';
  const nominated = after.nominatedNodeName;
  if (!nominated || nominated === before.nominatedNodeName) return;
  for (const complaint of checkDnsSubdomain(nominated)) errors.push(invalidField(field, nominated, complaint));
  if (nodeName) errors.push(forbiddenField(field, 'may not be set on pods that are already bound to a node'));
}

/** One address of each family at most. */
const isOnePerFamily = (ips: readonly string[]) =>
  ips.length <= 2 && new Set(ips.map((ip) => parseIp(ip)?.family)).size === ips.length;

const ONE_PER_FAMILY = 'may specify no more than one IP for each IP family';

const addressesOf = (list: readonly { ip: string }[] = []) => list.map(({ ip }) => ip);

function checkPodIps({ podIPs = [] }: V1PodStatus, before: V1PodStatus, errors: FieldError[]): void {
  checkAddresses(podIPs, 'PodIP', 'status.podIPs', addressesOf(before.podIPs), errors);
}

function checkHostIps({ hostIP, hostIPs = [] }: V1PodStatus, before: V1PodStatus, errors: FieldError[]): void {
  const [first] = hostIPs;
  if (!first) return;
  if (hostIP !== first.ip) errors.push(invalidField('status.hostIPs[0].ip', first.ip, 'must be equal to `hostIP`'));
  checkAddresses(hostIPs, 'HostIP', 'status.hostIPs', addressesOf(before.hostIPs), errors);
}

/** What is `stored` already may stay as it is. */
function checkAddresses(
  list: readonly { ip: string }[],
  type: string,
  path: string,
  stored: readonly string[],
  errors: FieldError[],
): void {
  list.forEach(({ ip }, i) => {
    addErrors(errors, checkIp(`${path}[${i}]`, ip, stored));
  });
  if (list.length > 1 && !isOnePerFamily(addressesOf(list)))
    errors.push(invalidField(path, shownForm(type, list), ONE_PER_FAMILY));
}

function checkUsers(statuses: readonly V1ContainerStatus[], path: string, os: string | undefined, errors: FieldError[]): void {
  statuses.forEach(({ user }, i) => {
    if (!user?.linux) return;
    const at = `${path}[${i}].user.linux`;
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

const LONGEST_MESSAGE = 1024;
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
    const claims = new Set(
      container?.resources?.claims?.map((claim) => `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}`),
    );
    allocatedResourcesStatus.forEach((resource, r) => {
      const at = `${path}[${i}].allocatedResourcesStatus[${r}]`;
      if (container) checkAllocatedName(resource.name, container, claims, `${at}.name`, errors);
      const ids = new Set<string>();
      resource.resources?.forEach(({ resourceID, health = '', message }, h) => {
        if (!HEALTH.includes(health)) errors.push(notSupportedField(`${at}.resources[${h}].health`, health, HEALTH));
        if (message === '') errors.push(requiredField(`${at}.resources[${h}].message`, 'must be non-empty if specified'));
        else if (Buffer.byteLength(message ?? '') > LONGEST_MESSAGE)
          errors.push(tooLongField(`${at}.resources[${h}].message`, LONGEST_MESSAGE));
        if (ids.has(resourceID)) errors.push(duplicateField(`${at}.resources[${h}].resourceID`, resourceID));
        ids.add(resourceID);
      });
    });
  });
}

function checkAllocatedName(
  name: string,
  { resources }: V1Container,
  claims: ReadonlySet<string>,
  field: string,
  errors: FieldError[],
): void {
  if (name.startsWith('claim:')) {
    if (!claims.has(name))
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
