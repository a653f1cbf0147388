/** Resources of a pod as a whole, and how they go with those of its containers (core/validation validatePodResources). */
import type { V1PodResourceClaim, V1PodSpec } from '../../gen/types.ts';
import { duplicateField, forbiddenField, invalidField, requiredField, WHOLE_OBJECT } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../../machinery/names.ts';
import { compareQuantities, formatQuantity, parseQuantity } from '../../machinery/quantity.ts';
import type { ResourceList } from '../../machinery/resource-list.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { shownForm } from './internal-form.ts';
import { podLimits, podRequests } from './pod-resource-usage.ts';
import { checkPodResourceName, isHugePages } from './resource-names.ts';
import { validateResources } from './resources-validation.ts';

export function validatePodResources(spec: V1PodSpec, path: string, claims: ReadonlySet<string>, errors: FieldError[]): void {
  const { resources } = spec;
  if (!resources) return;
  if (spec.os?.name === 'windows') return void errors.push(forbiddenField(path, 'may not be set for a windows pod'));
  if (resources.claims) errors.push(forbiddenField(`${path}.claims`, 'claims may not be set for Resources at pod-level'));
  validateResources(resources, path, claims, errors, checkPodResourceName);
  const { resources: _, ...ofContainers } = spec;
  checkAggregate(podRequests({ spec: ofContainers }, { overhead: false }), resources.requests, 'requests', path, errors);
  // What is not overcommitted for a container is not for the pod.
  const pages = [...podLimits({ spec: ofContainers }, { overhead: false })].filter(([name]) => isHugePages(name));
  checkAggregate(new Map(pages), resources.limits, 'limits', path, errors);
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

/** What is said for the pod is enough for its containers together. */
function checkAggregate(
  ofContainers: ResourceList,
  ofPod: Readonly<Record<string, string>> | undefined,
  what: 'requests' | 'limits',
  path: string,
  errors: FieldError[],
): void {
  for (const [name, quantity] of ofContainers) {
    const own = ofPod && Object.hasOwn(ofPod, name) ? ofPod[name]! : undefined;
    if (own !== undefined && compareQuantities(quantity, parseQuantity(own)) > 0)
      errors.push(
        invalidField(
          `${path}.${what}[${name}]`,
          own,
          `must be greater than or equal to aggregate container ${what} of ${formatQuantity(quantity)}`,
        ),
      );
  }
}

/** The claims that a pod has to devices. Kubelets prepare none for pods of their own: `isStatic`. */
export function validateResourceClaims(
  claims: readonly V1PodResourceClaim[],
  path: string,
  isStatic: boolean,
  errors: FieldError[],
): void {
  if (isStatic) {
    for (const _ of claims) errors.push(forbiddenField(WHOLE_OBJECT, 'static pods do not support resource claims'));
    return;
  }
  const names = new Set<string>();
  claims.forEach((claim, i) => {
    const at = `${path}[${i}]`;
    const { name, resourceClaimName, resourceClaimTemplateName } = claim;
    if (!name) errors.push(requiredField(`${at}.name`));
    else if (names.has(name)) errors.push(duplicateField(`${at}.name`, name));
    else for (const complaint of checkDnsLabel(name)) errors.push(invalidField(`${at}.name`, name, complaint));
    names.add(name);
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined)
      errors.push(
        invalidField(
          at,
          shownForm('PodResourceClaim', claim),
          'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
        ),
      );
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined)
      errors.push(
        invalidField(
          at,
          shownForm('PodResourceClaim', claim),
          'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
        ),
      );
    for (const field of ['resourceClaimName', 'resourceClaimTemplateName'] as const)
      for (const complaint of claim[field] === undefined ? [] : checkDnsSubdomain(claim[field]))
        errors.push(invalidField(`${at}.${field}`, claim[field], complaint));
  });
}
