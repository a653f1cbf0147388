import { lazyModule } from '../../../std/lazy-module.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { horizontalPodAutoscalerColumns } from './horizontal-pod-autoscaler-columns.ts';
import { setHorizontalPodAutoscalerDefaults } from './horizontal-pod-autoscaler-defaults.ts';

const validation = lazyModule(() => import('./horizontal-pod-autoscaler-validation.ts'));

export const horizontalPodAutoscalerKind = defineKind({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  resource: 'horizontalpodautoscalers',
  namespaced: true,
  shortNames: ['hpa'],
  categories: ['all'],
  parts: [statusPart({ validate: (updated) => validation.loaded.validateHorizontalPodAutoscalerStatus(updated) })],
  columns: horizontalPodAutoscalerColumns,
  prepareForCreate: resetStatus('V2HorizontalPodAutoscaler'),
  setDefaults: setHorizontalPodAutoscalerDefaults,
  loadFirst: validation.load,
  validate: (object, context, existing) => validation.loaded.validateHorizontalPodAutoscaler(object, context, existing),
});
