import type { V1ResourceRequirements } from '../../gen/types.ts';
import { invalidField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import { compareQuantities, parseQuantity } from '../../machinery/quantity.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const STANDARD = /^(cpu|memory|ephemeral-storage|storage|hugepages-.+)$/;
const ZERO = parseQuantity('0');

function validateAmounts(amounts: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([resource, quantity]) => {
    const errors = checkQualifiedName(resource).map((complaint) => invalidField(path, resource, complaint));
    if (!resource.includes('/') && !STANDARD.test(resource))
      errors.push(invalidField(path, resource, 'must be a standard resource for containers'));
    if (compareQuantities(parseQuantity(quantity), ZERO) < 0)
      errors.push(invalidField(`${path}[${resource}]`, quantity, 'must be greater than or equal to 0'));
    return errors;
  });
}

/** Nothing may ask for more than it may use. */
export function validateResources({ limits, requests }: V1ResourceRequirements, path: string): FieldError[] {
  const errors = [...validateAmounts(limits, `${path}.limits`), ...validateAmounts(requests, `${path}.requests`)];
  for (const [resource, request] of Object.entries(requests ?? {})) {
    const limit = limits?.[resource];
    if (limit !== undefined && compareQuantities(parseQuantity(request), parseQuantity(limit)) > 0)
      errors.push(invalidField(`${path}.requests`, request, `must be less than or equal to ${resource} limit of ${limit}`));
  }
  return errors;
}
