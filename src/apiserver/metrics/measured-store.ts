import { Counter, Histogram, type Metric } from '../../std/metric.ts';
import type { Store, Write } from '../../store/store.ts';
import { wrapStore } from '../../store/wrap-store.ts';

const BOUNDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** How long the store takes, under the names that upstream gives etcd's times. */
export class StoreMetrics implements Metric {
  readonly #durations = new Histogram(
    'etcd_request_duration_seconds',
    'Etcd request latency in seconds for each operation and object type.',
    ['group', 'operation', 'resource'],
    BOUNDS,
  );
  readonly #requests = new Counter('etcd_requests_total', 'Etcd request counts for each operation and object type.', [
    'group',
    'operation',
    'resource',
  ]);
  readonly #errors = new Counter('etcd_request_errors_total', 'Etcd failed request counts for each operation and object type.', [
    'group',
    'operation',
    'resource',
  ]);

  note(operation: string, { group, resource }: KindName, seconds: number): void {
    this.#durations.observe(seconds, group, operation, resource);
    this.#requests.increment(group, operation, resource);
  }

  failed(operation: string, { group, resource }: KindName): void {
    this.#errors.increment(group, operation, resource);
  }

  render(): string {
    return [this.#durations, this.#requests, this.#errors].map((metric) => metric.render()).join('');
  }
}

interface KindName {
  readonly group: string;
  readonly resource: string;
}

const NOTHING: KindName = { group: '', resource: '' };

/** A store whose requests are timed. `kindOf` says what a key, or a prefix, belongs to. */
export function measureStore(inner: Store, metrics: StoreMetrics, kindOf: (key: string) => KindName | undefined): Store {
  const timed = async <T>(operation: string, key: string, call: () => Promise<T>): Promise<T> => {
    const kind = kindOf(key) ?? NOTHING;
    const startMs = performance.now();
    try {
      return await call();
    } catch (error) {
      metrics.failed(operation, kind);
      throw error;
    } finally {
      metrics.note(operation, kind, (performance.now() - startMs) / 1000);
    }
  };
  return wrapStore(inner, {
    get: (key) => timed('get', key, () => inner.get(key)),
    list: (prefix, options) => timed('list', prefix, () => inner.list(prefix, options)),
    count: (prefix) => timed('count', prefix, () => inner.count(prefix)),
    transact: (compares, writes) => {
      const [first] = writes;
      if (!first) return inner.transact(compares, writes);
      return timed(operationOf(first, compares[0]?.modRevision), first.key, () => inner.transact(compares, writes));
    },
  });
}

function operationOf(write: Write, comparedTo: number | undefined): string {
  if (write.type === 'delete') return 'delete';
  return comparedTo === 0 ? 'create' : 'update';
}
