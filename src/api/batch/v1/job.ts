import type { V1Job } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { jobColumns } from './batch-columns.ts';

export const jobKind = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  resource: 'jobs',
  namespaced: true,
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart()],
  defaultPropagation: 'orphan',
  columns: jobColumns,
  selectableFields: { 'status.successful': (object) => String((object as V1Job).status?.succeeded ?? 0) },
  prepareForCreate: resetStatus('V1Job'),
});
