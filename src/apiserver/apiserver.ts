import { allKinds } from '../api/all-kinds.ts';
import { serviceKind } from '../api/core/v1/service.ts';
import { deferred } from '../std/lifecycle.ts';
import { TurnGate } from '../std/turn-gate.ts';
import { openAggregation } from './aggregation/open-aggregation.ts';
import type { ApiServer, ApiServerConfig } from './configuration.ts';
import type { RequestInfo, UserInfo } from './contracts.ts';
import { openCustomResources } from './customresources/open-custom-resources.ts';
import { chooseAdvertiseAddress, ensureDefaultObjects } from './default-objects.ts';
import { discoveryPaths } from './discovery/discovery-documents.ts';
import { createMaxInFlightFilter, type InFlightCounts } from './filters/max-in-flight.ts';
import { RunningRequests } from './filters/running-requests.ts';
import { openFlowControl } from './flowcontrol/open-flow-control.ts';
import { DoneCheck } from './health/health-checks.ts';
import { createInProcessTransport } from './in-process-transport.ts';
import { keepObjects } from './kept-objects/keep-objects.ts';
import { ChangingKinds, derivedFrom } from './kinds/kind-registry.ts';
import { kindVersions } from './kinds/kind-versions.ts';
import { kindsServed } from './kinds/runtime-config.ts';
import { createLazyOpenApi } from './lazy-openapi.ts';
import { openListener } from './listener/listener.ts';
import { AccessMetrics } from './metrics/access-metrics.ts';
import { AdmissionMetrics } from './metrics/admission-metrics.ts';
import { ConversionMetrics } from './metrics/conversion-metrics.ts';
import { ImpersonationMetrics } from './metrics/impersonation-metrics.ts';
import { openMetrics } from './metrics/open-metrics.ts';
import { createNonResourcePaths } from './non-resource-paths.ts';
import { openOutside } from './outside-security/open-outside.ts';
import { createPathRouter } from './path-router.ts';
import { openPresence } from './peers/presence.ts';
import { BackendAgents } from './proxying/backend-agents.ts';
import { wantsConnection } from './request/wants-connection.ts';
import { createRequestChains } from './request-chains.ts';
import { type Authorities, createSecurity, type Security } from './security.ts';
import { parseAddressRanges } from './services/address-range.ts';
import { openServices } from './services/open-services.ts';
import { DEFAULT_NODE_PORTS, PortRange } from './services/port-range.ts';
import { ServiceClaims } from './services/service-claims.ts';
import { ObjectStore } from './store-access/object-store.ts';
import { openStorage } from './store-access/open-storage.ts';
import { createActionHandlers } from './subresources/action-handlers.ts';
import { createResourceRouter } from './verbs/resource-router.ts';
import { createObjectReader, createObjectWriter } from './verbs/server-objects.ts';
import { ObjectWrites } from './verbs/write-object.ts';
import { WatchCache } from './watch-cache/watch-cache.ts';

export type { ApiServer, ApiServerConfig, CertificatePair, KubeletAccess } from './configuration.ts';

/**
 * Opens the API on a port and resolves when `/readyz` is ok. A request goes
 *
 *     listener or in-process transport ─► serve (info, failures, time) ─► authentication ─► audit ─► impersonation ─► flow control
 *       ─► authorization ─► extension servers, or resource router ─► verb ─► admission, validation ─► object store
 *                                                     reads ─► watch cache ◄─ watch ─ store
 *
 * @throws CodedError for a port that is taken, a broken certificate, or what the security flags get wrong
 */
export async function startApiServer(config: ApiServerConfig): Promise<ApiServer> {
  const { clock, logger, random, egress = {} } = config;
  const startMs = clock.now();
  const builtIn = await kindsServed(config.kinds ?? allKinds, config.runtimeConfig);
  const kinds = new ChangingKinds(builtIn);
  const { keyspace, store, storeMetrics, encryption } = await openStorage(config, builtIn);
  const cache = new WatchCache({ store, keyspace, kinds: builtIn, clock, logger, random });
  const addressRanges = parseAddressRanges(config.serviceClusterIpRange);
  const portRange = new PortRange(config.serviceNodePortRange ?? DEFAULT_NODE_PORTS);
  const audit =
    config.audit &&
    (await (await import('./audit/open-audit.ts')).openAudit(config.audit, { clock, logger, random, dial: egress.controlPlane }));
  await cache.start();

  let security: Security | undefined;
  const access = new AccessMetrics(clock);
  const admissionMetrics = new AdmissionMetrics();
  const conversionMetrics = new ConversionMetrics();
  const impersonationMetrics = new ImpersonationMetrics();
  const admission = access.timeAdmission(() => security!.admission);
  const { eventTtlSeconds } = config;
  const serviceClaims = new ServiceClaims(keyspace.prefix, clock);
  const claims = new Map([[serviceKind.storagePath, serviceClaims.of]]);
  const isStale = encryption?.forms.isStale;
  const objects = new ObjectStore({ store, keyspace, cache, clock, eventTtlSeconds, claims, ...(isStale && { isStale }) });
  const reader = createObjectReader(cache, keyspace);
  const services = openServices({
    kinds: builtIn,
    addressRanges,
    portRange,
    claims: serviceClaims,
    store,
    keyspace,
    reader,
    logger,
    random,
  });
  const writes = new ObjectWrites({
    ...{ objects, admission, clock, random, beginAllotment: services.begin },
    versionsOf: (kind) => kindVersions(kinds, kind),
  });
  const writer = createObjectWriter(writes);
  const composeSecurity = config.composeSecurity ?? createSecurity;
  const { frontProxy } = config.security;
  const { clientCaPem } = config;
  const trust = { ...(clientCaPem !== undefined && { clientCaPem }), ...(frontProxy && { frontProxy }) };
  const outside =
    config.security.outside && (await openOutside(config.security, { clock, logger, random, dial: egress.controlPlane }));
  security = composeSecurity(
    { ...config.security, ...trust },
    {
      ...(outside && { outside }),
      admissionMetrics,
      impersonationMetrics,
      decisions: access,
      tokenObserver: access,
      reader,
      writer,
      kinds,
      clock,
      logger,
      random,
      egress,
    },
  );

  const inFlight: InFlightCounts = { readOnly: 0, mutating: 0, waiting: { readOnly: 0, mutating: 0 } };
  const running = new RunningRequests(clock, config.requestTimeoutMs ?? 60_000);
  const agents = new BackendAgents();
  const bootstrapped = new DoneCheck('poststarthook/rbac/bootstrap-roles');
  const defaultsMade = new DoneCheck('poststarthook/start-system-namespaces-controller');
  const stored = ({ group, version, resource }: RequestInfo) => {
    const kind = kinds.byResource(group, version, resource);
    if (kind?.storage !== 'stored') return undefined;
    const { objects } = cache.kind(kind);
    return { count: objects.size, averageBytes: objects.averageBytes() };
  };
  const metrics = openMetrics({ kinds, cache, inFlight, startMs, features: config.features ?? [] }, [
    storeMetrics,
    access,
    admissionMetrics,
    conversionMetrics,
    impersonationMetrics,
    ...(outside?.metrics ?? []),
    ...(encryption?.metrics ?? []),
    ...(audit ? [audit.metrics] : []),
    ...(config.moreMetrics ?? []),
  ]);

  const seats = { readOnly: config.maxRequestsInflight ?? 400, mutating: config.maxMutatingRequestsInflight ?? 200 };
  const totalSeats = seats.readOnly + seats.mutating;
  const flowControl =
    (config.priorityAndFairness ?? true) && totalSeats > 0
      ? openFlowControl(
          { totalSeats, requestTimeoutMs: config.requestTimeoutMs ?? 60_000 },
          { kinds, reader, writer, clock, logger, counts: inFlight, stored },
        )
      : undefined;
  if (flowControl) metrics.include(flowControl.metrics);

  let advertised = '';
  const aggregation = openAggregation(
    { ...trust, aggregation: { ...config.aggregation, ...(egress.cluster && { dial: egress.cluster }) } },
    { builtIn, kinds, reader, writer, clock, logger, random, ownAddress: () => advertised },
  );
  metrics.include(aggregation.metrics);
  const customResources = openCustomResources({
    ...{ kinds, cache, reader, writer, objects, writes },
    clock,
    logger,
    random,
    egress,
    conversionMetrics,
  });
  const resources = createResourceRouter(
    kinds,
    [
      ...security.actionHandlers,
      ...createActionHandlers(
        {
          kinds: builtIn,
          store,
          objects,
          reader,
          writer,
          writes,
          admission,
          authorizer: security.authorizer,
          clock,
          random,
          kubelet: config.kubelet ?? {},
          dial: egress.cluster,
          agents,
        },
        config.componentProbes,
      ),
    ],
    {
      store,
      keyspace,
      cache,
      objects,
      ...(encryption && { storedForms: encryption.forms }),
      writes,
      admission,
      authorizer: security.authorizer,
      clock,
      logger,
      random,
      minRequestTimeoutMs: config.minRequestTimeoutMs ?? 1_800_000,
      watchEvents: (kind) => metrics.watchEvents(kind),
      noteWatchList: (info, seconds) => metrics.noteWatchList(info, seconds),
      noteDeprecated: (kind, subresource) => metrics.noteDeprecated(kind, subresource),
    },
    customResources.action,
  );
  const paths = createPathRouter(
    createNonResourcePaths({
      kinds,
      store,
      metrics,
      logger,
      readyChecks: [
        bootstrapped,
        defaultsMade,
        aggregation.readyCheck,
        ...(flowControl ? [flowControl.readyCheck] : []),
        ...(encryption?.checks ?? []),
      ],
      isStopping: () => running.stopping,
      process: { startMs, now: () => clock.now(), ...(config.flags && { flags: config.flags }) },
      serverAddress: () => advertised,
      openApi: createLazyOpenApi(kinds, clock),
      more: new Map([...security.paths, ...(flowControl?.paths ?? [])]),
    }),
    derivedFrom(kinds, discoveryPaths),
  );
  const route = aggregation.around((context, response) =>
    context.info.isResourceRequest ? resources(context, response) : paths(context, response),
  );

  const limits = flowControl?.filter ?? createMaxInFlightFilter(seats, inFlight);
  const { strictTransportSecurity, goawayChance, keepsAnonymousConnections, shutdownSendRetryAfter, allowsOrigin } = config;
  const { serve, serveInProcess } = createRequestChains({
    ...{ kinds, security, audit, limits, access, metrics, running, logger, random, route },
    ...{ strictTransportSecurity, goawayChance, keepsAnonymousConnections, shutdownSendRetryAfter, allowsOrigin },
  });
  const turnGate = new TurnGate();

  const currentTls = () => (typeof config.tls === 'function' ? config.tls() : config.tls);
  const { bindAddress, tlsMinVersion, tlsCiphers, http2MaxStreams, disableHttp2, sharesPort } = config;
  let authorities: Authorities = {
    ...(clientCaPem !== undefined && { clientCaPem }),
    ...(frontProxy && { frontProxyCaPem: frontProxy.caPem }),
  };
  // A certificate of either kind is verified by TLS; whose word it is, is looked at behind it.
  const bothOf = ({ clientCaPem, frontProxyCaPem }: Authorities) =>
    [clientCaPem, frontProxyCaPem].filter((pem) => pem !== undefined).join('\n');
  const clientAuthorities = bothOf(authorities);
  let keptObjects: { stop(): void } | undefined;
  const cleanUp = async () => {
    security?.close();
    keptObjects?.stop();
    services.close();
    customResources.stop();
    cache.stop();
    flowControl?.close();
    await outside?.close();
    await aggregation.close();
    encryption?.close();
    await audit?.close();
    agents.close();
  };
  const listener = await openListener({
    bindAddress,
    port: config.port,
    ...(config.clusterAddress && { moreAddresses: [config.clusterAddress] }),
    tls: currentTls(),
    ...(config.namedTls && { namedTls: config.namedTls() }),
    ...(tlsMinVersion && { tlsMinVersion }),
    ...(tlsCiphers && { tlsCiphers }),
    ...(http2MaxStreams && { http2MaxStreams }),
    ...(disableHttp2 && { disableHttp2 }),
    ...(sharesPort && { sharesPort }),
    ...(clientAuthorities && { clientCaPem: clientAuthorities, clock }),
    wantsUpgrade: (path) => wantsConnection(path) || aggregation.wantsUpgrade(path),
    logger,
    serve,
  }).catch(async (error) => {
    await cleanUp();
    throw error;
  });
  const advertiseAddress = config.advertiseAddress ?? chooseAdvertiseAddress(bindAddress);
  advertised = `${hostOf(advertiseAddress)}:${listener.port}`;

  const presence = openPresence({
    ...{ kinds: builtIn, reader, writer, clock, logger, store, port: listener.port },
    prefix: keyspace.prefix,
    address: config.clusterAddress ?? advertiseAddress,
    peers: config.peers,
  });

  const done = deferred();
  // As etcd ends: whoever looks after this process starts it again, and with it the store is opened again.
  void config.store.failed?.then((error) => done.reject(error));
  done.promise.catch(() => undefined); // told to who looks
  let stopping: Promise<void> | undefined;
  const stop = async () => {
    logger.info('Shutting down the API server', { running: running.count });
    running.announceStop();
    const { shutdownDelayMs = 0, shutdownWatchTerminationMs = 0 } = config;
    await Promise.all([presence.stop(), shutdownDelayMs > 0 && clock.sleep(shutdownDelayMs)]);
    if (!shutdownSendRetryAfter) listener.close();
    const drained = running.drain(config.shutdownTimeoutMs ?? 10_000, shutdownWatchTerminationMs);
    if (shutdownWatchTerminationMs === 0) cache.closeWatchers();
    await drained;
    if (shutdownSendRetryAfter) listener.close();
    await listener.destroy();
    await cleanUp();
    done.resolve();
  };
  const { serviceClusterIpRange } = config;
  try {
    await Promise.all([
      security.postStart().then(() => bootstrapped.done()),
      flowControl?.start(),
      services.repair(),
      customResources.start(),
      ensureDefaultObjects({ kinds: builtIn, reader, writer, serviceClusterIpRange, port: listener.port })
        .then(() => presence.start())
        .then(() => {
          defaultsMade.done();
          return aggregation.start();
        }),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  keptObjects = keepObjects({ kinds: builtIn, reader, writer, clock, logger, serviceClusterIpRange });
  logger.info('Serving securely', { address: `${hostOf(bindAddress)}:${listener.port}` });
  return {
    url: `https://${hostOf(advertiseAddress)}:${listener.port}`,
    port: listener.port,
    transport: (user: UserInfo) =>
      createInProcessTransport((who) => (request, response) => serveInProcess(request, response, who), user, turnGate),
    reloadCertificates: () => listener.setCertificates(currentTls(), config.namedTls?.()),
    async changeAuthorities(changed) {
      security?.changeAuthorities?.(changed);
      authorities = { ...authorities, ...changed };
      listener.setClientAuthorities(bothOf(authorities));
      await aggregation.changeAuthorities(authorities.clientCaPem, authorities.frontProxyCaPem);
    },
    done: done.promise,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

const hostOf = (address: string) => (address.includes(':') ? `[${address}]` : address);
