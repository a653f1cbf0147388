/** Numbers of pods that can be given as a share: `2`, `25%` (pkg/apis/apps/validation). */
import { checkNotNegative } from './field-checks.ts';
import { invalidField } from './field-error.ts';
import type { FieldError } from './status-error.ts';

const PERCENT = /^[0-9]+%$/;

export function checkIntOrPercent(field: string, value: number | string): FieldError[] {
  if (typeof value === 'number') return checkNotNegative(field, value);
  return PERCENT.test(value)
    ? []
    : [
        invalidField(
          field,
          value,
          "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        ),
      ];
}

export function checkNotOverWhole(field: string, value: number | string): FieldError[] {
  if (typeof value === 'number' || !PERCENT.test(value)) return [];
  return Number.parseInt(value, 10) > 100 ? [invalidField(field, value, 'must not be greater than 100%')] : [];
}
