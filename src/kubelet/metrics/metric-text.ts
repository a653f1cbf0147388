/** Prometheus' text form, with numbers as Go prints them (`2.592e+06`). Written by hand, since a process may hold a thousand kubelets. */
import { goFloat } from '../../std/go-text.ts';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
  /** When it was measured, where that is not now. */
  readonly timestampMs?: number;
}

/** One metric of a single kind with its samples; nothing when there is no sample. */
export function formatMetric(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  const lines = samples.map(
    ({ labels, value, timestampMs }) =>
      `${name}${braced(formatLabels(Object.entries(labels ?? {})))} ${goFloat(value)}${timestampMs === undefined ? '' : ` ${Math.floor(timestampMs)}`}\n`,
  );
  return metricHead(name, type, help) + lines.join('');
}

export function metricHead(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help.replace(/[\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\\\'))}\n# TYPE ${name} ${type}\n`;
}

/** `a="x",b="y"`, values escaped. */
export function formatLabels(labels: Iterable<readonly [name: string, value: string]>): string {
  return [...labels].map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',');
}

export const braced = (labels: string): string => (labels ? `{${labels}}` : '');

const escapeLabel = (text: string) => text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
