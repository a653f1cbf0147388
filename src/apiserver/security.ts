import { createTokenSigner, createTokenVerifier, type TokenVerifier } from '../pki/service-account-token.ts';
import type { Clock } from '../std/clock.ts';
import type { Logger } from '../std/logger.ts';
import { composeAdmission } from './admission/compose-admission.ts';
import type { AdmissionConfiguration } from './admission/configuration/admission-configuration.ts';
import { ensureSystemPriorityClasses } from './admission/system-priority-classes.ts';
import { createAuthenticationFilter } from './authentication/authentication-filter.ts';
import {
  createBearerTokenAuthenticator,
  createUnionTokenAuthenticator,
  withImplicitAudiences,
} from './authentication/bearer-token.ts';
import { createBootstrapTokenAuthenticator } from './authentication/bootstrap-token.ts';
import { createClientCertificateAuthenticator } from './authentication/client-certificate.ts';
import { createFrontProxyAuthenticator, type FrontProxyConfig } from './authentication/front-proxy.ts';
import { createImpersonationFilter, type ImpersonationObserver } from './authentication/impersonation-filter.ts';
import { createChangingIssuedBy, createIssuedBy, type IssuedBy, onlyIssuedBy } from './authentication/issued-by.ts';
import { LegacyTokenUses } from './authentication/legacy-token-uses.ts';
import { createServiceAccountTokenAuthenticator, type TokenObserver } from './authentication/service-account-token.ts';
import { openStaticTokenFile } from './authentication/static-token-file.ts';
import { withSignatureCache } from './authentication/token-claims-cache.ts';
import { createUnionAuthenticator } from './authentication/union-authenticator.ts';
import { createAuthorizationFilter, type DecisionObserver } from './authorization/authorization-filter.ts';
import { reconcileDefaultPolicy } from './authorization/bootstrap-policy/reconcile.ts';
import { composeAuthorizer } from './authorization/compose-authorizer.ts';
import { NodeGraph } from './authorization/node-graph.ts';
import { createRbacAuthorizer } from './authorization/rbac-authorizer.ts';
import type {
  ActionHandler,
  Admission,
  Authenticator,
  Authorizer,
  Filter,
  Handler,
  ObjectReader,
  ObjectWriter,
  TokenAuthenticator,
} from './contracts.ts';
import type { Egress } from './egress/egress.ts';
import type { KindRegistry } from './kinds/kind-registry.ts';
import type { AdmissionMetrics } from './metrics/admission-metrics.ts';
import type { OutsideSecurity, OutsideSecurityConfig } from './outside-security/outside-security.ts';
import { createAccessReviews } from './reviews/access-reviews.ts';
import { createSelfSubjectReview, createTokenReview } from './reviews/identity-reviews.ts';
import { createRulesReview } from './reviews/rules-review.ts';
import { createIssuerDiscovery } from './service-account-tokens/issuer-discovery.ts';
import { createTokenRequest } from './service-account-tokens/token-request.ts';

export type AuthorizationMode = 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny' | 'ABAC' | 'Webhook';

/** Who may come in and what they may do: upstream's flags, parsed. */
export interface SecurityConfig {
  /** `--anonymous-auth`. Default true, as upstream; what an anonymous caller may do is the authorizer's matter. */
  readonly anonymousAuth?: boolean;
  /** Whether client certificates are accepted (`--client-ca-file` was given). Default true. */
  readonly clientCa?: boolean;
  /** The authorities of client certificates, where those of front proxies are others. */
  readonly clientCaPem?: string;
  /** `--requestheader-*`: proxies that may say who asks. */
  readonly frontProxy?: FrontProxyConfig;
  /** Files and servers outside that decide, too; opened by `startApiServer`. */
  readonly outside?: OutsideSecurityConfig;
  /** `--token-auth-file`. */
  readonly tokenAuthFile?: string;
  /** `--enable-bootstrap-token-auth`. Default false. */
  readonly enableBootstrapTokenAuth?: boolean;
  /** `--authorization-mode`, in order. Default AlwaysAllow, as upstream. */
  readonly authorizationModes?: readonly AuthorizationMode[];
  readonly enableAdmissionPlugins?: readonly string[];
  readonly disableAdmissionPlugins?: readonly string[];
  /** `--admission-control` (removed upstream): the whole list of plugins; replaces the default set. */
  readonly admissionControl?: readonly string[];
  /** `--admission-control-config-file`, read. */
  readonly admissionConfiguration?: AdmissionConfiguration;
  /** `--allow-privileged`: whether containers may be privileged. Default true. */
  readonly allowPrivileged?: boolean;
  readonly defaultNotReadyTolerationSeconds?: number;
  readonly defaultUnreachableTolerationSeconds?: number;
  readonly serviceAccount?: ServiceAccountConfig;
  /** Feature gate `LegacyServiceAccountTokenNoAutoGeneration=false`. */
  readonly legacyServiceAccountTokenAutoGeneration?: boolean;
}

export interface ServiceAccountConfig {
  /** `--service-account-issuer`; the first signs, further ones are still accepted (`acceptedIssuers`). */
  readonly issuer: string;
  readonly acceptedIssuers?: readonly string[];
  /** `--api-audiences`; default the issuer. */
  readonly apiAudiences?: readonly string[];
  /** `--service-account-signing-key-file`'s content; without it TokenRequest is not served. */
  readonly signingKeyPem?: string;
  /** `--service-account-key-file`s' contents: public keys, certificates, or private keys whose public half is used. */
  readonly verificationKeyPems: readonly string[];
  /** `--service-account-lookup`. Default true. */
  readonly lookup?: boolean;
  readonly maxTokenExpirationMs?: number;
  /** `--service-account-extend-token-expiration`. */
  readonly extendTokenExpiration?: boolean;
  /** `--service-account-jwks-uri`; default `<issuer>/openid/v1/jwks`. */
  readonly jwksUri?: string;
}

/** Who vouches for clients; what is absent stays as it is. */
export interface Authorities {
  readonly clientCaPem?: string;
  readonly frontProxyCaPem?: string;
}

export interface SecurityDeps {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly kinds: KindRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly egress?: Egress;
  /** What decides besides the server's own parts. */
  readonly outside?: OutsideSecurity;
  readonly admissionMetrics?: AdmissionMetrics;
  readonly impersonationMetrics?: ImpersonationObserver;
  readonly decisions?: DecisionObserver;
  readonly tokenObserver?: TokenObserver;
}

export interface Security {
  readonly authenticator: Authenticator;
  readonly tokenAuthenticator: TokenAuthenticator;
  readonly authorizer: Authorizer;
  readonly admission: Admission;
  /** Reviews and serviceaccounts/token. */
  readonly actionHandlers: readonly ActionHandler[];
  readonly filters: { readonly authentication: Filter; readonly impersonation: Filter; readonly authorization: Filter };
  /** Non-resource paths to route: `/.well-known/openid-configuration` and `/openid/v1/jwks`. Empty without service accounts. */
  readonly paths: ReadonlyMap<string, Handler>;
  /** Reconciles the default RBAC objects and priority classes; idempotent, and writes nothing when all is there. */
  postStart(): Promise<void>;
  /** From now on client certificates count that these authorities have issued, and of front proxies; also on open connections. */
  changeAuthorities?(authorities: Authorities): void;
  /** Ends subscriptions to the reader. */
  close(): void;
}

/** Puts authentication, authorization, admission, reviews and token issuing together. Throws for a wrong flag or a broken file. */
export function createSecurity(config: SecurityConfig, deps: SecurityDeps): Security {
  const { reader, writer, clock, logger } = deps;
  const accounts = config.serviceAccount;
  const apiAudiences = accounts ? (accounts.apiAudiences ?? [accounts.issuer]) : [];
  const verifier = accounts && openVerifier(accounts);
  const tokenAuthenticator = composeTokenAuthenticator(config, deps, { apiAudiences, verifier });
  const proxies = config.frontProxy && createChangingIssuedBy(createIssuedBy(config.frontProxy.caPem));
  const clients = createChangingIssuedBy(ofClients(config));
  const authenticator = createUnionAuthenticator(
    [
      ...(config.frontProxy && proxies ? [createFrontProxyAuthenticator(config.frontProxy, clock, proxies.issuedBy)] : []),
      ...(config.clientCa === false ? [] : [onlyIssuedBy(clients.issuedBy, createClientCertificateAuthenticator(clock))]),
      createBearerTokenAuthenticator(tokenAuthenticator),
    ],
    { anonymous: deps.outside?.anonymous ?? config.anonymousAuth ?? true },
  );
  const rbac = createRbacAuthorizer(reader);
  const graph = new NodeGraph(reader);
  const { authorizer, resolver } = composeAuthorizer(config.authorizationModes, deps.outside, { rbac, graph });
  const admission = composeAdmission(config, { ...deps, authorizer, rbac, metrics: deps.admissionMetrics });
  const signer = accounts?.signingKeyPem === undefined ? undefined : createTokenSigner(accounts.signingKeyPem);
  return {
    authenticator,
    tokenAuthenticator,
    authorizer,
    admission,
    actionHandlers: [
      ...createAccessReviews(authorizer),
      createRulesReview(resolver),
      createTokenReview({ tokens: tokenAuthenticator, apiAudiences, logger }),
      createSelfSubjectReview(),
      ...(accounts && signer
        ? [
            createTokenRequest(
              {
                issuer: accounts.issuer,
                apiAudiences,
                maxExpirationMs: accounts.maxTokenExpirationMs,
                extendExpiration: accounts.extendTokenExpiration,
              },
              { signer, reader, admission, clock },
            ),
          ]
        : []),
    ],
    filters: {
      authentication: createAuthenticationFilter(authenticator, logger),
      impersonation: createImpersonationFilter(authorizer, deps.impersonationMetrics),
      authorization: createAuthorizationFilter(authorizer, deps.decisions),
    },
    paths: accounts && verifier ? createIssuerDiscovery({ ...accounts, verifier }) : new Map(),
    async postStart() {
      await Promise.all([reconcileDefaultPolicy({ reader, writer, logger }), ensureSystemPriorityClasses(reader, writer)]);
    },
    changeAuthorities({ clientCaPem, frontProxyCaPem }) {
      if (clientCaPem !== undefined) clients.change(clientCaPem);
      if (frontProxyCaPem !== undefined) proxies?.change(frontProxyCaPem);
    },
    close() {
      rbac.close();
      graph.close();
    },
  };
}

/** Without front proxies TLS knows no authority but those of clients. */
const ofClients = ({ frontProxy, clientCaPem }: SecurityConfig): IssuedBy =>
  frontProxy && clientCaPem !== undefined ? createIssuedBy(clientCaPem) : () => true;

/** So many tokens' signatures are remembered: those of a big cluster's pods and controllers. */
const REMEMBERED_TOKENS = 4096;

/** What our own key signs is verified even when its public half was not named. */
function openVerifier({ verificationKeyPems, signingKeyPem }: ServiceAccountConfig): TokenVerifier {
  const pems = verificationKeyPems.length || signingKeyPem === undefined ? verificationKeyPems : [signingKeyPem];
  return withSignatureCache(createTokenVerifier(pems), REMEMBERED_TOKENS);
}

function composeTokenAuthenticator(
  config: SecurityConfig,
  { reader, writer, clock, logger, outside, tokenObserver }: SecurityDeps,
  { apiAudiences, verifier }: { readonly apiAudiences: readonly string[]; readonly verifier: TokenVerifier | undefined },
): TokenAuthenticator {
  const { serviceAccount: accounts, tokenAuthFile } = config;
  // In upstream's order (pkg/kubeapiserver/authenticator/config.go).
  const tokens: TokenAuthenticator[] = [];
  if (tokenAuthFile) tokens.push(withImplicitAudiences(openStaticTokenFile(tokenAuthFile), apiAudiences));
  if (accounts && verifier) {
    const issuers = [accounts.issuer, ...(accounts.acceptedIssuers ?? [])];
    const options = { issuers, apiAudiences, lookup: accounts.lookup ?? true };
    tokens.push(
      createServiceAccountTokenAuthenticator(options, {
        verifier,
        reader,
        clock,
        uses: new LegacyTokenUses(writer, clock, logger),
        ...(tokenObserver && { observer: tokenObserver }),
      }),
    );
  }
  if (config.enableBootstrapTokenAuth) {
    tokens.push(withImplicitAudiences(createBootstrapTokenAuthenticator({ reader, clock, logger }), apiAudiences));
  }
  for (const other of outside?.tokens ?? []) tokens.push(withImplicitAudiences(other, apiAudiences));
  return createUnionTokenAuthenticator(tokens);
}
