/** What a pod's status says of its claims to devices (core/validation validatePodResourceClaimStatuses and its neighbours). */
import type { V1PodSpec, V1PodStatus } from '../../gen/types.ts';
import { duplicateField, invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

export function checkClaimStatuses({ resourceClaimStatuses = [] }: V1PodStatus, spec: V1PodSpec, errors: FieldError[]): void {
  const claims = new Set(spec.resourceClaims?.map(({ name }) => name));
  const seen = new Set<string>();
  resourceClaimStatuses.forEach(({ name, resourceClaimName }, i) => {
    const at = `status.resourceClaimStatuses[${i}]`;
    if (!claims.has(name))
      errors.push(invalidField(`${at}.name`, name, 'must match the name of an entry in `spec.resourceClaims`'));
    if (seen.has(name)) errors.push(duplicateField(`${at}.name`, name));
    seen.add(name);
    if (resourceClaimName !== undefined)
      for (const complaint of checkDnsSubdomain(resourceClaimName))
        errors.push(invalidField(`${at}.resourceClaimName`, resourceClaimName, complaint));
  });
}

/** The claim that was made for what containers ask for by the name of an extended resource. */
export function checkExtendedClaim(
  { extendedResourceClaimStatus: status }: V1PodStatus,
  spec: V1PodSpec,
  errors: FieldError[],
): void {
  if (!status) return;
  const path = 'status.extendedResourceClaimStatus';
  const { requestMappings = [], resourceClaimName: claim } = status;
  const containers = new Map(
    [...(spec.initContainers ?? []), ...spec.containers].map((container) => [container.name, container]),
  );
  if (!requestMappings.length) errors.push(requiredField(`${path}.requestMappings`, 'at least one request mapping is required'));
  const seen = new Set<string>();
  requestMappings.forEach((mapping, i) => {
    const at = `${path}.requestMappings[${i}]`;
    const { containerName, resourceName, requestName } = mapping;
    const container = containers.get(containerName);
    if (!container)
      errors.push(
        invalidField(
          `${at}.containerName`,
          containerName,
          'must match the name of an entry in spec.initContainers.name or spec.containers.name',
        ),
      );
    else if (!Object.hasOwn(container.resources?.requests ?? {}, resourceName))
      errors.push(
        invalidField(
          `${at}.resourceName`,
          resourceName,
          'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests',
        ),
      );
    // Upstream leaves the place in the list out of this path.
    for (const complaint of checkDnsLabel(requestName)) errors.push(invalidField(`${path}.requestName`, requestName, complaint));
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key))
      for (const field of ['containerName', 'resourceName', 'requestName'] as const)
        errors.push(duplicateField(`${at}.${field}`, mapping[field]));
    seen.add(key);
  });
  if (!claim) errors.push(requiredField(`${path}.resourceClaimName`));
  else for (const complaint of checkDnsSubdomain(claim)) errors.push(invalidField(`${path}.resourceClaimName`, claim, complaint));
}
