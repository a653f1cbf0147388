/** The media type of Prometheus' text form. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Counters and histograms in the Prometheus text form, light enough for the request path and with nothing to import. */
export interface Metric {
  /** `# HELP`, `# TYPE` and the samples. */
  render(): string;
}

export type LabelValues = readonly string[];

const escapeLabel = (value: string) => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');

export function formatLabels(names: readonly string[], values: LabelValues): string {
  return names.map((name, i) => `${name}="${escapeLabel(values[i] ?? '')}"`).join(',');
}

export function header(name: string, help: string, type: string): string {
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

/** How often values fell below each bound. */
export class Distribution {
  readonly #bounds: readonly number[];
  readonly #buckets: number[];
  #sum = 0;
  #count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#buckets = bounds.map(() => 0);
  }

  get count(): number {
    return this.#count;
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count++;
    const bounds = this.#bounds;
    for (let i = 0; i < bounds.length; i++) {
      if (value > bounds[i]!) continue;
      this.#buckets[i]!++;
      return;
    }
  }

  /** @param labels with a name and a value each, without braces */
  render(name: string, labels: string): string {
    const more = labels && `${labels},`;
    const own = labels && `{${labels}}`;
    let cumulated = 0;
    let text = '';
    for (const [i, bound] of this.#bounds.entries()) {
      cumulated += this.#buckets[i]!;
      text += `${name}_bucket{${more}le="${bound}"} ${cumulated}\n`;
    }
    return `${text}${name}_bucket{${more}le="+Inf"} ${this.#count}\n${name}_sum${own} ${this.#sum}\n${name}_count${own} ${this.#count}\n`;
  }
}

export class Histogram implements Metric {
  readonly #name: string;
  readonly #help: string;
  readonly #labels: readonly string[];
  readonly #bounds: readonly number[];
  readonly #values = new Map<string, { readonly text: string; readonly distribution: Distribution }>();

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
      found = { text: formatLabels(this.#labels, labels), distribution: new Distribution(this.#bounds) };
      this.#values.set(key, found);
    }
    found.distribution.observe(value);
  }

  render(): string {
    const series = [...this.#values.values()].map(({ text, distribution }) => distribution.render(this.#name, text));
    return header(this.#name, this.#help, 'histogram') + series.join('');
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
