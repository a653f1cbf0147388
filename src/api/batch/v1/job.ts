import { dropUnservedOfTemplate } from '../../core/v1/unserved-pod-fields.ts';
import type { V1Job } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { lateRules } from '../../machinery/late-rules.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { jobColumns } from './batch-columns.ts';
import { generateJobSelector, setJobDefaults } from './batch-defaults.ts';

const rules = lateRules(async () => {
  const { validateJob } = await import('./job-validation.ts');
  const { validateJobUpdate } = await import('./job-update-validation.ts');
  const { validateJobStatusUpdate } = await import('./job-status-validation.ts');
  const { jobWarnings } = await import('./batch-warnings.ts');
  return {
    validate: validateJob,
    validateUpdate: validateJobUpdate,
    warnings: jobWarnings,
    parts: { status: validateJobStatusUpdate },
  };
});

export const jobKind = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  resource: 'jobs',
  namespaced: true,
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart({ validate: rules.part('status') })],
  defaultPropagation: 'orphan',
  orphaningWarning:
    'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
  columns: jobColumns,
  selectableFields: { 'status.successful': (object) => String((object as V1Job).status?.succeeded ?? 0) },
  prepareForCreate: (object) => {
    resetStatus('V1Job')(object);
    dropUnservedOfTemplate(object);
    generateJobSelector(object);
  },
  prepareForUpdate: dropUnservedOfTemplate,
  setDefaults: setJobDefaults,
  ...rules.whole,
});
