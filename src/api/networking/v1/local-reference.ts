import type { V1TypedLocalObjectReference } from '../../gen/types.ts';
import { checkField } from '../../machinery/field-checks.ts';
import { requiredField } from '../../machinery/field-error.ts';
import { checkDnsSubdomain, checkPathSegment } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** An object of somebody's own kind that an Ingress or its class leads to (validateIngressTypedLocalObjectReference). */
export function validateLocalReference(
  { apiGroup, kind, name }: Partial<V1TypedLocalObjectReference>,
  path: string,
): FieldError[] {
  const needed = (field: string, value: string | undefined) =>
    value ? checkField(`${path}.${field}`, value, checkPathSegment) : [requiredField(`${path}.${field}`, `${field} is required`)];
  return [
    ...(apiGroup === undefined ? [] : checkField(`${path}.apiGroup`, apiGroup, checkDnsSubdomain)),
    ...needed('kind', kind),
    ...needed('name', name),
  ];
}
