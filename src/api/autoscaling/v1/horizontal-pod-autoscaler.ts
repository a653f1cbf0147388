import type { V1HorizontalPodAutoscaler } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { horizontalPodAutoscalerKind as v2Kind } from '../v2/horizontal-pod-autoscaler.ts';
import { fromV2, toV2 } from './convert-horizontal-pod-autoscaler.ts';

export const horizontalPodAutoscalerKind = defineKind({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  resource: 'horizontalpodautoscalers',
  namespaced: true,
  shortNames: ['hpa'],
  categories: ['all'],
  parts: [
    statusPart({
      validate: (updated, existing, context) =>
        v2Kind.parts.find(({ name }) => name === 'status')!.validate!(toV2(updated), toV2(existing), context),
    }),
  ],
  storedAs: { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler', fromStored: fromV2, toStored: toV2 },
  columns: v2Kind.columns.map((column) => ({ ...column, cell: (object, nowMs) => column.cell(toV2(object), nowMs) })),
  prepareForCreate: resetStatus('V1HorizontalPodAutoscaler'),
  setDefaults: (object) => {
    const { spec } = object as unknown as V1HorizontalPodAutoscaler;
    if (spec) spec.minReplicas ??= 1;
  },
  ...(v2Kind.loadFirst && { loadFirst: v2Kind.loadFirst }),
  validate: (object, context, existing) => v2Kind.validate!(toV2(object), context, existing && toV2(existing)),
});
