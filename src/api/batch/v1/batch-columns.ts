import type { V1CronJob, V1Job } from '../../gen/types.ts';
import { ageColumn, booleanColumn, NONE, nameColumn, numberColumn, orElse, textColumn, UNSET } from '../../machinery/columns.ts';
import { ageOf, humanDuration } from '../../machinery/human-duration.ts';
import type { Column } from '../../machinery/kind.ts';
import { workloadColumns } from '../../machinery/template-columns.ts';

function completionsOf({ spec, status }: V1Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationOf({ status }: V1Job, nowMs: number): string {
  if (!status?.startTime) return '';
  const endMs = status.completionTime ? Date.parse(status.completionTime) : nowMs;
  return humanDuration(endMs - Date.parse(status.startTime));
}

function jobStatusOf({ metadata, status }: V1Job): string {
  const has = (type: string) => status?.conditions?.some((condition) => condition.type === type && condition.status === 'True');
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (metadata?.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running';
}

export const jobColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1Job>('Status', 'How far it is.', jobStatusOf),
  textColumn<V1Job>('Completions', 'How many of its pods have succeeded.', completionsOf),
  textColumn<V1Job>('Duration', 'How long it ran.', durationOf),
  ageColumn,
  ...workloadColumns<V1Job>(
    ({ spec }) => spec?.template,
    ({ spec }) => spec?.selector,
  ),
];

export const cronJobColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1CronJob>('Schedule', 'When it starts jobs.', ({ spec }) => spec?.schedule ?? ''),
  textColumn<V1CronJob>('Timezone', 'The time zone of its schedule.', ({ spec }) => orElse(spec?.timeZone, NONE)),
  booleanColumn<V1CronJob>('Suspend', 'Whether it starts none for now.', ({ spec }) =>
    spec?.suspend === undefined ? UNSET : spec.suspend ? 'True' : 'False',
  ),
  numberColumn<V1CronJob>('Active', 'How many of its jobs run.', ({ status }) => status?.active?.length ?? 0),
  textColumn<V1CronJob>('Last Schedule', 'When it last started one.', ({ status }, nowMs) =>
    status?.lastScheduleTime ? ageOf(status.lastScheduleTime, nowMs) : NONE,
  ),
  ageColumn,
  ...workloadColumns<V1CronJob>(
    ({ spec }) => spec?.jobTemplate.spec?.template,
    ({ spec }) => spec?.jobTemplate.spec?.selector,
  ),
];
