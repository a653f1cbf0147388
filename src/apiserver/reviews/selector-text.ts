import type { V1FieldSelectorAttributes, V1LabelSelectorAttributes } from '../../api/gen/types.ts';
import { parseFieldSelector } from '../../api/machinery/field-selector.ts';
import { parseLabelSelector } from '../../api/machinery/label-selector.ts';

/** A selector of a review as authorizers take it, and how much of it was left out because nobody can read it. */
export interface ReviewedSelector {
  readonly text?: string;
  readonly ignored?: 'wholly' | 'partly';
}

/**
 * The field selector that a review speaks of. What cannot be read is left out: the decision is then made as if more were selected,
 * which never allows too much (pkg/registry/authorization/util).
 */
export function reviewedFieldSelector(attributes: V1FieldSelectorAttributes | undefined): ReviewedSelector {
  if (attributes?.rawSelector) return whole(attributes.rawSelector, parseFieldSelector);
  const escapeValue = (value: string) => value.replaceAll(/[\\,=]/g, (character) => `\\${character}`);
  const requirements = attributes?.requirements ?? [];
  const terms = requirements.flatMap(({ key, operator, values = [] }) => {
    const sign = SIGNS.get(operator);
    // The text has no way to quote a key.
    return sign && values.length === 1 && !/[\\,=!]/.test(key) ? [`${key}${sign}${escapeValue(values[0]!)}`] : [];
  });
  return joined(terms, requirements.length);
}

/** The same of the label selector. */
export function reviewedLabelSelector(attributes: V1LabelSelectorAttributes | undefined): ReviewedSelector {
  if (attributes?.rawSelector) return whole(attributes.rawSelector, parseLabelSelector);
  const requirements = attributes?.requirements ?? [];
  const terms = requirements.flatMap(({ key, operator, values = [] }) => {
    if (operator === 'In') return [`${key} in (${values.join(',')})`];
    if (operator === 'NotIn') return [`${key} notin (${values.join(',')})`];
    if (operator === 'Exists') return [key];
    return operator === 'DoesNotExist' ? [`!${key}`] : [];
  });
  return joined(terms, requirements.length);
}

/** What the answer's `evaluationError` says of what was left out. */
export function ignoredSelectors(field: ReviewedSelector, label: ReviewedSelector): string[] {
  return Object.entries({ fieldSelector: field, labelSelector: label }).flatMap(([name, { ignored }]) => {
    const how = ignored === 'partly' ? 'partially ignored' : 'ignored';
    return ignored ? [`spec.resourceAttributes.${name} ${how} due to parse error`] : [];
  });
}

const SIGNS: ReadonlyMap<string, string> = new Map([
  ['In', '='],
  ['NotIn', '!='],
]);

function whole(text: string, parse: (text: string) => unknown): ReviewedSelector {
  try {
    parse(text);
    return { text };
  } catch {
    return { ignored: 'wholly' };
  }
}

function joined(terms: readonly string[], wanted: number): ReviewedSelector {
  if (!terms.length) return wanted ? { ignored: 'wholly' } : {};
  return { text: terms.join(','), ...(terms.length < wanted && { ignored: 'partly' }) };
}
