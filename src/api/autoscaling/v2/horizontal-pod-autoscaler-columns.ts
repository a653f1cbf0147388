import type {
  V2HorizontalPodAutoscaler,
  V2MetricSpec,
  V2MetricStatus,
  V2MetricTarget,
  V2MetricValueStatus,
} from '../../gen/types.ts';
import { ageColumn, formatSome, NONE, nameColumn, orElse, textColumn, UNSET } from '../../machinery/columns.ts';
import type { Column } from '../../machinery/kind.ts';

const UNKNOWN = '<unknown>';

const percent = (value: number | undefined, placeholder: string) => (value === undefined ? placeholder : `${value}%`);

/** Pods' usual resources: an average or a share of what they request. */
function formatResource(name: string, target: V2MetricTarget, current: V2MetricValueStatus | undefined): string {
  if (target.averageValue !== undefined) return `${name}: ${orElse(current?.averageValue, UNKNOWN)}/${target.averageValue}`;
  return `${name}: ${percent(current?.averageUtilization, UNKNOWN)}/${percent(target.averageUtilization, '<auto>')}`;
}

function formatOutside(target: V2MetricTarget, current: V2MetricValueStatus | undefined): string {
  if (target.averageValue !== undefined) return `${orElse(current?.averageValue, UNKNOWN)}/${target.averageValue} (avg)`;
  return `${orElse(current?.value, UNKNOWN)}/${orElse(target.value, '0')}`;
}

function formatMetric(spec: V2MetricSpec, status: V2MetricStatus | undefined): string {
  if (spec.external) return formatOutside(spec.external.target, status?.external?.current);
  if (spec.object) return formatOutside(spec.object.target, status?.object?.current);
  if (spec.pods) return `${orElse(status?.pods?.current.averageValue, UNKNOWN)}/${orElse(spec.pods.target.averageValue, '0')}`;
  if (spec.resource) return formatResource(spec.resource.name, spec.resource.target, status?.resource?.current);
  if (spec.containerResource)
    return formatResource(spec.containerResource.name, spec.containerResource.target, status?.containerResource?.current);
  return '<unknown type>';
}

function formatMetrics({ spec, status }: V2HorizontalPodAutoscaler): string {
  const metrics = (spec?.metrics ?? []).map((metric, place) => formatMetric(metric, status?.currentMetrics?.[place]));
  return orElse(formatSome(metrics, 2, ', '), NONE);
}

export const horizontalPodAutoscalerColumns: readonly Column[] = [
  nameColumn,
  textColumn<V2HorizontalPodAutoscaler>('Reference', 'What it scales.', ({ spec }) =>
    spec ? `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}` : '',
  ),
  textColumn<V2HorizontalPodAutoscaler>('Targets', 'What is measured, and what it shall be.', formatMetrics),
  textColumn<V2HorizontalPodAutoscaler>('MinPods', 'The least number of pods.', ({ spec }) => orElse(spec?.minReplicas, UNSET)),
  textColumn<V2HorizontalPodAutoscaler>('MaxPods', 'The largest number of pods.', ({ spec }) => spec?.maxReplicas ?? 0),
  textColumn<V2HorizontalPodAutoscaler>('Replicas', 'How many there are.', ({ status }) => status?.currentReplicas ?? 0),
  ageColumn,
];
