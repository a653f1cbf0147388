import { dropUnservedFields } from '../../core/v1/unserved-pod-fields.ts';
import type { V1CronJob } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { lateRules } from '../../machinery/late-rules.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { cronJobColumns } from './batch-columns.ts';
import { setCronJobDefaults } from './batch-defaults.ts';

const rules = lateRules(async () => {
  const { validateCronJob } = await import('./cron-job-validation.ts');
  const { cronJobWarnings } = await import('./batch-warnings.ts');
  return { validate: validateCronJob, warnings: cronJobWarnings };
});

const podOf = (object: DynamicObject | undefined) =>
  (object as unknown as V1CronJob | undefined)?.spec?.jobTemplate?.spec?.template?.spec;

const dropUnserved = (object: DynamicObject, existing?: DynamicObject): void =>
  dropUnservedFields(podOf(object), podOf(existing));

export const cronJobKind = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  resource: 'cronjobs',
  namespaced: true,
  shortNames: ['cj'],
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart()],
  columns: cronJobColumns,
  prepareForCreate: (object) => {
    resetStatus('V1CronJob')(object);
    dropUnserved(object);
  },
  prepareForUpdate: dropUnserved,
  setDefaults: setCronJobDefaults,
  ...rules.whole,
});
