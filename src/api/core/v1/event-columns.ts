import type { CoreV1Event, V1EventSource } from '../../gen/types.ts';
import { nameColumn, textColumn, wide } from '../../machinery/columns.ts';
import { ageOf } from '../../machinery/human-duration.ts';
import type { Column } from '../../machinery/kind.ts';

const firstSeen = (event: CoreV1Event, nowMs: number) => ageOf(event.firstTimestamp ?? event.eventTime, nowMs);

function lastSeen(event: CoreV1Event, nowMs: number): string {
  if (event.series) return ageOf(event.series.lastObservedTime, nowMs);
  return event.lastTimestamp ? ageOf(event.lastTimestamp, nowMs) : firstSeen(event, nowMs);
}

function about({ involvedObject: { kind = '', name } }: CoreV1Event): string {
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase();
}

function sourceOf({ source = {}, reportingComponent, reportingInstance }: CoreV1Event): string {
  const { component, host }: V1EventSource = source;
  return [component || reportingComponent || '', host || reportingInstance || ''].filter((part, i) => i === 0 || part).join(', ');
}

/** Both versions of events are shown as the core one. */
export const eventColumns: readonly Column[] = [
  textColumn<CoreV1Event>('Last Seen', 'When it was last observed.', lastSeen),
  textColumn<CoreV1Event>('Type', 'Normal or Warning.', ({ type }) => type ?? ''),
  textColumn<CoreV1Event>('Reason', 'Why it was written, in one word.', ({ reason }) => reason ?? ''),
  textColumn<CoreV1Event>('Object', 'What it is about.', about),
  ...wide(
    textColumn<CoreV1Event>('Subobject', 'Which part of that.', ({ involvedObject }) => involvedObject.fieldPath ?? ''),
    textColumn<CoreV1Event>('Source', 'Who wrote it.', sourceOf),
  ),
  textColumn<CoreV1Event>('Message', 'What happened.', ({ message }) => (message ?? '').trim()),
  ...wide(
    textColumn<CoreV1Event>('First Seen', 'When it was first observed.', firstSeen),
    textColumn<CoreV1Event>('Count', 'How often it was observed.', ({ series, count }) => series?.count ?? (count || 1)),
    nameColumn,
  ),
];
