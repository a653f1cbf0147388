/** HorizontalPodAutoscalers (pkg/apis/autoscaling/validation). */
import { checkContainerResourceName } from '../../core/v1/resource-names.ts';
import type {
  V2ContainerResourceMetricSource,
  V2CrossVersionObjectReference,
  V2HorizontalPodAutoscaler,
  V2HorizontalPodAutoscalerSpec,
  V2HPAScalingPolicy,
  V2HPAScalingRules,
  V2MetricIdentifier,
  V2MetricSpec,
  V2MetricTarget,
} from '../../gen/types.ts';
import {
  checkEach,
  checkField,
  checkNotNegative,
  checkOneOf,
  checkQuantityNotNegative,
  checkReference,
} from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { checkDnsLabel, checkPathSegment } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { parseQuantity } from '../../machinery/quantity.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const SOURCE_FIELDS: Readonly<Record<string, keyof V2MetricSpec>> = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
};
/** The order in which the sources of a metric are looked at. */
const LOOKED_AT = ['object', 'external', 'pods', 'resource', 'containerResource'] as const;
const SELECT_POLICIES = ['Disabled', 'Max', 'Min'];
const POLICY_TYPES = ['Percent', 'Pods'];
const TARGET_TYPES = ['Utilization', 'Value', 'AverageValue'];
/** No pod, no load of pods. */
const NOTHING_TO_WAKE_BY = 'must specify at least one Object or External metric to support scaling to zero replicas';
const LONGEST_STABILIZATION_SECONDS = 3600;
const LONGEST_PERIOD_SECONDS = 1800;

const scalerOf = (object: DynamicObject) => object as unknown as V2HorizontalPodAutoscaler;

/** How an apiVersion may look that says what is scaled or measured. */
interface VersionRule {
  /** Says nothing of it: the object was there before the rule. */
  readonly any: boolean;
  /** May be one of the core group. */
  readonly groupless: boolean;
}

/** A reference that stays may stay as it is (registry/autoscaling/horizontalpodautoscaler/strategy.go). */
function versionRules({ scaleTargetRef }: V2HorizontalPodAutoscalerSpec, before: V2HorizontalPodAutoscalerSpec | undefined) {
  const { apiVersion, kind } = scaleTargetRef;
  const old = before?.scaleTargetRef;
  const described: VersionRule = { any: false, groupless: true };
  const wasWrong = before?.metrics?.some(
    ({ type, object }) => type === 'Object' && object && versionComplaint(object.describedObject, described) !== undefined,
  );
  return {
    target: {
      any: old !== undefined && old.apiVersion === apiVersion && old.kind === kind,
      groupless: kind === 'ReplicationController',
    },
    described: { ...described, any: wasWrong ?? false },
  };
}

function versionComplaint(
  { apiVersion = '' }: V2CrossVersionObjectReference,
  { any, groupless }: VersionRule,
): string | undefined {
  if (any) return undefined;
  const slashes = apiVersion.split('/').length - 1;
  if (slashes > 1) return `unexpected GroupVersion string: ${apiVersion}`;
  return groupless || apiVersion.indexOf('/') > 0 ? undefined : 'apiVersion must specify API group';
}

export function validateHorizontalPodAutoscaler(
  object: DynamicObject,
  _context: WriteContext,
  existing?: DynamicObject,
): FieldError[] {
  const { spec } = scalerOf(object);
  const rules = versionRules(spec, existing && scalerOf(existing).spec);
  const { minReplicas, maxReplicas, scaleTargetRef, metrics = [], behavior } = spec;
  const errors: FieldError[] = [];
  const least = existing && scalerOf(existing).spec.minReplicas === 0 ? 0 : 1;
  if (minReplicas !== undefined && minReplicas < least)
    errors.push(invalidField('spec.minReplicas', minReplicas, `must be greater than or equal to ${least}`));
  if (maxReplicas < 1) errors.push(invalidField('spec.maxReplicas', maxReplicas, 'must be greater than 0'));
  if (minReplicas !== undefined && maxReplicas < minReplicas)
    errors.push(invalidField('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  return [
    ...errors,
    ...validateTarget(scaleTargetRef, 'spec.scaleTargetRef', rules.target),
    ...checkEach(metrics, 'spec.metrics', (metric, path) => validateMetric(metric, path, rules.described)),
    ...(minReplicas === 0 && !metrics.some(({ type }) => type === 'Object' || type === 'External')
      ? [forbiddenField('spec.metrics', NOTHING_TO_WAKE_BY)]
      : []),
    ...validateRules(behavior?.scaleUp, 'spec.behavior.scaleUp'),
    ...validateRules(behavior?.scaleDown, 'spec.behavior.scaleDown'),
  ];
}

function validateTarget(target: V2CrossVersionObjectReference, path: string, rule: VersionRule): FieldError[] {
  const { kind, name, apiVersion = '' } = target;
  const complaint = versionComplaint(target, rule);
  return [
    ...checkReference(`${path}.kind`, kind),
    ...checkReference(`${path}.name`, name),
    ...(complaint === undefined ? [] : [invalidField(`${path}.apiVersion`, apiVersion, complaint)]),
  ];
}

function validateRules(rules: V2HPAScalingRules | undefined, path: string): FieldError[] {
  if (!rules) return [];
  const { stabilizationWindowSeconds: window = 0, selectPolicy, policies = [], tolerance } = rules;
  const errors: FieldError[] = [];
  const field = `${path}.stabilizationWindowSeconds`;
  if (window < 0) errors.push(invalidField(field, window, 'must be greater than or equal to zero'));
  if (window > LONGEST_STABILIZATION_SECONDS)
    errors.push(invalidField(field, window, `must be less than or equal to ${LONGEST_STABILIZATION_SECONDS}`));
  if (selectPolicy !== undefined) addErrors(errors, checkOneOf(`${path}.selectPolicy`, selectPolicy, SELECT_POLICIES));
  if (!policies.length) errors.push(requiredField(`${path}.policies`, 'must specify at least one Policy'));
  addErrors(errors, checkEach(policies, `${path}.policies`, validatePolicy));
  return tolerance === undefined ? errors : [...errors, ...checkQuantityNotNegative(`${path}.tolerance`, tolerance)];
}

function validatePolicy({ type, value, periodSeconds }: V2HPAScalingPolicy, path: string): FieldError[] {
  const errors = checkOneOf(`${path}.type`, type, POLICY_TYPES);
  if (value <= 0) errors.push(invalidField(`${path}.value`, value, 'must be greater than zero'));
  if (periodSeconds <= 0) errors.push(invalidField(`${path}.periodSeconds`, periodSeconds, 'must be greater than zero'));
  if (periodSeconds > LONGEST_PERIOD_SECONDS)
    errors.push(invalidField(`${path}.periodSeconds`, periodSeconds, `must be less than or equal to ${LONGEST_PERIOD_SECONDS}`));
  return errors;
}

function validateMetric(metric: V2MetricSpec, path: string, described: VersionRule): FieldError[] {
  const { type } = metric;
  const errors: FieldError[] = [];
  if (!type) errors.push(requiredField(`${path}.type`, 'must specify a metric source type'));
  const expected = Object.hasOwn(SOURCE_FIELDS, type) ? SOURCE_FIELDS[type] : undefined;
  if (!expected) errors.push(notSupportedField(`${path}.type`, type, Object.keys(SOURCE_FIELDS)));
  const present = LOOKED_AT.filter((field) => metric[field] !== undefined);
  if (present[0]) addErrors(errors, validateSource(metric, present[0], `${path}.${present[0]}`, described));
  if (expected && !metric[expected])
    errors.push(requiredField(`${path}.${expected}`, 'must populate information for the given metric source'));
  if (present.length !== 1)
    for (const field of present.filter((each) => each !== expected))
      errors.push(forbiddenField(`${path}.${field}`, 'must populate the given metric source only'));
  return errors;
}

function validateSource(
  metric: V2MetricSpec,
  field: (typeof LOOKED_AT)[number],
  path: string,
  described: VersionRule,
): FieldError[] {
  switch (field) {
    case 'object': {
      const { describedObject, metric: named, target } = metric.object!;
      return [
        ...validateTarget(describedObject, `${path}.describedObject`, described),
        ...validateIdentifier(named, `${path}.metric`),
        ...validateMetricTarget(target, `${path}.target`),
        ...needOne(target, 'value', `${path}.target`, 'must set either a target value or averageValue'),
      ];
    }
    case 'external': {
      const { metric: named, target } = metric.external!;
      return [
        ...validateIdentifier(named, `${path}.metric`),
        ...validateMetricTarget(target, `${path}.target`),
        ...needOne(target, 'value', `${path}.target`, 'must set either a target value for metric or a per-pod target'),
        ...(target.value !== undefined && target.averageValue !== undefined
          ? [forbiddenField(`${path}.target.value`, 'may not set both a target value for metric and a per-pod target')]
          : []),
      ];
    }
    case 'pods': {
      const { metric: named, target } = metric.pods!;
      return [
        ...validateIdentifier(named, `${path}.metric`),
        ...validateMetricTarget(target, `${path}.target`),
        ...(target.averageValue === undefined
          ? [requiredField(`${path}.target.averageValue`, 'must specify a positive target averageValue')]
          : []),
      ];
    }
    case 'resource':
      return validateResource(metric.resource!, path);
    case 'containerResource':
      return [...validateContainer(metric.containerResource!, path), ...validateResource(metric.containerResource!, path)];
  }
}

function validateContainer({ name, container }: V2ContainerResourceMetricSource, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (name) checkContainerResourceName(name, `${path}.name`, errors);
  if (!container) return [...errors, requiredField(`${path}.container`, 'must specify a container')];
  return [...errors, ...checkField(`${path}.container`, container, checkDnsLabel)];
}

function validateResource(
  { name, target }: { readonly name: string; readonly target: V2MetricTarget },
  path: string,
): FieldError[] {
  const errors = name ? [] : [requiredField(`${path}.name`, 'must specify a resource name')];
  addErrors(errors, validateMetricTarget(target, `${path}.target`));
  if (target.averageUtilization === undefined && target.averageValue === undefined)
    errors.push(requiredField(`${path}.target.averageUtilization`, 'must set either a target raw value or a target utilization'));
  if (target.averageUtilization !== undefined && target.averageValue !== undefined)
    errors.push(forbiddenField(`${path}.target.averageValue`, 'may not set both a target raw value and a target utilization'));
  return errors;
}

const isPositive = (quantity: string | undefined) => quantity !== undefined && parseQuantity(quantity).nano > 0n;

const needOne = (target: V2MetricTarget, other: 'value', path: string, detail: string): FieldError[] =>
  target[other] === undefined && target.averageValue === undefined ? [requiredField(`${path}.averageValue`, detail)] : [];

function validateIdentifier({ name }: V2MetricIdentifier, path: string): FieldError[] {
  if (!name) return [requiredField(`${path}.name`, 'must specify a metric name')];
  return checkPathSegment(name).map((complaint) => invalidField(`${path}.name`, name, complaint));
}

function validateMetricTarget(target: V2MetricTarget, path: string): FieldError[] {
  const { type, averageUtilization } = target;
  const errors: FieldError[] = [];
  if (!type) errors.push(requiredField(`${path}.type`, 'must specify a metric target type'));
  if (!TARGET_TYPES.includes(type))
    errors.push(invalidField(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue'));
  for (const field of ['value', 'averageValue'] as const)
    if (target[field] !== undefined && !isPositive(target[field]))
      errors.push(invalidField(`${path}.${field}`, target[field], 'must be positive'));
  if (averageUtilization !== undefined && averageUtilization < 1)
    errors.push(invalidField(`${path}.averageUtilization`, averageUtilization, 'must be greater than 0'));
  return errors;
}

export function validateHorizontalPodAutoscalerStatus(updated: DynamicObject): FieldError[] {
  const { currentReplicas, desiredReplicas } = scalerOf(updated).status ?? {};
  return [
    ...checkNotNegative('status.currentReplicas', currentReplicas),
    ...checkNotNegative('status.desiredReplicas', desiredReplicas),
  ];
}
