import type { V1FieldSelectorAttributes, V1LabelSelectorAttributes } from '../../api/gen/types.ts';

/**
 * The field selector that a review speaks of, as text. Requirements that cannot be put into one are left out: the decision is then
 * made as if more were selected, which never allows too much.
 */
export function fieldSelectorText(attributes: V1FieldSelectorAttributes | undefined): string | undefined {
  if (attributes?.rawSelector) return attributes.rawSelector;
  const escapeValue = (value: string) => value.replaceAll(/[\\,=]/g, (character) => `\\${character}`);
  const terms = (attributes?.requirements ?? []).flatMap(({ key, operator, values = [] }) => {
    if (operator === 'In' && values.length === 1) return [`${key}=${escapeValue(values[0]!)}`];
    if (operator === 'NotIn') return values.map((value) => `${key}!=${escapeValue(value)}`);
    return [];
  });
  return terms.length ? terms.join(',') : undefined;
}

export function labelSelectorText(attributes: V1LabelSelectorAttributes | undefined): string | undefined {
  if (attributes?.rawSelector) return attributes.rawSelector;
  const terms = (attributes?.requirements ?? []).flatMap(({ key, operator, values = [] }) => {
    if (operator === 'In') return [`${key} in (${values.join(',')})`];
    if (operator === 'NotIn') return [`${key} notin (${values.join(',')})`];
    if (operator === 'Exists') return [key];
    return operator === 'DoesNotExist' ? [`!${key}`] : [];
  });
  return terms.length ? terms.join(',') : undefined;
}
