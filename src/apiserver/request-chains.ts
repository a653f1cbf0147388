import type { KindDefinition } from '../api/machinery/kind.ts';
import type { Logger } from '../std/logger.ts';
import type { Audit } from './audit/open-audit.ts';
import type { Filter, Handler, RequestInfo } from './contracts.ts';
import { createBadCertificateFilter } from './filters/bad-certificate.ts';
import { compose } from './filters/compose.ts';
import { createCorsFilter } from './filters/cors.ts';
import { createGoawayFilter, leaveUnlessAuthenticated } from './filters/leave-connection.ts';
import type { RunningRequests } from './filters/running-requests.ts';
import type { KindRegistry } from './kinds/kind-registry.ts';
import type { AccessMetrics } from './metrics/access-metrics.ts';
import type { ServerMetrics } from './metrics/server-metrics.ts';
import type { Security } from './security.ts';
import { createServe } from './serve.ts';

export interface RequestChainParts {
  readonly kinds: KindRegistry;
  readonly security: Pick<Security, 'filters'>;
  readonly audit: Audit | undefined;
  /** How many requests run at a time. */
  readonly limits: Filter;
  readonly access: AccessMetrics;
  readonly metrics: ServerMetrics;
  readonly running: RunningRequests;
  readonly logger: Logger;
  readonly strictTransportSecurity?: string | undefined;
  readonly shutdownSendRetryAfter?: boolean | undefined;
  readonly random: () => number;
  /** Whether pages of an origin may ask from a browser. */
  readonly allowsOrigin?: ((origin: string) => boolean) | undefined;
  /** How often a client of HTTP/2 is sent to another connection: 0 to 1. */
  readonly goawayChance?: number | undefined;
  /** Whether those who do not say who they are may ask more than once on a connection of HTTP/2. */
  readonly keepsAnonymousConnections?: boolean | undefined;
  /** What all filters lead to. */
  readonly route: Handler;
}

/** The way of a request through all filters: of one that came over a connection, and of one of this process, whose user is known. */
export function createRequestChains(parts: RequestChainParts) {
  const {
    kinds,
    security,
    audit,
    limits,
    access,
    metrics,
    running,
    logger,
    strictTransportSecurity,
    shutdownSendRetryAfter,
    route,
  } = parts;
  const { impersonation, authorization } = security.filters;
  const { goawayChance = 0, keepsAnonymousConnections = false, random, allowsOrigin } = parts;
  const known = access.watchAuthentication(security.filters.authentication);
  const authentication = keepsAnonymousConnections ? known : leaveUnlessAuthenticated(known);
  const inner: Filter[] = [...(audit ? [audit.filters.requests] : []), impersonation, limits, authorization];
  const outer: Filter[] = [
    ...(goawayChance > 0 ? [createGoawayFilter(goawayChance, random)] : []),
    ...(allowsOrigin ? [createCorsFilter(allowsOrigin)] : []),
    ...(audit ? [audit.filters.failedAuthentication] : []),
    authentication,
    createBadCertificateFilter(logger),
    ...inner,
  ];
  const isKnown = (info: RequestInfo) => isServed(kinds.byResource(info.group, info.version, info.resource), info.subresource);
  const shared = { running, metrics, isKnown, logger, strictTransportSecurity, shutdownSendRetryAfter };
  return {
    serve: createServe({ ...shared, chain: compose(outer, route) }),
    serveInProcess: createServe({ ...shared, chain: compose(inner, route) }),
  };
}

/** Whether it is one of a kind's paths: every name that a client can make up would be a series of its own. */
const isServed = (kind: KindDefinition | undefined, subresource: string): boolean =>
  kind !== undefined && (subresource === '' || [...kind.parts, ...kind.actions].some(({ name }) => name === subresource));
