import type { V1ResourceQuota } from '../gen/types.ts';
import { createSelector, type LabelOperator } from '../machinery/label-selector.ts';
import type { ScopeRequirement } from './evaluator.ts';

const OPERATORS: Readonly<Record<string, LabelOperator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };

/** All scopes of a quota, in both ways in which they can be given. */
export function scopesOf({ spec }: V1ResourceQuota): ScopeRequirement[] {
  return [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
}

/** Whether the value that an object has for a scope (undefined for none) is what the requirement asks for. An operator unknown matches nothing. */
export function satisfiesScope({ scopeName, operator, values = [] }: ScopeRequirement, value: string | undefined): boolean {
  const known = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  if (!known) return false;
  return createSelector([{ key: scopeName, operator: known, values }]).matches(value === undefined ? {} : { [scopeName]: value });
}
