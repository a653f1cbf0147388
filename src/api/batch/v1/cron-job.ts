import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { cronJobColumns } from './batch-columns.ts';
import { setCronJobDefaults } from './batch-defaults.ts';
import { cronJobWarnings } from './batch-warnings.ts';
import { validateCronJob } from './cron-job-validation.ts';

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
  prepareForCreate: resetStatus('V1CronJob'),
  setDefaults: setCronJobDefaults,
  validate: validateCronJob,
  warnings: cronJobWarnings,
});
