/** Counters and histograms in the Prometheus text form, light enough for the request path and with nothing to import. */
export interface Metric {
  /** `# HELP`, `# TYPE` and the samples. */
  render(): string;
}

export type LabelValues = readonly string[];

const escapeLabel = (value: string) => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');

function formatLabels(names: readonly string[], values: LabelValues): string {
  return names.map((name, i) => `${name}="${escapeLabel(values[i] ?? '')}"`).join(',');
}

function header(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

export class Counter implements Metric {
  readonly #name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #values = new Map<string, { text: string; value: number }>();

  constructor(name: string, help: string, labels: readonly string[]) {
    this.#name = name;
    this.#help = help;
    this.#labels = labels;
  }

  increment(...values: LabelValues): void {
    this.add(1, ...values);
  }

  add(amount: number, ...values: LabelValues): void {
    const key = values.join('\0');
    const known = this.#values.get(key);
    if (known) known.value += amount;
    else this.#values.set(key, { text: formatLabels(this.#labels, values), value: amount });
  }

  render(): string {
    let text = header(this.#name, this.#help, 'counter');
    for (const { text: labels, value } of this.#values.values()) text += `${this.#name}${labels && `{${labels}}`} ${value}\n`;
    return text;
  }
}

interface Distribution {
  readonly text: string;
  readonly buckets: number[];
  sum: number;
  count: number;
}

export class Histogram implements Metric {
  readonly #name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #bounds: readonly number[];
  readonly #values = new Map<string, Distribution>();

  constructor(name: string, help: string, labels: readonly string[], bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#labels = labels;
    this.#bounds = bounds;
  }

  observe(value: number, ...labels: LabelValues): void {
    const key = labels.join('\0');
    let found = this.#values.get(key);
    if (!found) {
      found = { text: formatLabels(this.#labels, labels), buckets: this.#bounds.map(() => 0), sum: 0, count: 0 };
      this.#values.set(key, found);
    }
    found.sum += value;
    found.count++;
    const at = this.#bounds.findIndex((bound) => value <= bound);
    if (at >= 0) found.buckets[at]!++;
  }

  render(): string {
    let text = header(this.#name, this.#help, 'histogram');
    for (const { text: labels, buckets, sum, count } of this.#values.values()) {
      let cumulated = 0;
      for (const [i, bound] of this.#bounds.entries()) {
        cumulated += buckets[i]!;
        text += `${this.#name}_bucket{${labels},le="${bound}"} ${cumulated}\n`;
      }
      text += `${this.#name}_bucket{${labels},le="+Inf"} ${count}\n${this.#name}_sum{${labels}} ${sum}\n${this.#name}_count{${labels}} ${count}\n`;
    }
    return text;
  }
}

/** Read when scraped: a number that goes up and down. */
export class Gauge implements Metric {
  protected readonly type: string = 'gauge';
  readonly #name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #read: () => Iterable<readonly [LabelValues, number]>;

  constructor(name: string, help: string, labels: readonly string[], read: () => Iterable<readonly [LabelValues, number]>) {
    this.#name = name;
    this.#help = help;
    this.#labels = labels;
    this.#read = read;
  }

  render(): string {
    let text = header(this.#name, this.#help, this.type);
    for (const [labels, value] of this.#read()) {
      const inside = formatLabels(this.#labels, labels);
      text += `${this.#name}${inside ? `{${inside}}` : ''} ${value}\n`;
    }
    return text;
  }
}

/** Read when scraped: a number that only goes up, which somebody counts for himself. */
export class CountedElsewhere extends Gauge {
  protected override readonly type = 'counter';
}
