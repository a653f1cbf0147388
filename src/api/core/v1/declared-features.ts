/** What a node says it can do, so that pods that need it may be sent there (core/validation validateNodeDeclaredFeatures). */
import { duplicateField, invalidField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const LONGEST_NAME = 253;
const NAME = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;

function nameComplaint(name: string): string | undefined {
  const shown = `invalid feature name ${JSON.stringify(name)}`;
  if (Buffer.byteLength(name) > LONGEST_NAME) return `${shown}: must be no more than ${LONGEST_NAME} characters`;
  return NAME.test(name)
    ? undefined
    : `${shown}: must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`;
}

/** Names in the alphabet's order, each once. */
export function validateDeclaredFeatures(features: readonly string[], path: string): FieldError[] {
  return features.flatMap((feature, i) => {
    const errors: FieldError[] = [];
    const complaint = nameComplaint(feature);
    if (complaint !== undefined) errors.push(invalidField(`${path}[${i}]`, feature, complaint));
    const next = features[i + 1];
    if (next === undefined) return errors;
    if (next === feature) errors.push(duplicateField(`${path}[${i + 1}]`, next));
    else if (next < feature) errors.push(invalidField(`${path}[${i + 1}]`, next, 'list must be sorted alphabetically'));
    return errors;
  });
}
