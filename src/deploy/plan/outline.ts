import { visibleText } from '../../std/visible-text.ts';
import type { HostPlan } from './plan.ts';

/** One thing that a command would do, and how it shows. */
export interface OutlineChange {
  readonly action: 'create' | 'change' | 'remove' | 'start' | 'restart' | 'stop' | 'leave';
  readonly title: string;
  /** As a diff: what goes with `-`, what comes with `+`. Never a secret. */
  readonly lines: readonly string[];
}

/** What a command would do to one thing: a host, the cluster, the assets. */
export interface Outline {
  readonly target: string;
  readonly changes: readonly OutlineChange[];
}

/** As one reads it, one target after the other. */
export function formatOutline(outlines: readonly Outline[]): string {
  const lines = outlines.flatMap(({ target, changes }) =>
    changes.length === 0
      ? [`${target}: nothing to do`]
      : [
          `${target}:`,
          ...changes.flatMap(({ action, title, lines: diff }) => [`  ${action} ${title}`, ...diff.map((line) => `    ${line}`)]),
        ],
  );
  const count = outlines.reduce((sum, { changes }) => sum + changes.filter(({ action }) => action !== 'leave').length, 0);
  const summary = count === 0 ? 'nothing to do' : `${count} ${count === 1 ? 'change' : 'changes'}`;
  return visibleText(`${[...lines, summary].join('\n')}\n`);
}

/** The same for programs: `-o json`. */
export const outlineJson = (outlines: readonly Outline[]): object => ({
  targets: outlines.map(({ target, changes }) => ({
    name: target,
    changes: changes.map(({ action, title, lines }) => ({ action, title, diff: lines })),
  })),
});

/** What is to be done on a host, among other things. */
export const outlineOfPlan = ({ host, changes, joins, rejoins }: HostPlan): Outline => ({
  target: host,
  changes: [
    ...changes,
    ...(joins || rejoins
      ? [{ action: 'change' as const, title: 'certificates of the kubelet', lines: ['+ asked for anew'] }]
      : []),
  ],
});
