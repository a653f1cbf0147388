import type { V1PodAffinityTerm } from '../../gen/types.ts';
import { forbiddenField, invalidField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** Adds complaints about keys of the pod's own labels, which are put into the selector when the pod is made. `path`: what has them. */
export function checkLabelKeys(
  {
    labelSelector,
    matchLabelKeys = [],
    mismatchLabelKeys = [],
  }: Pick<V1PodAffinityTerm, 'labelSelector' | 'matchLabelKeys' | 'mismatchLabelKeys'>,
  path: string,
  errors: FieldError[],
): void {
  for (const [name, keys] of [
    ['matchLabelKeys', matchLabelKeys],
    ['mismatchLabelKeys', mismatchLabelKeys],
  ] as const) {
    if (!keys.length) continue;
    if (!labelSelector) errors.push(forbiddenField(`${path}.${name}`, 'must not be specified when labelSelector is not set'));
    else
      keys.forEach((key, i) => {
        for (const complaint of checkQualifiedName(key)) errors.push(invalidField(`${path}.${name}[${i}]`, key, complaint));
      });
  }
  if (labelSelector && matchLabelKeys.length) {
    const places = new Map(matchLabelKeys.map((key, i) => [key, i]));
    const selected = new Set(Object.keys(labelSelector.matchLabels ?? {}));
    for (const { key } of labelSelector.matchExpressions ?? []) {
      const place = places.get(key);
      // Once is what the server itself has put there.
      if (place !== undefined && selected.has(key))
        errors.push(invalidField(`${path}[${place}]`, key, 'exists in both matchLabelKeys and labelSelector'));
      selected.add(key);
    }
  }
  const mismatched = new Set(mismatchLabelKeys);
  matchLabelKeys.forEach((key, i) => {
    if (mismatched.has(key))
      errors.push(invalidField(`${path}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'));
  });
}
