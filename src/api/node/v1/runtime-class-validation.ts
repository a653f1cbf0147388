/** What runs pods, where and at what cost (node/validation). */

import { validateResources } from '../../core/v1/resources-validation.ts';
import { validateTolerations } from '../../core/v1/toleration-validation.ts';
import type { V1RuntimeClass } from '../../gen/types.ts';
import { checkField, checkImmutable, sameMeaning } from '../../machinery/field-checks.ts';
import { duplicateField } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { checkDnsLabel } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateLabels } from '../../machinery/validate-metadata.ts';

const NO_CLAIMS: ReadonlySet<string> = new Set();

const classOf = (object: DynamicObject) => object as unknown as V1RuntimeClass;

export function validateRuntimeClass(object: DynamicObject, _context: WriteContext, existing?: DynamicObject): FieldError[] {
  const { handler, overhead, scheduling } = classOf(object);
  // Of an update, the handler alone is looked at.
  if (existing) return checkImmutable('handler', handler, classOf(existing).handler);
  const errors = checkField('handler', handler, checkDnsLabel);
  if (overhead) validateResources({ limits: overhead.podFixed ?? {} }, 'overhead.podFixed', NO_CLAIMS, errors);
  if (!scheduling) return errors;
  errors.push(...validateLabels(scheduling.nodeSelector, 'scheduling.nodeSelector'));
  const { tolerations = [] } = scheduling;
  validateTolerations(tolerations, 'scheduling.tolerations', errors);
  tolerations.forEach((toleration, i) => {
    if (tolerations.findIndex((other) => sameMeaning(other, toleration)) < i)
      errors.push(duplicateField(`scheduling.tolerations[${i}]`, toleration));
  });
  return errors;
}
