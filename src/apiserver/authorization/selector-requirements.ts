import { parseFieldSelector } from '../../api/machinery/field-selector.ts';
import { type LabelOperator, parseLabelSelector } from '../../api/machinery/label-selector.ts';

/** A requirement as reviews tell it. */
export interface SelectorRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
}

/**
 * What a field selector's text asks for. One that cannot be read asks for nothing: since selectors only narrow, what is not told
 * never allows more (apiserver/plugin/pkg/authorizer/webhook).
 */
export function fieldRequirements(text: string): SelectorRequirement[] {
  return orNone(() =>
    parseFieldSelector(text).requirements.map(({ field, operator, value }) => ({
      key: field,
      operator: operator === '=' ? 'In' : 'NotIn',
      values: [value],
    })),
  );
}

const OPERATORS: Readonly<Partial<Record<LabelOperator, SelectorRequirement['operator']>>> = {
  '=': 'In',
  '==': 'In',
  in: 'In',
  '!=': 'NotIn',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};

/** The same of a label selector; comparisons of numbers have no form in reviews. */
export function labelRequirements(text: string): SelectorRequirement[] {
  return orNone(() =>
    parseLabelSelector(text).requirements.flatMap(({ key, operator, values }) => {
      const told = OPERATORS[operator];
      return told ? [{ key, operator: told, ...(values.length && { values: [...values].sort() }) }] : [];
    }),
  );
}

function orNone(read: () => SelectorRequirement[]): SelectorRequirement[] {
  try {
    return read();
  } catch {
    return [];
  }
}
