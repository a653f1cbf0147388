/**
 * The kubelet's metrics in Prometheus' text form. Written by hand rather than with prom-client, because a process may hold
 * a thousand kubelets and because numbers must read as Go prints them (`2.592e+06`).
 */

/** Seconds: 0, 6 h, 12 h, 1 d, 2 d, 4 d, 7 d, 30 d, 90 d, 180 d, 360 d. */
const EXPIRATION_BOUNDS = [0, 21600, 43200, 86400, 172800, 345600, 604800, 2592000, 7776000, 15552000, 31104000];

/** How long the certificates of those who called will be good. */
export class ExpirationHistogram {
  #buckets = EXPIRATION_BOUNDS.map(() => 0);
  #sum = 0;
  #count = 0;

  observe(seconds: number): void {
    this.#count++;
    this.#sum += seconds;
    EXPIRATION_BOUNDS.forEach((bound, i) => {
      if (seconds <= bound) this.#buckets[i]!++;
    });
  }

  lines(): string {
    const name = 'apiserver_client_certificate_expiration_seconds';
    const buckets = EXPIRATION_BOUNDS.map((bound, i) => `${name}_bucket{le="${goFloat(bound)}"} ${this.#buckets[i]}\n`).join('');
    return (
      `# HELP ${name} Distribution of the remaining lifetime on the certificate used to authenticate a request.\n` +
      `# TYPE ${name} histogram\n${buckets}${name}_bucket{le="+Inf"} ${this.#count}\n` +
      `${name}_sum ${goFloat(this.#sum)}\n${name}_count ${this.#count}\n`
    );
  }
}

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric of a single kind with its samples; nothing when there is no sample. */
export function formatMetric(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  const lines = samples.map(({ labels, value }) => {
    const inside = Object.entries(labels ?? {}).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    return `${name}${inside.length ? `{${inside.join(',')}}` : ''} ${goFloat(value)}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

const escapeLabel = (text: string) => text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));

/** As Go's 'g' format prints it: with an exponent, of at least two digits, below 1e-04 and from 1e+06 on. */
export function goFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  return size !== 0 && (size >= 1e6 || size < 1e-4) ? padExponent(value.toExponential()) : String(value);
}

const padExponent = (text: string) => text.replace(/e([+-])(\d)$/, 'e$10$2');
