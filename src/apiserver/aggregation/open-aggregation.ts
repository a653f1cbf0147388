import { apiServiceKind } from '../../api/apiregistration/v1/api-service.ts';
import type { V1APIService } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { Counter, Gauge, type Metric } from '../../std/metric.ts';
import { type FrontProxyConfig, frontProxyHeaders } from '../authentication/front-proxy.ts';
import type { Handler } from '../contracts.ts';
import { DoneCheck, type HealthCheck } from '../health/health-checks.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import type { AggregationConfig, AggregationDeps } from './aggregation.ts';
import { authenticationData, keepAuthenticationConfigMap } from './authentication-config-map.ts';
import { isAvailable } from './is-available.ts';
import { createLazyAggregation } from './lazy-aggregation.ts';
import { startAutoregister } from './local-api-services.ts';
import { keepLocalAvailable } from './local-availability.ts';

export interface OpenAggregationConfig {
  readonly aggregation?: AggregationConfig;
  readonly clientCaPem?: string;
  readonly frontProxy?: FrontProxyConfig;
}

export interface OpenAggregationDeps extends Omit<AggregationDeps, 'isFrontProxyHeader'> {
  readonly builtIn: readonly KindDefinition[];
  readonly kinds: KindRegistry;
}

/** The server's part in a cluster of API servers: what it registers of itself, and what it hands on to others. */
export interface OpenAggregation {
  readonly readyCheck: HealthCheck;
  readonly metrics: Metric;
  around(next: Handler): Handler;
  wantsUpgrade(path: string): boolean;
  /** Registers what is served here and tells extension servers whom to believe; after the namespaces are there. */
  start(): Promise<void>;
  /** Tells extension servers of other authorities than before. */
  changeAuthorities(clientCaPem: string | undefined, frontProxyCaPem: string | undefined): Promise<void>;
  close(): Promise<void>;
}

/** Everything about APIServices. Where that kind is not served there are none, and nothing is done. */
export function openAggregation(config: OpenAggregationConfig, deps: OpenAggregationDeps): OpenAggregation {
  const { clientCaPem, frontProxy } = config;
  const registered = new DoneCheck('autoregister-completion');
  const served = deps.kinds.byKind(apiServiceKind.group, apiServiceKind.version, apiServiceKind.kind) !== undefined;
  const isFrontProxyHeader = frontProxyHeaders(frontProxy);
  const aggregation = served ? createLazyAggregation(config.aggregation ?? {}, { ...deps, isFrontProxyHeader }) : undefined;
  const parts: { close(): void }[] = [];
  let trust: { close(): void } | undefined;
  const tell = async (data: Readonly<Record<string, string>>) => {
    trust?.close();
    if (Object.keys(data).length === 0) return;
    const kept = keepAuthenticationConfigMap(data, deps);
    trust = kept;
    await kept.written;
  };
  const turnedUnavailable = new Counter(
    'aggregator_unavailable_apiservice_total',
    'Counter of APIServices which are marked as unavailable broken down by APIService name and reason.',
    ['name', 'reason'],
  );
  if (served) {
    const close = deps.reader.subscribe(apiServiceKind, ({ object, previous }) => {
      const condition = object && unavailable(object as V1APIService);
      if (condition && !(previous && unavailable(previous as V1APIService)))
        turnedUnavailable.increment(object.metadata.name ?? '', condition.reason ?? '');
    });
    parts.push({ close });
  }
  return {
    readyCheck: registered,
    metrics: bothOf(
      turnedUnavailable,
      new Gauge(
        'aggregator_unavailable_apiservice',
        'Gauge of APIServices which are marked as unavailable broken down by APIService name.',
        ['name'],
        () =>
          served
            ? (deps.reader.list(apiServiceKind) as readonly V1APIService[]).map(
                (service) => [[service.metadata?.name ?? ''], isAvailable(service) ? 0 : 1] as const,
              )
            : [],
      ),
    ),
    wantsUpgrade: (path) => aggregation?.wantsUpgrade(path) ?? false,
    around: (next) => aggregation?.around(next) ?? next,
    async start() {
      if (served) {
        const autoregister = startAutoregister(deps);
        parts.push(autoregister, keepLocalAvailable(deps));
        await autoregister.done();
      }
      registered.done();
      await tell(authenticationData(clientCaPem, frontProxy));
    },
    changeAuthorities: (clients, proxies = frontProxy?.caPem ?? '') =>
      tell(authenticationData(clients ?? clientCaPem, frontProxy && { ...frontProxy, caPem: proxies })),
    async close() {
      trust?.close();
      for (const part of parts) part.close();
      await aggregation?.close();
    },
  };
}

const bothOf = (...metrics: readonly Metric[]): Metric => ({ render: () => metrics.map((metric) => metric.render()).join('') });

/** What says that it is not available. */
const unavailable = ({ status }: V1APIService) =>
  status?.conditions?.find(({ type, status: is }) => type === 'Available' && is === 'False');
