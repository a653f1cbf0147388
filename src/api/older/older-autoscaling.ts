/** HorizontalPodAutoscalers as autoscaling/v2beta1 and v2beta2 had them. */
import {
  metricOfToday,
  type OlderMetricSpec,
  type OlderMetricStatus,
  olderMetric,
  olderStatus,
  statusOfToday,
  withoutUndefined,
} from '../autoscaling/metrics-v2beta1.ts';
import { annotated, BEHAVIOR, takeAnnotations } from '../autoscaling/rest-annotations.ts';
import { horizontalPodAutoscalerKind } from '../autoscaling/v2/horizontal-pod-autoscaler.ts';
import type { V2HorizontalPodAutoscaler } from '../gen/types.ts';
import type { KindDefinition } from '../machinery/kind.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { deprecationWarning } from './deprecation.ts';
import { type Conversion, servedAs } from './served-as.ts';

interface OlderAutoscaler {
  readonly spec?: { readonly metrics?: readonly OlderMetricSpec[] };
  readonly status?: { readonly currentMetrics?: readonly OlderMetricStatus[] };
}

const v2beta1: Conversion = {
  toToday(object) {
    const { spec, status } = object as OlderAutoscaler;
    const { metadata, values } = takeAnnotations(object.metadata, [BEHAVIOR]);
    return withoutUndefined({
      ...object,
      metadata,
      spec: spec && withoutUndefined({ ...spec, metrics: spec.metrics?.map(metricOfToday), behavior: values.get(BEHAVIOR) }),
      status: status && withoutUndefined({ ...status, currentMetrics: status.currentMetrics?.map(statusOfToday) }),
    }) as DynamicObject;
  },
  fromToday(object) {
    const { spec, status } = object as unknown as V2HorizontalPodAutoscaler;
    const { behavior, ...sameSpec } = spec;
    return withoutUndefined({
      ...object,
      metadata: annotated(object.metadata, { [BEHAVIOR]: behavior }),
      spec: withoutUndefined({ ...sameSpec, metrics: spec.metrics?.map(olderMetric) }),
      status: status && withoutUndefined({ ...status, currentMetrics: status.currentMetrics?.map(olderStatus) }),
    }) as DynamicObject;
  },
};

/** Eighty percent of the CPU that is asked for, as in every version. */
function setDefaults(object: DynamicObject): void {
  const { spec } = object as { spec?: { minReplicas?: number; metrics?: OlderMetricSpec[] } };
  if (!spec) return;
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length) spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', targetAverageUtilization: 80 } }];
}

const outlived = (version: string, deprecated: number, removed: number) =>
  deprecationWarning(`autoscaling/${version}`, 'HorizontalPodAutoscaler', {
    deprecated,
    removed,
    replacement: 'autoscaling/v2',
  });

export const olderAutoscaling: readonly KindDefinition[] = [
  servedAs(horizontalPodAutoscalerKind, {
    group: 'autoscaling',
    version: 'v2beta1',
    schema: 'AutoscalingV2beta1HorizontalPodAutoscaler',
    conversion: v2beta1,
    setDefaults,
    deprecation: outlived('v2beta1', 22, 25),
  }),
  servedAs(horizontalPodAutoscalerKind, {
    group: 'autoscaling',
    version: 'v2beta2',
    schema: 'AutoscalingV2beta2HorizontalPodAutoscaler',
    deprecation: outlived('v2beta2', 23, 26),
  }),
];
