/** What runs pods, where and at what cost (node/validation). */

import { outlivedLabel } from '../../core/v1/node-label-warnings.ts';
import { validateResources } from '../../core/v1/resources-validation.ts';
import { validateTolerations } from '../../core/v1/toleration-validation.ts';
import type { V1RuntimeClass, V1Scheduling } from '../../gen/types.ts';
import { checkField, checkImmutable } from '../../machinery/field-checks.ts';
import { addErrors, duplicateField } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { checkDnsLabel } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateLabels } from '../../machinery/validate-metadata.ts';

const NO_CLAIMS: ReadonlySet<string> = new Set();

const classOf = (object: DynamicObject) => object as unknown as V1RuntimeClass;

export function validateRuntimeClass(object: DynamicObject, _context: WriteContext, existing?: DynamicObject): FieldError[] {
  const { handler, overhead, scheduling } = classOf(object);
  const errors = checkField('handler', handler, checkDnsLabel);
  if (overhead) validateResources({ limits: overhead.podFixed ?? {} }, 'overhead', NO_CLAIMS, errors);
  if (scheduling) validateScheduling(scheduling, errors);
  return existing ? [...errors, ...checkImmutable('handler', handler, classOf(existing).handler)] : errors;
}

function validateScheduling(scheduling: V1Scheduling, errors: FieldError[]): void {
  addErrors(errors, validateLabels(scheduling.nodeSelector, 'scheduling.nodeSelector'));
  const { tolerations = [] } = scheduling;
  validateTolerations(tolerations, 'scheduling.tolerations', errors);
  const seen = new Set<string>();
  tolerations.forEach((toleration, i) => {
    const { key, operator, value, effect } = toleration;
    // For how long it tolerates makes no other one of it.
    const meaning = JSON.stringify([key, operator, value, effect]);
    if (seen.has(meaning)) errors.push(duplicateField(`scheduling.tolerations[${i}]`, toleration));
    seen.add(meaning);
  });
}

/** Labels of nodes that have got other names (pkg/api/node GetWarningsForRuntimeClass). */
export const runtimeClassWarnings = (object: DynamicObject): string[] =>
  Object.keys(classOf(object).scheduling?.nodeSelector ?? {}).flatMap((key) => {
    const outlived = outlivedLabel(key);
    return outlived === undefined ? [] : [`scheduling.nodeSelector: ${outlived}`];
  });
