/** What the status of a policy may say of its expressions (pkg/apis/admissionregistration/validation). */
import type { V1ValidatingAdmissionPolicy } from '../../gen/types.ts';
import { checkEach } from '../../machinery/field-checks.ts';
import { requiredField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

export function validatePolicyStatus(object: DynamicObject): FieldError[] {
  const { status } = object as V1ValidatingAdmissionPolicy;
  return checkEach(
    status?.typeChecking?.expressionWarnings,
    'status.typeChecking.expressionWarnings',
    ({ warning, fieldRef }, at) => [
      ...(warning ? [] : [requiredField(`${at}.warning`)]),
      ...(fieldRef?.trim() ? [] : [requiredField(`${at}.fieldRef`)]),
    ],
  );
}
