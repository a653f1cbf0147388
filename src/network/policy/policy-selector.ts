import {
  createSelector,
  type LabelOperator,
  type LabelRequirement,
  type LabelSelectorObject,
  type Selector,
  selectNothing,
} from '../../api/machinery/label-selector.ts';

const OPERATORS: ReadonlyMap<string, LabelOperator> = new Map([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);

/**
 * What a policy's selector means, also where it holds what API servers let through before 1.24: a value that no label can have is no pod's. One
 * policy that nobody could read would keep the rules of all others from being written.
 */
export function policySelector({ matchLabels = {}, matchExpressions = [] }: LabelSelectorObject): Selector {
  const requirements = Object.entries(matchLabels).map(
    ([key, value]): LabelRequirement => ({ key, operator: '=', values: [value] }),
  );
  for (const { key, operator, values = [] } of matchExpressions) {
    const known = OPERATORS.get(operator);
    if (!known) return selectNothing;
    requirements.push({ key, operator: known, values });
  }
  return createSelector(requirements);
}
