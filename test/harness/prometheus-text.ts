/** A strict reader of Prometheus' text form (https://prometheus.io/docs/instrumenting/exposition_formats/): what it does not allow, throws. */

export interface PrometheusSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timestampMs?: number;
}

export interface PrometheusMetric {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly PrometheusSample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]\d{2,3})?)|[+-]Inf|NaN)$/;

/** Metrics by name, in order. Each must have HELP and TYPE before its samples, once, and no two samples the same labels. */
export function parsePrometheusText(text: string): Map<string, PrometheusMetric> {
  const metrics = new Map<string, { type: string; help: string; samples: PrometheusSample[]; seen: Set<string> }>();
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line must end with a line feed');
  let current = '';
  for (const line of text.split('\n').slice(0, -1)) {
    const head = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (head) {
      const [, kind, name = '', rest = ''] = head;
      if (kind === 'HELP') {
        if (metrics.has(name)) throw new Error(`${name} has two HELP lines`);
        metrics.set(name, { type: '', help: rest, samples: [], seen: new Set() });
        current = name;
      } else {
        if (current !== name || metrics.get(name)!.type !== '') throw new Error(`TYPE of ${name} is not right after its HELP`);
        if (!['counter', 'gauge', 'histogram', 'summary', 'untyped'].includes(rest)) throw new Error(`unknown type ${rest}`);
        metrics.get(name)!.type = rest;
      }
      continue;
    }
    const { name, labels, value, timestampMs } = parseSample(line);
    const metric = metrics.get(current);
    const base = metric?.type === 'histogram' || metric?.type === 'summary' ? name.replace(/_(bucket|sum|count)$/, '') : name;
    if (!metric || base !== current || metric.type === '') throw new Error(`sample outside of its metric: ${line}`);
    const key = `${name}${JSON.stringify(Object.entries(labels).sort())}`;
    if (metric.seen.has(key)) throw new Error(`sample told twice: ${line}`);
    metric.seen.add(key);
    metric.samples.push({ labels, value, ...(timestampMs !== undefined && { timestampMs }) });
  }
  for (const [name, { samples, type }] of metrics)
    if (samples.length === 0 || !type) throw new Error(`${name} has no samples or no type`);
  return metrics as Map<string, PrometheusMetric>;
}

function parseSample(line: string): PrometheusSample & { name: string } {
  const match = /^([^{\s]+)(?:\{(.*)\})? (\S+)(?: (-?\d+))?$/.exec(line);
  if (!match || !NAME.test(match[1]!)) throw new Error(`not a sample: ${line}`);
  if (!VALUE.test(match[3]!)) throw new Error(`not a value: ${line}`);
  const labels: Record<string, string> = {};
  let rest = match[2] ?? '';
  while (rest !== '') {
    const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=.)|$)/.exec(rest);
    if (!label) throw new Error(`not a label: ${rest} in ${line}`);
    if (label[1]! in labels) throw new Error(`label twice: ${line}`);
    labels[label[1]!] = label[2]!.replace(/\\(.)/g, (_whole, character: string) => (character === 'n' ? '\n' : character));
    rest = rest.slice(label[0].length);
  }
  const value = match[3]!.endsWith('Inf') ? Number(match[3]!.replace('Inf', 'Infinity')) : Number(match[3]);
  return { name: match[1]!, labels, value, ...(match[4] !== undefined && { timestampMs: Number(match[4]) }) };
}
