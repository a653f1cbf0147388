import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { lateRules } from '../../machinery/late-rules.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { cronJobColumns } from './batch-columns.ts';
import { setCronJobDefaults } from './batch-defaults.ts';

const rules = lateRules(async () => {
  const { validateCronJob } = await import('./cron-job-validation.ts');
  const { cronJobWarnings } = await import('./batch-warnings.ts');
  return { validate: validateCronJob, warnings: cronJobWarnings };
});

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
  ...rules.whole,
});
