/** autoscaling/v1 knows one metric, the CPU; everything else is in annotations (pkg/apis/autoscaling/v1/conversion.go). */
import type { V1HorizontalPodAutoscaler, V2HorizontalPodAutoscaler, V2MetricSpec } from '../../gen/types.ts';
import { cloneJson } from '../../machinery/clone.ts';
import { decodeObject } from '../../machinery/decode.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import {
  metricOfToday,
  type OlderMetricSpec,
  type OlderMetricStatus,
  olderMetric,
  olderStatus,
  statusOfToday,
  withoutUndefined,
} from '../metrics-v2beta1.ts';
import { annotated, BEHAVIOR, CONDITIONS, CURRENT_METRICS, METRICS, structuresIn, takeAnnotations } from '../rest-annotations.ts';

const DEFAULT_CPU_PERCENT = 80;

const V2 = { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler', schema: 'V2HorizontalPodAutoscaler' };

const isCpuUtilization = ({ type, resource }: V2MetricSpec) =>
  type === 'Resource' && resource?.name === 'cpu' && resource.target.averageUtilization !== undefined;

/** autoscaling/v2 as autoscaling/v1. */
export function fromV2(stored: DynamicObject): DynamicObject {
  const { spec, status, ...rest } = stored as unknown as V2HorizontalPodAutoscaler & DynamicObject;
  const { metrics = [], behavior, ...sameSpec } = spec ?? { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } };
  const { currentMetrics = [], conditions, ...sameStatus } = status ?? { desiredReplicas: 0 };
  const cpu = metrics.find(isCpuUtilization);
  const current = currentMetrics.find(({ resource }) => resource?.name === 'cpu')?.resource?.current.averageUtilization;
  const converted = {
    ...rest,
    apiVersion: 'autoscaling/v1',
    metadata: annotated(rest.metadata, {
      [METRICS]: metrics.filter((metric) => metric !== cpu).map(olderMetric),
      [CURRENT_METRICS]: currentMetrics.map(olderStatus),
      [CONDITIONS]: conditions,
      [BEHAVIOR]: behavior,
    }),
    spec: withoutUndefined({ ...sameSpec, targetCPUUtilizationPercentage: cpu?.resource?.target.averageUtilization }),
    status: withoutUndefined({ currentReplicas: 0, ...sameStatus, currentCPUUtilizationPercentage: current }),
  } satisfies V1HorizontalPodAutoscaler;
  return converted;
}

/** autoscaling/v1 as autoscaling/v2. Throws a BadRequest when somebody put into an annotation what v2 does not allow. */
export function toV2(object: DynamicObject): DynamicObject {
  const { spec, status, ...rest } = object as unknown as V1HorizontalPodAutoscaler & DynamicObject;
  const { targetCPUUtilizationPercentage, ...sameSpec } = spec ?? { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } };
  const { currentCPUUtilizationPercentage: _, ...sameStatus } = status ?? { currentReplicas: 0, desiredReplicas: 0 };
  const { metadata, values } = takeAnnotations(rest.metadata, [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR]);
  const others = structuresIn(values.get(METRICS)).map((metric) => metricOfToday(metric as unknown as OlderMetricSpec));
  // Without any metric, it is the CPU: this version knows no other.
  const utilization = targetCPUUtilizationPercentage ?? (others.length ? undefined : DEFAULT_CPU_PERCENT);
  const cpu: V2MetricSpec[] =
    utilization === undefined
      ? []
      : [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: utilization } } }];
  const metrics = [...others, ...cpu];
  const currentMetrics = structuresIn(values.get(CURRENT_METRICS)).map((each) =>
    statusOfToday(each as unknown as OlderMetricStatus),
  );
  const conditions = structuresIn(values.get(CONDITIONS));
  const converted: DynamicObject = {
    ...rest,
    apiVersion: 'autoscaling/v2',
    metadata,
    spec: withoutUndefined({ ...sameSpec, metrics: metrics.length ? metrics : undefined, behavior: values.get(BEHAVIOR) }),
    status: withoutUndefined({
      ...sameStatus,
      currentMetrics: currentMetrics.length ? currentMetrics : undefined,
      conditions: conditions.length ? conditions : undefined,
    }),
  };
  return values.size === 0 ? converted : decodeObject(V2, cloneJson(converted)).object;
}
