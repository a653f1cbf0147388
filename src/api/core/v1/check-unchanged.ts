import { sameMeaning } from '../../machinery/field-checks.ts';
import { IMMUTABLE, invalidField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { shownForm } from './internal-form.ts';

/** That a structure stays as it was. `type`: its name among upstream's internal ones. */
export const checkUnchanged = (field: string, type: string, after: unknown, before: unknown): FieldError[] =>
  sameMeaning(after, before) ? [] : [invalidField(field, shownForm(type, after), IMMUTABLE)];
