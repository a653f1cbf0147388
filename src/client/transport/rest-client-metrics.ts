import { Counter, Histogram, type Metric } from '../../std/metric.ts';
import type { Transport } from './transport.ts';

/** What client-go counts of a component's requests to the API server (component-base/metrics/prometheus/restclient). */
export class RestClientMetrics implements Metric {
  readonly #requests = new Counter(
    'rest_client_requests_total',
    'Number of HTTP requests, partitioned by status code, method, and host.',
    ['code', 'host', 'method'],
  );
  readonly #seconds = new Histogram(
    'rest_client_request_duration_seconds',
    'Request latency in seconds. Broken down by verb, and host.',
    ['host', 'verb'],
    [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
  );

  /** A transport whose requests are counted; `<error>` is the code of those without an answer. */
  counting(transport: Transport, server: string): Transport {
    const { host } = new URL(server);
    const count = (code: string, method: string, startMs: number) => {
      this.#requests.increment(code, host, method);
      this.#seconds.observe((performance.now() - startMs) / 1000, host, method);
    };
    return {
      close: (how) => transport.close(how),
      request: async (request) => {
        const startMs = performance.now();
        try {
          const response = await transport.request(request);
          count(String(response.status), request.method, startMs);
          return response;
        } catch (error) {
          count('<error>', request.method, startMs);
          throw error;
        }
      },
    };
  }

  render(): string {
    return this.#requests.render() + this.#seconds.render();
  }
}
