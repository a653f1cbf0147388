import type { V1RuntimeClass } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { runtimeClassWarnings, validateRuntimeClass } from './runtime-class-validation.ts';

export const runtimeClassKind = defineKind({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  resource: 'runtimeclasses',
  namespaced: false,
  anyFinalizers: true,
  columns: [nameColumn, textColumn<V1RuntimeClass>('Handler', 'What runs its pods.', ({ handler }) => handler), ageColumn],
  validate: validateRuntimeClass,
  warnings: runtimeClassWarnings,
});
