import type { KindDefinition } from '../api/machinery/kind.ts';
import type { Clock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import type { Logger } from '../std/logger.ts';
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

export type AuthorizationMode = 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny';

/** Who may come in and what they may do: upstream's flags, parsed. */
export interface SecurityConfig {
  /** `--anonymous-auth`. Default true, as upstream; what an anonymous caller may do is the authorizer's matter. */
  readonly anonymousAuth?: boolean;
  /** Whether client certificates are accepted (`--client-ca-file` was given). Default true. */
  readonly clientCa?: boolean;
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
  /** `--service-account-jwks-uri`; default `<issuer>/openid/v1/jwks`. */
  readonly jwksUri?: string;
}

export interface SecurityDeps {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly kinds: readonly KindDefinition[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
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
  /** Reconciles the default RBAC objects; idempotent, and writes nothing when all is there. */
  postStart(): Promise<void>;
  /** Ends subscriptions to the reader. */
  close(): void;
}

/** Puts authentication, authorization, admission, reviews and token issuing together. Throws for a wrong flag or a broken file. */
export function createSecurity(_config: SecurityConfig, _deps: SecurityDeps): Security {
  throw new CodedError('the security chain is not composed yet', { code: 'NOT_COMPOSED' });
}
