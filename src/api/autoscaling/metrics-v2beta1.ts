/**
 * Metrics as autoscaling/v2beta1 wrote them, and as autoscaling/v1 writes them into its annotations: what is measured and what it shall
 * be lie side by side (pkg/apis/autoscaling/v1/conversion.go).
 */
import type { V1LabelSelector, V2CrossVersionObjectReference, V2MetricSpec, V2MetricStatus } from '../gen/types.ts';

interface Resource {
  readonly name: string;
  readonly targetAverageUtilization?: number;
  readonly targetAverageValue?: string;
}

interface ResourceStatus {
  readonly name: string;
  readonly currentAverageUtilization?: number;
  readonly currentAverageValue?: string;
}

export interface OlderMetricSpec {
  readonly type: string;
  readonly object?: {
    readonly target: V2CrossVersionObjectReference;
    readonly metricName: string;
    readonly targetValue: string;
    readonly selector?: V1LabelSelector;
    readonly averageValue?: string;
  };
  readonly pods?: { readonly metricName: string; readonly targetAverageValue: string; readonly selector?: V1LabelSelector };
  readonly resource?: Resource;
  readonly containerResource?: Resource & { readonly container: string };
  readonly external?: {
    readonly metricName: string;
    readonly metricSelector?: V1LabelSelector;
    readonly targetValue?: string;
    readonly targetAverageValue?: string;
  };
}

export interface OlderMetricStatus {
  readonly type: string;
  readonly object?: {
    readonly target: V2CrossVersionObjectReference;
    readonly metricName: string;
    readonly currentValue: string;
    readonly selector?: V1LabelSelector;
    readonly averageValue?: string;
  };
  readonly pods?: { readonly metricName: string; readonly currentAverageValue: string; readonly selector?: V1LabelSelector };
  readonly resource?: ResourceStatus;
  readonly containerResource?: ResourceStatus & { readonly container: string };
  readonly external?: {
    readonly metricName: string;
    readonly metricSelector?: V1LabelSelector;
    readonly currentValue: string;
    readonly currentAverageValue?: string;
  };
}

/** Leaves out what is undefined. */
export function withoutUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

const ZERO = '0';

export function olderMetric({ type, object, pods, resource, containerResource, external }: V2MetricSpec): OlderMetricSpec {
  const amounts = ({ name, target }: NonNullable<V2MetricSpec['resource']>) => ({
    name,
    targetAverageUtilization: target.averageUtilization,
    targetAverageValue: target.averageValue,
  });
  return withoutUndefined({
    type,
    object:
      object &&
      withoutUndefined({
        target: object.describedObject,
        metricName: object.metric.name,
        targetValue: object.target.value ?? ZERO,
        selector: object.metric.selector,
        averageValue: object.target.averageValue,
      }),
    pods:
      pods &&
      withoutUndefined({
        metricName: pods.metric.name,
        targetAverageValue: pods.target.averageValue ?? ZERO,
        selector: pods.metric.selector,
      }),
    resource: resource && withoutUndefined(amounts(resource)),
    containerResource:
      containerResource && withoutUndefined({ ...amounts(containerResource), container: containerResource.container }),
    external:
      external &&
      withoutUndefined({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        targetValue: external.target.value,
        targetAverageValue: external.target.averageValue,
      }),
  });
}

export function metricOfToday(metric: OlderMetricSpec): V2MetricSpec {
  const { type, object, pods, resource, containerResource, external } = metric;
  const target = ({ targetAverageUtilization: averageUtilization, targetAverageValue: averageValue }: Resource) =>
    withoutUndefined({
      type: averageUtilization === undefined ? 'AverageValue' : 'Utilization',
      averageUtilization,
      averageValue,
    });
  return withoutUndefined({
    type,
    object: object && {
      describedObject: object.target,
      metric: withoutUndefined({ name: object.metricName, selector: object.selector }),
      target: withoutUndefined({
        type: object.averageValue === undefined ? 'Value' : 'AverageValue',
        value: object.averageValue !== undefined && object.targetValue === ZERO ? undefined : object.targetValue,
        averageValue: object.averageValue,
      }),
    },
    pods: pods && {
      metric: withoutUndefined({ name: pods.metricName, selector: pods.selector }),
      target: { type: 'AverageValue', averageValue: pods.targetAverageValue },
    },
    resource: resource && { name: resource.name, target: target(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      container: containerResource.container,
      target: target(containerResource),
    },
    external: external && {
      metric: withoutUndefined({ name: external.metricName, selector: external.metricSelector }),
      target: withoutUndefined({
        type: external.targetValue === undefined ? 'AverageValue' : 'Value',
        value: external.targetValue,
        averageValue: external.targetAverageValue,
      }),
    },
  }) as V2MetricSpec;
}

export function olderStatus({ type, object, pods, resource, containerResource, external }: V2MetricStatus): OlderMetricStatus {
  const amounts = ({ name, current }: NonNullable<V2MetricStatus['resource']>) => ({
    name,
    currentAverageUtilization: current.averageUtilization,
    currentAverageValue: current.averageValue ?? ZERO,
  });
  return withoutUndefined({
    type,
    object:
      object &&
      withoutUndefined({
        target: object.describedObject,
        metricName: object.metric.name,
        currentValue: object.current.value ?? ZERO,
        selector: object.metric.selector,
        averageValue: object.current.averageValue,
      }),
    pods:
      pods &&
      withoutUndefined({
        metricName: pods.metric.name,
        currentAverageValue: pods.current.averageValue ?? ZERO,
        selector: pods.metric.selector,
      }),
    resource: resource && withoutUndefined(amounts(resource)),
    containerResource:
      containerResource && withoutUndefined({ ...amounts(containerResource), container: containerResource.container }),
    external:
      external &&
      withoutUndefined({
        metricName: external.metric.name,
        metricSelector: external.metric.selector,
        currentValue: external.current.value ?? ZERO,
        currentAverageValue: external.current.averageValue,
      }),
  });
}

export function statusOfToday(status: OlderMetricStatus): V2MetricStatus {
  const { type, object, pods, resource, containerResource, external } = status;
  const unlessZero = (value: string | undefined) => (value === ZERO ? undefined : value);
  const current = ({ currentAverageUtilization: averageUtilization, currentAverageValue }: ResourceStatus) =>
    withoutUndefined({ averageUtilization, averageValue: unlessZero(currentAverageValue) });
  return withoutUndefined({
    type,
    object: object && {
      describedObject: object.target,
      metric: withoutUndefined({ name: object.metricName, selector: object.selector }),
      current: withoutUndefined({ value: unlessZero(object.currentValue), averageValue: object.averageValue }),
    },
    pods: pods && {
      metric: withoutUndefined({ name: pods.metricName, selector: pods.selector }),
      current: withoutUndefined({ averageValue: unlessZero(pods.currentAverageValue) }),
    },
    resource: resource && { name: resource.name, current: current(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      container: containerResource.container,
      current: current(containerResource),
    },
    external: external && {
      metric: withoutUndefined({ name: external.metricName, selector: external.metricSelector }),
      current: withoutUndefined({ value: unlessZero(external.currentValue), averageValue: external.currentAverageValue }),
    },
  }) as V2MetricStatus;
}
