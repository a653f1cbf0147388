import type { KindDefinition } from '../api/machinery/kind.ts';
import type { Transport } from '../client/transport/transport.ts';
import type { Clock } from '../std/clock.ts';
import type { Logger } from '../std/logger.ts';
import type { Metric } from '../std/metric.ts';
import type { Store } from '../store/store.ts';
import type { AggregationConfig } from './aggregation/aggregation.ts';
import type { AuditConfig } from './audit/audit-config.ts';
import type { ProbeComponent } from './componentstatuses/component-status-handler.ts';
import type { UserInfo } from './contracts.ts';
import type { Egress } from './egress/egress.ts';
import type { EncryptionConfig } from './encryption/open-encryption.ts';
import type { RuntimeConfig } from './kinds/runtime-config.ts';
import type { NamedCertificate } from './listener/named-certificates.ts';
import type { FeatureGate } from './metrics/server-metrics.ts';
import type { PeersConfig } from './peers/presence.ts';
import type { Authorities, Security, SecurityConfig, SecurityDeps } from './security.ts';

/** A certificate with its key, as given to TLS. */
export interface CertificatePair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** How the API server reaches kubelets. */
export interface KubeletAccess {
  /** Presented to kubelets, a function being asked for each connection; without it they see an anonymous caller. */
  readonly client?: CertificatePair | (() => CertificatePair);
  /** What their serving certificates are checked against (`--kubelet-certificate-authority`), a function being asked for each connection; without it they are not checked, as upstream. */
  readonly caPem?: string | (() => string);
  /** `--kubelet-preferred-address-types`; default InternalIP, ExternalIP, Hostname, as kubeadm sets it. */
  readonly preferredAddressTypes?: readonly string[];
  /**
   * Whether who begins a stream by WebSocket, which is a GET, needs the verb `create` too
   * (`--feature-gates=AuthorizePodWebsocketUpgradeCreatePermission`). Default true, as upstream.
   */
  readonly webSocketsNeedCreate?: boolean;
  /** Which addresses of pods, and of nodes at other ports than the kubelet's, requests are passed on to. Default: global ones, as upstream. */
  readonly isProxyable?: (address: string) => boolean;
}

export interface ApiServerConfig {
  /** Opened and closed by the caller. */
  readonly store: Store;
  /** Default `/registry`. */
  readonly storagePrefix?: string;
  /** Default: all that `api/all-kinds.ts` names. */
  readonly kinds?: readonly KindDefinition[];
  /** `--runtime-config`: versions and resources that are served besides those of `kinds`, or are not. */
  readonly runtimeConfig?: RuntimeConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numbers in [0, 1): jitter and generated names. */
  readonly random: () => number;
  readonly bindAddress: string;
  /** 0: one that is free. */
  readonly port: number;
  /** What `kubernetes.default` points at; default the bind address. */
  readonly advertiseAddress?: string;
  /**
   * An address beside the bind address at which it listens as well, at the same port, for clients in the cluster: what `kubernetes.default`
   * points at, while the server's own URL stays as it is.
   */
  readonly clusterAddress?: string;
  /** Asked again by `reloadCertificates`. */
  readonly tls: CertificatePair | (() => CertificatePair);
  /** Certificates for clients that ask for certain names; asked again by `reloadCertificates`. */
  readonly namedTls?: () => readonly NamedCertificate[];
  /** Lowest TLS version. Default TLSv1.2. */
  readonly tlsMinVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's list of suites. Default its own. */
  readonly tlsCiphers?: string;
  /** `--http2-max-streams-per-connection`; default 1,000. */
  readonly http2MaxStreams?: number;
  /** `--disable-http2-serving`. Default false. */
  readonly disableHttp2?: boolean;
  /** `--permit-port-sharing`. Default false. */
  readonly sharesPort?: boolean;
  /** Authorities for client certificates. Without it no certificate is an identity. */
  readonly clientCaPem?: string;
  /** One range, or one of each family with a comma between; Services get addresses of the first unless they ask. */
  readonly serviceClusterIpRange: string;
  /** Ports that Services can have on every node. Default 30000-32767. */
  readonly serviceNodePortRange?: string;
  readonly security: SecurityConfig;
  /** Default 400 reading and 200 changing requests at a time, as upstream; 0 is no limit. */
  readonly maxRequestsInflight?: number;
  readonly maxMutatingRequestsInflight?: number;
  /** FlowSchemas and priority levels share out both together; without, each is a limit by itself. Default true, as upstream. */
  readonly priorityAndFairness?: boolean;
  /** `--strict-transport-security-directives`, as the header has them. Absent: it is not sent. */
  readonly strictTransportSecurity?: string | undefined;
  /** `--cors-allowed-origins`: whether pages of an origin may ask from a browser. Absent: browsers are told nothing. */
  readonly allowsOrigin?: ((origin: string) => boolean) | undefined;
  /** `--goaway-chance`: how often a client of HTTP/2 is sent to another connection. Default 0. */
  readonly goawayChance?: number;
  /** `--feature-gates=UnauthenticatedHTTP2DOSMitigation=false`: callers without a name keep their HTTP/2 connections. Default false. */
  readonly keepsAnonymousConnections?: boolean;
  /** Default 60 s. */
  readonly requestTimeoutMs?: number;
  /** A watch without `timeoutSeconds` lasts between this and twice this. Default 30 min. */
  readonly minRequestTimeoutMs?: number;
  /** How long running requests may go on after `stop`. Default 10 s. */
  readonly shutdownTimeoutMs?: number;
  /** How long all is served as before after `stop` but `/readyz`, which fails, so that load balancers see it. Default 0. */
  readonly shutdownDelayMs?: number;
  /** Within which time watches are ended one after the other at a stop. Default 0: all at once. */
  readonly shutdownWatchTerminationMs?: number;
  /** Whether who comes while the last requests run is told to come back, by 429, on connections new and old. Default false: 503 on old ones. */
  readonly shutdownSendRetryAfter?: boolean;
  readonly eventTtlSeconds?: number;
  /** For a store that other servers may use as well. Absent: this is the only one. */
  readonly peers?: PeersConfig;
  readonly kubelet?: KubeletAccess;
  /** How `kubectl get componentstatuses` asks components that do not listen where upstream's do. */
  readonly componentProbes?: Readonly<Record<string, ProbeComponent>>;
  /** Feature gates that change something here, for `/metrics`. */
  readonly features?: readonly FeatureGate[];
  /** What `/metrics` tells besides the server's own. */
  readonly moreMetrics?: readonly Metric[];
  /** How extension servers are reached. */
  readonly aggregation?: AggregationConfig;
  /** The command line as it was understood, for `/flagz`. */
  readonly flags?: () => ReadonlyMap<string, string>;
  /** By which way connections leave. Absent: directly. */
  readonly egress?: Egress;
  /** Absent: nothing is recorded. */
  readonly audit?: AuditConfig;
  /** Absent: values are stored plain. */
  readonly encryption?: EncryptionConfig;
  /** Puts the security chain together; default `createSecurity`. */
  readonly composeSecurity?: (config: SecurityConfig, deps: SecurityDeps) => Security;
}

/** A running API server. */
export interface ApiServer {
  /** `https://127.0.0.1:6443` */
  readonly url: string;
  readonly port: number;
  /** Requests of `user` without sockets: through every filter but authentication. */
  transport(user: UserInfo): Transport;
  /** Serves new connections with the certificates that `tls` and `namedTls` now give. Throws, and changes nothing, when one cannot be used. */
  reloadCertificates(): void;
  /** Believes client certificates of these authorities from now on. Rejects, and changes nothing, for what is no certificate. */
  changeAuthorities(authorities: Authorities): Promise<void>;
  /** Settles when the server has ended. */
  readonly done: Promise<void>;
  /** Stops accepting, fails readyz, ends watches, lets running requests finish for a bounded time. */
  stop(): Promise<void>;
}
