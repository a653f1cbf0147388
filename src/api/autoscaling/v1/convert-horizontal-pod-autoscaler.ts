/**
 * autoscaling/v1 knows one metric, the CPU. What else an autoscaler has travels in an annotation, so that nothing is lost when it is
 * read and written in this version (upstream has one annotation for each of these fields).
 */
import type { V1HorizontalPodAutoscaler, V2HorizontalPodAutoscaler, V2MetricSpec } from '../../gen/types.ts';
import { cloneJson } from '../../machinery/clone.ts';
import { decodeObject } from '../../machinery/decode.ts';
import type { DynamicObject } from '../../machinery/object.ts';

const REST_ANNOTATION = 'autoscaling.muster.dev/v2';

const DEFAULT_CPU_PERCENT = 80;

interface Rest {
  readonly metrics?: V2MetricSpec[];
  readonly behavior?: NonNullable<V2HorizontalPodAutoscaler['spec']>['behavior'];
  readonly currentMetrics?: NonNullable<V2HorizontalPodAutoscaler['status']>['currentMetrics'];
  readonly conditions?: NonNullable<V2HorizontalPodAutoscaler['status']>['conditions'];
}

const isCpuUtilization = ({ resource }: V2MetricSpec) =>
  resource?.name === 'cpu' && resource.target.type === 'Utilization' && resource.target.averageUtilization !== undefined;

function withoutUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

/** autoscaling/v2 as autoscaling/v1. */
export function fromV2(stored: DynamicObject): DynamicObject {
  const { spec, status, ...rest } = stored as unknown as V2HorizontalPodAutoscaler & DynamicObject;
  const { metrics = [], behavior, ...sameSpec } = spec ?? { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } };
  const { currentMetrics, conditions, ...sameStatus } = status ?? { desiredReplicas: 0 };
  const cpu = metrics.find(isCpuUtilization);
  const current = currentMetrics?.find(({ resource }) => resource?.name === 'cpu')?.resource?.current.averageUtilization;
  const others = metrics.filter((metric) => metric !== cpu);
  const kept: Rest = withoutUndefined({ metrics: others.length ? others : undefined, behavior, currentMetrics, conditions });
  const annotations = {
    ...rest.metadata.annotations,
    ...(Object.keys(kept).length && { [REST_ANNOTATION]: JSON.stringify(kept) }),
  };
  const converted = {
    ...rest,
    apiVersion: 'autoscaling/v1',
    metadata: Object.keys(annotations).length ? { ...rest.metadata, annotations } : rest.metadata,
    spec: withoutUndefined({ ...sameSpec, targetCPUUtilizationPercentage: cpu?.resource?.target.averageUtilization }),
    status: withoutUndefined({ currentReplicas: 0, ...sameStatus, currentCPUUtilizationPercentage: current }),
  } satisfies V1HorizontalPodAutoscaler;
  return converted;
}

/** autoscaling/v1 as autoscaling/v2. Throws a BadRequest when somebody put into the annotation what v2 does not allow. */
export function toV2(object: DynamicObject): DynamicObject {
  const { spec, status, ...rest } = object as unknown as V1HorizontalPodAutoscaler & DynamicObject;
  const { targetCPUUtilizationPercentage, ...sameSpec } = spec ?? { maxReplicas: 0, scaleTargetRef: { kind: '', name: '' } };
  const { currentCPUUtilizationPercentage: _, ...sameStatus } = status ?? { currentReplicas: 0, desiredReplicas: 0 };
  const { [REST_ANNOTATION]: text, ...annotations } = rest.metadata.annotations ?? {};
  const kept = parseRest(text);
  const others = Array.isArray(kept.metrics) ? kept.metrics : [];
  // Without any metric, it is the CPU: this version knows no other.
  const utilization = targetCPUUtilizationPercentage ?? (others.length ? undefined : DEFAULT_CPU_PERCENT);
  const cpu: V2MetricSpec[] =
    utilization === undefined
      ? []
      : [
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: utilization } },
          },
        ];
  const metrics = [...others, ...cpu];
  const { annotations: __, ...metadata } = rest.metadata;
  const converted: DynamicObject = {
    ...rest,
    apiVersion: 'autoscaling/v2',
    metadata: Object.keys(annotations).length ? { ...metadata, annotations } : metadata,
    spec: withoutUndefined({ ...sameSpec, metrics: metrics.length ? metrics : undefined, behavior: kept.behavior }),
    status: withoutUndefined({ ...sameStatus, currentMetrics: kept.currentMetrics, conditions: kept.conditions }),
  };
  return text === undefined ? converted : decodeObject(V2, cloneJson(converted)).object;
}

const V2 = { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler', schema: 'V2HorizontalPodAutoscaler' };

function parseRest(text: string | undefined): Rest {
  if (text === undefined) return {};
  try {
    const rest: unknown = JSON.parse(text);
    return typeof rest === 'object' && rest !== null ? (rest as Rest) : {};
  } catch {
    // Written by somebody else: nothing of ours in it.
    return {};
  }
}
