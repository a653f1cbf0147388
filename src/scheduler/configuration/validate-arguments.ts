import { validateNodeSelector, validateNodeSelectorTerm } from '../../api/core/v1/node-selector-validation.ts';
import type { V1NodeAffinity, V1TopologySpreadConstraint } from '../../api/gen/types.ts';
import { checkEach, checkField, checkOneOf } from '../../api/machinery/field-checks.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  notSupportedField,
  requiredField,
} from '../../api/machinery/field-error.ts';
import { checkQualifiedName } from '../../api/machinery/names.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import { parseGoDuration } from '../../std/go-duration.ts';

/** Arguments of right types, with the defaults left out. */
export type Arguments = Readonly<Record<string, unknown>>;

export interface WrittenResource {
  readonly name?: string;
  readonly weight?: number;
}
export interface WrittenPoint {
  readonly utilization?: number;
  readonly score?: number;
}
export interface WrittenStrategy {
  readonly type?: string;
  readonly resources?: readonly WrittenResource[];
  readonly requestedToCapacityRatio?: { readonly shape?: readonly WrittenPoint[] };
}

/** What is wrong with the arguments of a plugin (apis/config/validation/validation_pluginargs.go). */
export function validateArguments(plugin: string, args: Arguments, at: string): FieldError[] {
  return CHECKS[plugin]?.(args, at) ?? [];
}

const CHECKS: Readonly<Record<string, (args: Arguments, at: string) => FieldError[]>> = {
  DefaultPreemption: checkPreemption,
  DynamicResources: checkDevices,
  InterPodAffinity: ({ hardPodAffinityWeight = 1 }, at) => inRange(`${at}.hardPodAffinityWeight`, hardPodAffinityWeight, 100),
  NodeAffinity: checkAddedAffinity,
  NodeResourcesBalancedAllocation: checkBalance,
  NodeResourcesFit: checkFit,
  PodTopologySpread: checkSpread,
  VolumeBinding: checkVolumeBinding,
};

/** From 0 to `largest`. */
function inRange(field: string, value: unknown, largest: number): FieldError[] {
  const number = value as number;
  return number < 0 || number > largest ? [invalidField(field, number, `not in valid range [0, ${largest}]`)] : [];
}

function checkPreemption(args: Arguments, at: string): FieldError[] {
  const { minCandidateNodesPercentage: percentage = 10, minCandidateNodesAbsolute: absolute = 100 } = args as {
    minCandidateNodesPercentage?: number;
    minCandidateNodesAbsolute?: number;
  };
  const [ofPercentage, ofAbsolute] = [`${at}.minCandidateNodesPercentage`, `${at}.minCandidateNodesAbsolute`];
  const errors = inRange(ofPercentage, percentage, 100);
  if (absolute < 0) errors.push(invalidField(ofAbsolute, absolute, 'not in valid range [0, inf)'));
  if (percentage === 0 && absolute === 0)
    errors.push(
      invalidField(ofPercentage, percentage, 'cannot be zero at the same time as minCandidateNodesAbsolute'),
      invalidField(ofAbsolute, absolute, 'cannot be zero at the same time as minCandidateNodesPercentage'),
    );
  return errors;
}

function checkDevices(args: Arguments, at: string): FieldError[] {
  const { filterTimeout, bindingTimeout } = args as { filterTimeout?: string; bindingTimeout?: string };
  const errors: FieldError[] = [];
  if (filterTimeout !== undefined && parseGoDuration(filterTimeout) < 0)
    errors.push(invalidField(`${at}.filterTimeout`, filterTimeout, 'must be zero or positive'));
  if (bindingTimeout !== undefined && parseGoDuration(bindingTimeout) < 1000)
    errors.push(invalidField(`${at}.bindingTimeout`, bindingTimeout, 'must be at least 1 second'));
  return errors;
}

function checkAddedAffinity({ addedAffinity }: Arguments, at: string): FieldError[] {
  const { requiredDuringSchedulingIgnoredDuringExecution: required, preferredDuringSchedulingIgnoredDuringExecution: preferred } =
    (addedAffinity ?? {}) as Partial<V1NodeAffinity>;
  const path = `${at}.addedAffinity`;
  return [
    ...(required ? validateNodeSelector(required, `${path}.requiredDuringSchedulingIgnoredDuringExecution`) : []),
    ...checkEach(preferred, `${path}.preferredDuringSchedulingIgnoredDuringExecution`, ({ preference }, place) =>
      validateNodeSelectorTerm(preference ?? {}, `${place}.preference`),
    ),
  ];
}

function checkBalance({ resources }: Arguments, at: string): FieldError[] {
  const seen = new Set<string>();
  return checkEach(resources as WrittenResource[] | undefined, `${at}.resources`, ({ name = '', weight }, place) => {
    const errors = seen.has(name) ? [duplicateField(`${place}.name`, name)] : [];
    seen.add(name);
    if ((weight || 1) !== 1) errors.push(invalidField(`${place}.weight`, weight, 'must be 1'));
    return errors;
  });
}

const STRATEGIES = ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'];

function checkFit(args: Arguments, at: string): FieldError[] {
  const { ignoredResources, ignoredResourceGroups, scoringStrategy } = args as {
    ignoredResources?: string[];
    ignoredResourceGroups?: string[];
    scoringStrategy?: WrittenStrategy;
  };
  const errors = [
    ...checkEach(ignoredResources, `${at}.ignoredResources`, (name, place) => checkField(place, name, checkQualifiedName)),
    ...checkEach(ignoredResourceGroups, `${at}.ignoredResourceGroups`, (name, place) => [
      ...(name.includes('/') ? [invalidField(place, name, "resource group name can't contain '/'")] : []),
      ...checkField(place, name, checkQualifiedName),
    ]),
  ];
  if (!scoringStrategy) return errors;
  const { type = '', resources, requestedToCapacityRatio } = scoringStrategy;
  const path = `${at}.scoringStrategy`;
  errors.push(...checkOneOf(`${path}.type`, type, STRATEGIES));
  errors.push(
    ...checkEach(resources, `${path}.resources`, ({ name, weight }, place) =>
      // Zero is as good as nothing said.
      (weight || 1) < 0 || (weight || 1) > 100
        ? [invalidField(`${place}.weight`, weight, `resource weight of ${name ?? ''} not in valid range (0, 100]`)]
        : [],
    ),
  );
  if (requestedToCapacityRatio || type === 'RequestedToCapacityRatio')
    errors.push(...checkShape(requestedToCapacityRatio?.shape, `${path}.shape`));
  return errors;
}

function checkShape(shape: readonly WrittenPoint[] = [], at: string): FieldError[] {
  if (shape.length === 0) return [requiredField(at, 'at least one point must be specified')];
  const utilizations = shape.map(({ utilization = 0 }) => utilization);
  const unsorted = utilizations.findIndex((each, i) => i > 0 && utilizations[i - 1]! >= each);
  const errors =
    unsorted < 0
      ? []
      : [invalidField(`${at}[${unsorted}].utilization`, utilizations[unsorted], 'values must be sorted in increasing order')];
  for (const [i, { utilization = 0, score = 0 }] of shape.entries())
    errors.push(...inRange(`${at}[${i}].utilization`, utilization, 100), ...inRange(`${at}[${i}].score`, score, 10));
  return errors;
}

function checkSpread(args: Arguments, at: string): FieldError[] {
  const { defaultingType = 'System', defaultConstraints = [] } = args as {
    defaultingType?: string;
    defaultConstraints?: Partial<V1TopologySpreadConstraint>[];
  };
  const errors: FieldError[] = [];
  if (defaultingType !== 'System' && defaultingType !== 'List')
    errors.push(notSupportedField(`${at}.defaultingType`, defaultingType, ['System', 'List']));
  else if (defaultingType === 'System' && defaultConstraints.length)
    errors.push(invalidField(`${at}.defaultingType`, defaultingType, 'when .defaultConstraints are not empty'));
  const seen = new Set<string>();
  return [
    ...errors,
    ...checkEach(defaultConstraints, `${at}.defaultConstraints`, (constraint, place) => {
      const { topologyKey = '', whenUnsatisfiable = '' } = constraint;
      const found = checkConstraint(constraint, place);
      const both = `{${topologyKey}, ${whenUnsatisfiable}}`;
      if (seen.has(both)) found.push(duplicateField(place, both));
      seen.add(both);
      return found;
    }),
  ];
}

function checkConstraint(constraint: Partial<V1TopologySpreadConstraint>, at: string): FieldError[] {
  const { maxSkew = 0, topologyKey, whenUnsatisfiable, labelSelector } = constraint;
  const errors: FieldError[] = [];
  if (maxSkew <= 0) errors.push(invalidField(`${at}.maxSkew`, maxSkew, 'not in valid range (0, inf)'));
  if (topologyKey) errors.push(...checkField(`${at}.topologyKey`, topologyKey, checkQualifiedName));
  else errors.push(requiredField(`${at}.topologyKey`, 'can not be empty'));
  if (whenUnsatisfiable)
    errors.push(...checkOneOf(`${at}.whenUnsatisfiable`, whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']));
  else errors.push(requiredField(`${at}.whenUnsatisfiable`, 'can not be empty'));
  if (labelSelector)
    errors.push(forbiddenField(`${at}.labelSelector`, 'constraint must not define a selector, as they deduced for each pod'));
  return errors;
}

function checkVolumeBinding(args: Arguments, at: string): FieldError[] {
  const { bindTimeoutSeconds = 0, shape } = args as { bindTimeoutSeconds?: number; shape?: unknown };
  const errors: FieldError[] = [];
  if (bindTimeoutSeconds < 0)
    errors.push(
      invalidField(`${at}.bindTimeoutSeconds`, bindTimeoutSeconds, 'invalid BindTimeoutSeconds, should not be a negative value'),
    );
  if (shape !== undefined)
    errors.push(invalidField(`${at}.shape`, shape, 'scoring by storage capacity (StorageCapacityScoring) is not supported'));
  return errors;
}
