import { forbiddenField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';

export const VOLUME_MODES = ['Block', 'Filesystem'];

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** How a volume may be mounted; the one that is for a single pod stands alone. `needed` says so when there is none. */
export function validateAccessModes(modes: readonly string[] = [], path: string, needed = ''): FieldError[] {
  if (!modes.length) return [requiredField(path, needed)];
  const errors = modes.filter((mode) => !ACCESS_MODES.includes(mode)).map((mode) => notSupportedField(path, mode, ACCESS_MODES));
  const known = modes.filter((mode) => ACCESS_MODES.includes(mode));
  if (known.includes('ReadWriteOncePod') && known.some((mode) => mode !== 'ReadWriteOncePod'))
    errors.push(forbiddenField(path, 'may not use ReadWriteOncePod with other access modes'));
  return errors;
}
