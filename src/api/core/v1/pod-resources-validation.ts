/** Resources of a pod as a whole, and how they go with those of its containers (core/validation validatePodResources). */
import type { V1PodResourceClaim, V1PodSpec } from '../../gen/types.ts';
import { duplicateField, forbiddenField, invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../../machinery/names.ts';
import { compareQuantities, formatQuantity, parseQuantity } from '../../machinery/quantity.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { podRequests } from './pod-resource-usage.ts';
import { checkPodResourceName, isPodLevelResource } from './resource-names.ts';
import { validateResources } from './resources-validation.ts';

const ZERO = parseQuantity('0');

export function validatePodResources(spec: V1PodSpec, path: string, claims: ReadonlySet<string>, errors: FieldError[]): void {
  const { resources } = spec;
  if (!resources) return;
  if (resources.claims) errors.push(forbiddenField(`${path}.claims`, 'claims cannot be set for Resources at pod-level'));
  validateResources(resources, path, claims, errors, checkPodResourceName);
  const { resources: _, ...withoutOwn } = spec;
  for (const [name, quantity] of podRequests({ spec: withoutOwn }, { overhead: false })) {
    if (!isPodLevelResource(name)) continue;
    const text = resources.requests && Object.hasOwn(resources.requests, name) ? resources.requests[name]! : '0';
    const own = text === '0' ? ZERO : parseQuantity(text);
    if (compareQuantities(quantity, own) > 0)
      errors.push(
        invalidField(
          `${path}.requests[${name}]`,
          text,
          `must be greater than or equal to aggregate container requests of ${formatQuantity(quantity)}`,
        ),
      );
  }
  spec.containers.forEach((container, i) => {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const own = resources.limits && Object.hasOwn(resources.limits, name) ? resources.limits[name]! : undefined;
      if (own !== undefined && compareQuantities(parseQuantity(limit), parseQuantity(own)) > 0)
        errors.push(
          invalidField(`${path}.containers[${i}][${name}].limits`, limit, `must be less than or equal to pod limits of ${own}`),
        );
    }
  });
}

/** The claims that a pod has to devices. */
export function validateResourceClaims(claims: readonly V1PodResourceClaim[], path: string, errors: FieldError[]): void {
  const names = new Set<string>();
  claims.forEach((claim, i) => {
    const at = `${path}[${i}]`;
    const { name, resourceClaimName, resourceClaimTemplateName } = claim;
    if (!name) errors.push(requiredField(`${at}.name`));
    else if (names.has(name)) errors.push(duplicateField(`${at}.name`, name));
    else for (const complaint of checkDnsLabel(name)) errors.push(invalidField(`${at}.name`, name, complaint));
    names.add(name);
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined)
      errors.push(invalidField(at, claim, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'));
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined)
      errors.push(invalidField(at, claim, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'));
    for (const field of ['resourceClaimName', 'resourceClaimTemplateName'] as const)
      for (const complaint of claim[field] === undefined ? [] : checkDnsSubdomain(claim[field]))
        errors.push(invalidField(`${at}.${field}`, claim[field], complaint));
  });
}
