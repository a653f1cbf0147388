import type { V2HorizontalPodAutoscaler } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';

/** At least one pod, 80 % of the CPU that is asked for, quick growth and slow shrinking where behaviour is spoken of at all. */
export function setHorizontalPodAutoscalerDefaults(object: DynamicObject): void {
  const { spec } = object as unknown as V2HorizontalPodAutoscaler;
  if (!spec) return;
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length)
    spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }];
  if (!spec.behavior) return;
  spec.behavior.scaleUp = {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ],
    ...spec.behavior.scaleUp,
  };
  spec.behavior.scaleDown = {
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
    ...spec.behavior.scaleDown,
  };
}
