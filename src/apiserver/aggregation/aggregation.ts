import { apiServiceKind } from '../../api/apiregistration/v1/api-service.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type { V1APIService } from '../../api/gen/types.ts';
import { serviceUnavailable } from '../../api/machinery/status-error.ts';
import type { Dial } from '../../client/transport/https.ts';
import type { Clock, Timer } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import { WorkQueue } from '../../std/work-queue.ts';
import type { CertificatePair } from '../configuration.ts';
import type { Handler, ObjectReader, ObjectWriter, RequestContext, ServerResponse } from '../contracts.ts';
import { type AvailabilityDeps, type ResourceListDocument, referenceOf, updateAvailability } from './availability.ts';
import { ExtensionConnections } from './extension-connections.ts';
import { ExtensionDocuments, sendConverted } from './extension-documents.ts';
import { isAvailable } from './is-available.ts';
import type { ExtensionVersion } from './merge-discovery.ts';
import { MergedSwagger } from './merged-swagger.ts';
import { proxyRequest } from './proxy.ts';
import { serveMergedDocuments } from './serve-merged.ts';
import { createServiceResolver, UnresolvedService } from './service-resolver.ts';

export interface AggregationConfig {
  /** `--proxy-client-cert-file` and `--proxy-client-key-file`. */
  readonly proxyClient?: CertificatePair | (() => CertificatePair);
  /** `--enable-aggregator-routing`. Default false. */
  readonly routeToEndpoints?: boolean;
  /** `--aggregator-reject-forwarding-redirect`. Default true. */
  readonly rejectRedirects?: boolean;
  /** Makes connections to extension servers. Default: they are made directly. */
  readonly dial?: Dial;
}

export interface AggregationDeps {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly ownAddress: () => string;
  readonly isFrontProxyHeader: (name: string) => boolean;
}

export interface Aggregation {
  /** Answers what extension servers have a part in, and hands everything else on. */
  around(next: Handler): Handler;
  /** Whether a request below a path may go on as another protocol: an extension server's matter alone. */
  wantsUpgrade(path: string): boolean;
  close(): Promise<void>;
}

type ProxyUpgrade = typeof import('./proxy-upgrade.ts').proxyUpgrade;

/** As upstream, a server is asked again after so long although nothing changed. */
const RECHECK_MS = 30_000;
/** So many are asked at a time, as upstream: one that hangs does not keep the others waiting. */
const CHECKERS = 5;

/**
 * Sends requests for group versions that an APIService gives to an extension server there, keeps watch over those servers, and puts what
 * they serve into discovery and OpenAPI. While there is no such APIService a request costs one comparison.
 */
export function startAggregation(config: AggregationConfig, deps: AggregationDeps): Aggregation {
  const { reader, clock, logger, random } = deps;
  const { proxyClient } = config;
  const client = () => (typeof proxyClient === 'function' ? proxyClient() : proxyClient);
  const connections = new ExtensionConnections(client, config.dial);
  const resolve = createServiceResolver(reader, {
    toEndpoints: config.routeToEndpoints ?? false,
    random,
    ownAddress: deps.ownAddress,
  });
  const availability: AvailabilityDeps = { ...deps, resolve, connections };
  /** By `group/version`. */
  const remote = new Map<string, V1APIService>();
  const documents = new Map<string, ResourceListDocument>();
  const queue = new WorkQueue<string>({ clock });
  const openApi = new ExtensionDocuments({ connections, resolve, clock });
  const swagger = new MergedSwagger();
  let recheck: Timer | undefined;

  const note = (service: V1APIService, gone: boolean) => {
    const id = `${service.spec?.group}/${service.spec?.version}`;
    const name = service.metadata?.name ?? '';
    if (gone || !service.spec?.service) {
      remote.delete(id);
      documents.delete(name);
    } else {
      const before = remote.get(id);
      remote.set(id, service);
      if (JSON.stringify(before?.spec) !== JSON.stringify(service.spec)) queue.add(name);
    }
    if (remote.size && !recheck) scheduleRecheck();
  };
  const scheduleRecheck = () => {
    recheck = clock.setTimer(RECHECK_MS, () => {
      recheck = undefined;
      for (const { metadata } of remote.values()) queue.add(metadata?.name ?? '');
      if (remote.size) scheduleRecheck();
    });
  };
  /** A Service, or the endpoints behind one, changed. */
  const noteService = (namespace: string | undefined, name: string | undefined) => {
    for (const service of remote.values()) {
      const reference = referenceOf(service);
      if (reference?.namespace === namespace && reference?.name === name) queue.add(service.metadata?.name ?? '');
    }
  };
  const leave = [
    reader.subscribe(apiServiceKind, ({ object, previous }) => note((object ?? previous) as V1APIService, !object)),
    reader.subscribe(serviceKind, ({ object, previous }) => {
      const { metadata } = (object ?? previous)!;
      if (remote.size) noteService(metadata.namespace, metadata.name);
    }),
    reader.subscribe(endpointSliceKind, ({ object, previous }) => {
      const { metadata } = (object ?? previous)!;
      if (remote.size) noteService(metadata.namespace, metadata.labels?.['kubernetes.io/service-name']);
    }),
  ];
  for (const service of reader.list(apiServiceKind)) note(service as V1APIService, false);

  const work = async () => {
    for (;;) {
      const name = await queue.take();
      if (name === undefined) return;
      try {
        const document = await updateAvailability(name, availability);
        if (document) documents.set(name, document);
        queue.forget(name);
      } catch (error) {
        logger.error('cannot check an APIService', { name, error });
        queue.retry(name);
      } finally {
        queue.done(name);
      }
    }
  };
  const workers = Array.from({ length: CHECKERS }, work);

  const serverOf = (service: V1APIService): { readonly url: string } => {
    try {
      return { url: resolve(referenceOf(service)!) };
    } catch (error) {
      if (error instanceof UnresolvedService) throw serviceUnavailable('service unavailable');
      throw error;
    }
  };
  const proxy = (service: V1APIService, context: RequestContext, response: ServerResponse): Promise<void> => {
    if (!isAvailable(service)) throw serviceUnavailable('service unavailable');
    const { url } = serverOf(service);
    const { isFrontProxyHeader } = deps;
    if (context.request.takeOver)
      return upgrade({ url, spec: service.spec!, client: client(), dial: config.dial, isFrontProxyHeader }, context, response);
    const transport = connections.to(url, service.spec!);
    context.begun?.();
    return proxyRequest({ transport, service }, context, response, {
      rejectRedirects: config.rejectRedirects ?? true,
      isFrontProxyHeader,
    });
  };
  const openApiOf = async (service: V1APIService, context: RequestContext, response: ServerResponse): Promise<void> => {
    const converted = await openApi.converted(service);
    if (converted) sendConverted(context.request, response, converted);
    else await proxy(service, context, response);
  };
  const extensions = (): ExtensionVersion[] =>
    [...remote.values()].map((service) => ({
      service,
      document: documents.get(service.metadata?.name ?? ''),
      available: isAvailable(service),
    }));

  const upgrade = async (...request: Parameters<ProxyUpgrade>) => (await import('./proxy-upgrade.ts')).proxyUpgrade(...request);

  return {
    wantsUpgrade: (path) => {
      const id = remote.size === 0 ? undefined : groupVersionOf(path);
      return id !== undefined && remote.has(id);
    },
    around: (next) => (context, response) => {
      if (remote.size === 0) return next(context, response);
      const id = groupVersionOf(context.request.path);
      const service = id === undefined ? undefined : remote.get(id);
      if (service && context.request.path.startsWith('/openapi/')) return openApiOf(service, context, response);
      if (service) return proxy(service, context, response);
      return serveMergedDocuments({ extensions, remote, documents: openApi, swagger }, next, context, response);
    },
    async close() {
      for (const end of leave) end();
      recheck?.cancel();
      queue.close();
      await connections.close();
      await Promise.all(workers);
    },
  };
}

/** `group/version` of a path below it: `/apis/{group}/{version}/…`, and the same behind `/openapi/v3`. */
function groupVersionOf(path: string): string | undefined {
  const match = /^(?:\/openapi\/v3)?\/apis\/([^/]+)\/([^/]+)/.exec(path);
  return match ? `${match[1]}/${match[2]}` : undefined;
}
