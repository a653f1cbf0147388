import { Distribution, formatLabels, header, type Metric } from '../../std/metric.ts';
import type { RequestInfo } from '../contracts.ts';

/** Upstream's buckets of apiserver_request_duration_seconds. */
const DURATION_BOUNDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
/** Of apiserver_request_sli_duration_seconds. */
const SERVED_BOUNDS = DURATION_BOUNDS.filter((bound) => bound >= 0.05);
const SIZE_BOUNDS = Array.from({ length: 7 }, (_, i) => 1000 * 10 ** i);

/** The verbs that upstream's labels may hold; anything else is `OTHER`, so that clients cannot make series. */
export const VERB_LABELS: ReadonlyMap<string, string> = new Map([
  ['get', 'GET'],
  ['list', 'LIST'],
  ['watch', 'WATCH'],
  ['create', 'POST'],
  ['update', 'PUT'],
  ['patch', 'PATCH'],
  ['delete', 'DELETE'],
  ['deletecollection', 'DELETECOLLECTION'],
  ['post', 'POST'],
  ['put', 'PUT'],
  ['head', 'HEAD'],
]);

const LABELS = ['component', 'dry_run', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'] as const;

/** All that is counted of requests that are alike. */
interface Series {
  /** `component="apiserver",…` */
  readonly text: string;
  readonly byCode: Map<number, number>;
  readonly durations: Distribution;
  readonly eitherWay: EitherWay;
}

/** What is counted of them whether they are dry runs or not. */
interface EitherWay {
  readonly text: string;
  readonly terminated: Map<number, number>;
  /** Without the time that the request waited for its turn. */
  readonly served: Distribution;
  readonly sizes: Distribution;
}

export interface AnsweredRequest {
  readonly info: RequestInfo;
  /** Whether it was for something that this server has: others share one series. */
  readonly known: boolean;
  readonly status: number;
  readonly dryRun: boolean;
  readonly seconds: number;
  /** How much of it the request waited for its turn. */
  readonly waitedSeconds?: number | undefined;
  /** Of an answer whose length was known. */
  readonly bytes: number | undefined;
}

/** Counts requests, one look-up for each, under upstream's names (apiserver/pkg/endpoints/metrics). */
export class RequestMetrics implements Metric {
  readonly #series = new Map<string, Series>();
  readonly #eitherWay = new Map<string, EitherWay>();

  observe({ info, known, status, dryRun, seconds, waitedSeconds = 0, bytes }: AnsweredRequest): void {
    const { group, resource, subresource, version } = known ? info : NOWHERE;
    const scope = known ? scopeOf(info) : '';
    // Of verbs that nobody knows there is one series, and requests to other paths share the names of those for objects.
    const verb = VERB_LABELS.get(info.verb) ?? 'OTHER';
    const like = `${verb}\0${scope}\0${group}\0${version}\0${resource}\0${subresource}`;
    const key = dryRun ? `${like}\0All` : like;
    let series = this.#series.get(key);
    if (!series) {
      series = this.#open(like, ['apiserver', dryRun ? 'All' : '', group, resource, scope, subresource, verb, version]);
      this.#series.set(key, series);
    }
    series.byCode.set(status, (series.byCode.get(status) ?? 0) + 1);
    const { terminated, served, sizes } = series.eitherWay;
    // Turned away to protect the server, and not by an answer of its own, as an eviction's 429 is.
    if (status === 504 || (status === 429 && subresource !== 'eviction'))
      terminated.set(status, (terminated.get(status) ?? 0) + 1);
    if (info.verb === 'watch') return;
    series.durations.observe(seconds);
    // What is only tried is not what the server is measured by.
    if (!dryRun) served.observe(Math.max(0, seconds - waitedSeconds));
    if (bytes !== undefined && (verb === 'GET' || verb === 'LIST')) sizes.observe(bytes);
  }

  #open(like: string, values: readonly string[]): Series {
    let eitherWay = this.#eitherWay.get(like);
    if (!eitherWay) {
      eitherWay = {
        text: formatLabels(
          LABELS.filter((name) => name !== 'dry_run'),
          values.filter((_, i) => i !== LABELS.indexOf('dry_run')),
        ),
        terminated: new Map(),
        served: new Distribution(SERVED_BOUNDS),
        sizes: new Distribution(SIZE_BOUNDS),
      };
      this.#eitherWay.set(like, eitherWay);
    }
    return { text: formatLabels(LABELS, values), byCode: new Map(), durations: new Distribution(DURATION_BOUNDS), eitherWay };
  }

  render(): string {
    const all = [...this.#series.values()];
    const eitherWay = [...this.#eitherWay.values()];
    const histogram = <T extends { text: string }>(
      name: string,
      help: string,
      series: readonly T[],
      of: (one: T) => Distribution,
    ) => header(name, help, 'histogram') + series.map((one) => (of(one).count ? of(one).render(name, one.text) : '')).join('');
    const total = 'apiserver_request_total';
    const terminations = 'apiserver_request_terminations_total';
    return [
      header(
        total,
        'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
        'counter',
      ),
      ...all.flatMap(({ text, byCode }) => [...byCode].map(([code, n]) => `${total}{code="${code}",${text}} ${n}\n`)),
      histogram(
        'apiserver_request_duration_seconds',
        'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
        all,
        ({ durations }) => durations,
      ),
      histogram(
        'apiserver_request_sli_duration_seconds',
        'Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds for each verb, group, version, resource, subresource, scope and component.',
        eitherWay,
        ({ served }) => served,
      ),
      header(terminations, 'Number of requests which apiserver terminated in self-defense.', 'counter'),
      ...eitherWay.flatMap(({ text, terminated }) =>
        [...terminated].map(([code, n]) => `${terminations}{code="${code}",${text}} ${n}\n`),
      ),
      histogram(
        'apiserver_response_sizes',
        'Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.',
        eitherWay,
        ({ sizes }) => sizes,
      ),
    ].join('');
  }
}

export const NOWHERE = { group: '', resource: '', subresource: '', version: '' };

/** Upstream's CleanScope: whether a request is about one object, a namespace or the cluster. */
export function scopeOf({ name, namespace, isResourceRequest, verb }: RequestInfo): string {
  if (!isResourceRequest) return '';
  if (name !== '' || verb === 'create') return 'resource';
  return namespace !== '' ? 'namespace' : 'cluster';
}
