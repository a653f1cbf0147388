import type { KnownGate } from '../std/feature-gates.ts';
import type { FlagDefinition, FlagType } from '../std/flags.ts';
import { aggregationFlags } from './aggregation/aggregation-flags.ts';
import { auditFlags } from './audit/audit-flags.ts';
import { etcdFlags } from './etcd-flags.ts';
import { outsideSecurityFlags } from './outside-security/security-flags.ts';
import { DEFAULT_ADDRESS_TYPES } from './subresources/kubelet-address.ts';

const flag = (name: string, type: FlagType, description: string, defaultValue?: FlagDefinition['default']): FlagDefinition => ({
  name,
  type,
  description,
  ...(defaultValue !== undefined && { default: defaultValue }),
});

/** Feature gates that change something here; all are on unless they are turned off. */
export const FEATURE_GATES: readonly KnownGate[] = [
  { name: 'AuthorizePodWebsocketUpgradeCreatePermission', stage: 'BETA', default: true },
  { name: 'LegacyServiceAccountTokenNoAutoGeneration', stage: '', default: true },
  { name: 'UnauthenticatedHTTP2DOSMitigation', stage: 'BETA', default: true },
];

/** Flags that decide something here. Names, defaults and meaning are upstream's, but for `store` and `data-dir`. */
const EFFECTIVE: readonly FlagDefinition[] = [
  flag('store', 'string', "Where objects are kept: sqlite or memory; not needed with --etcd-servers. Muster's own flag."),
  flag('data-dir', 'string', "Directory of --store=sqlite. Muster's own flag.", '/var/lib/muster/apiserver'),
  flag('etcd-prefix', 'string', 'The prefix to prepend to all resource paths in the store.', '/registry'),
  flag('bind-address', 'string', 'The IP address on which to listen for the --secure-port port.', '0.0.0.0'),
  flag('secure-port', 'int', 'The port on which to serve HTTPS with authentication and authorization.', 6443),
  flag('insecure-port', 'int', 'The port without authentication; only 0, which closes it, is allowed.', 0),
  flag('advertise-address', 'string', 'The IP address on which to advertise the apiserver to members of the cluster.'),
  flag('tls-cert-file', 'string', 'File containing the x509 certificate for HTTPS.'),
  flag('tls-private-key-file', 'string', 'File containing the x509 private key matching --tls-cert-file.'),
  flag('tls-min-version', 'string', 'Minimum TLS version supported: VersionTLS12 or VersionTLS13.'),
  flag('tls-cipher-suites', 'strings', "Cipher suites of TLS 1.2, by Go's names; default those that OpenSSL thinks right."),
  flag(
    'tls-sni-cert-key',
    'array',
    'Certificate and key for clients that ask for certain names: FILE,KEYFILE or FILE,KEYFILE:NAME,*.NAME; without names those of the certificate. May be given several times.',
  ),
  flag('http2-max-streams-per-connection', 'int', 'Requests at a time on a connection of HTTP/2; 0 is 1,000.', 0),
  flag('disable-http2-serving', 'bool', 'Whether HTTP/1.1 alone is spoken.', false),
  flag('permit-port-sharing', 'bool', 'Whether other processes may listen at the same port (SO_REUSEPORT).', false),
  flag('cert-dir', 'string', 'Where a self-signed certificate is kept when --tls-cert-file is not given.', '/var/run/kubernetes'),
  flag('client-ca-file', 'string', 'Certificates of the authorities whose client certificates are identities.'),
  flag(
    'kubelet-certificate-authority',
    'string',
    'File with the authority that kubelets’ serving certificates are checked against.',
  ),
  flag('kubelet-client-certificate', 'string', 'File with the client certificate for kubelets.'),
  flag('kubelet-client-key', 'string', 'File with the client key for kubelets.'),
  flag('kubelet-preferred-address-types', 'strings', 'Which of a node’s addresses is used, in order.', [
    ...DEFAULT_ADDRESS_TYPES,
  ]),
  flag('kubelet-https', 'bool', 'Use https for kubelet connections; false is not offered.', true),
  flag(
    'service-cluster-ip-range',
    'string',
    'CIDR from which service cluster IPs are assigned; one of IPv4 and one of IPv6 for both.',
    '10.0.0.0/24',
  ),
  flag('service-node-port-range', 'string', 'Ports that services can have on every node.', '30000-32767'),
  flag('anonymous-auth', 'bool', 'Whether requests without credentials are taken for system:anonymous.', true),
  flag('authorization-mode', 'strings', 'Ordered list of AlwaysAllow, AlwaysDeny, ABAC, Webhook, Node, RBAC.', ['AlwaysAllow']),
  flag('token-auth-file', 'string', 'CSV file of static tokens.'),
  flag('allow-privileged', 'bool', 'Whether containers may be privileged.', false),
  flag('enable-bootstrap-token-auth', 'bool', 'Whether bootstrap token Secrets in kube-system are credentials.', false),
  flag('enable-admission-plugins', 'strings', 'Admission plugins to enable besides the default ones.'),
  flag('disable-admission-plugins', 'strings', 'Admission plugins to disable although they are on by default.'),
  {
    ...flag('admission-control', 'strings', 'The whole ordered list of admission plugins.'),
    deprecated: 'use --enable-admission-plugins or --disable-admission-plugins instead',
  },
  flag('admission-control-config-file', 'string', 'File with the configuration of admission plugins.'),
  flag('default-not-ready-toleration-seconds', 'int', 'Toleration for notReady:NoExecute that pods get.', 300),
  flag('default-unreachable-toleration-seconds', 'int', 'Toleration for unreachable:NoExecute that pods get.', 300),
  flag('service-account-issuer', 'strings', 'Issuers of service account tokens; the first one signs.', [
    'https://kubernetes.default.svc.cluster.local',
  ]),
  flag('service-account-signing-key-file', 'string', 'File with the private key that service account tokens are signed with.'),
  flag('service-account-key-file', 'strings', 'Files with keys that service account tokens are verified with.'),
  flag('service-account-lookup', 'bool', 'Whether tokens of deleted accounts and Secrets are refused.', true),
  flag('service-account-max-token-expiration', 'duration', 'The longest life of a token; 0 is no limit.', '0s'),
  flag('service-account-extend-token-expiration', 'bool', "Whether pods' tokens of an hour work for a year.", true),
  flag('service-account-jwks-uri', 'string', 'Overrides the JWKS URI of the discovery document.'),
  flag('api-audiences', 'strings', 'Audiences of tokens; default the issuer.'),
  { ...flag('service-account-api-audiences', 'strings', 'As --api-audiences.'), deprecated: 'Use --api-audiences' },
  flag('egress-selector-config-file', 'string', 'File that says through which proxies connections leave.'),
  flag('encryption-provider-config', 'string', 'File that says how which kinds are encrypted in the store.'),
  {
    ...flag('experimental-encryption-provider-config', 'string', 'As --encryption-provider-config.'),
    deprecated: 'use --encryption-provider-config.',
  },
  flag(
    'encryption-provider-config-automatic-reload',
    'bool',
    'Whether the encryption config is read again when its file changes.',
    false,
  ),
  flag('max-requests-inflight', 'int', 'Non-mutating requests at a time; 0 is no limit.', 400),
  flag('max-mutating-requests-inflight', 'int', 'Mutating requests at a time; 0 is no limit.', 200),
  flag('enable-priority-and-fairness', 'bool', 'Whether requests wait their turn by FlowSchemas and priority levels.', true),
  flag('request-timeout', 'duration', 'How long a request may take.', '1m0s'),
  flag('min-request-timeout', 'int', 'How many seconds a watch lasts at least.', 1800),
  flag(
    'strict-transport-security-directives',
    'strings',
    'Directives of the header Strict-Transport-Security: max-age=expireTime, includeSubDomains, preload.',
  ),
  flag('goaway-chance', 'float', 'How often a client of HTTP/2 is sent to another connection: 0 to 0.02, 0 being never.', 0),
  flag(
    'shutdown-delay-duration',
    'duration',
    'How long everything but /readyz is served as before when the server is to stop.',
    '0s',
  ),
  flag(
    'shutdown-watch-termination-grace-period',
    'duration',
    'Within which time watches are ended, one after the other, when the server stops; 0: all at once.',
    '0s',
  ),
  flag(
    'cors-allowed-origins',
    'strings',
    "Regular expressions of the origins whose pages may ask from a browser, each with the host's beginning and end: '//example\\.com(:|$)'.",
  ),
  flag('shutdown-send-retry-after', 'bool', 'Whether callers are told to come back while the last requests run.', false),
  flag('event-ttl', 'duration', 'How long events are kept.', '1h0m0s'),
  flag(
    'runtime-config',
    'strings',
    'Turns built-in versions and resources on and off: api/all|ga|beta|alpha, group/version or group/version/resource, with =true or =false.',
  ),
  flag(
    'feature-gates',
    'map',
    `Feature gates; those that change something here: ${FEATURE_GATES.map(({ name }) => name).join(', ')}.`,
  ),
  flag('v', 'int', 'Verbosity of the log.', 0),
  flag('logging-format', 'string', 'Form of the log: text, or json, an object a line.', 'text'),
  flag('version', 'bool', 'Print version information and quit.', false),
];

/** Accepted, because upstream has them or had them at one of the runbooks' versions. */
const WITHOUT_EFFECT: Readonly<Record<FlagType, readonly string[]>> = {
  string: [
    'address',
    'cloud-config',
    'cloud-provider',
    'external-hostname',
    'insecure-bind-address',
    'kubernetes-service-node-port',
    'log-dir',
    'log-file',
    'show-hidden-metrics-for-version',
    'ssh-keyfile',
    'ssh-user',
    'stderrthreshold',
    'storage-backend',
    'storage-media-type',
    'tracing-config-file',
    'vmodule',
    'allow-metric-labels-manifest',
    'master-service-namespace',
    'tls-ca-file',
    'basic-auth-file',
    'debug-socket-path',
    'cloud-provider-gce-l7lb-src-cidrs',
    'log-backtrace-at',
    'log-json-info-buffer-size',
    'log-text-info-buffer-size',
    'min-compatibility-version',
    'tls-curve-preferences',
  ],
  bool: [
    'add-dir-header',
    'contention-profiling',
    'experimental-logging-sanitization',
    'log-json-split-stream',
    'log-text-split-stream',
    'runtime-config-emulation-forward-compatible',
    'skip-log-headers',
    'alsologtostderr',
    'emulation-forward-compatible',
    'enable-garbage-collector',
    'enable-logs-handler',
    'enable-swagger-ui',
    'etcd-quorum-read',
    'logtostderr',
    'one-output',
    'permit-address-sharing',
    'profiling',
    'repair-malformed-updates',
    'skip-headers',
    'watch-cache',
  ],
  int: [
    'default-watch-cache-size',
    'delete-collection-workers',
    'kubelet-port',
    'kubelet-read-only-port',
    'identity-lease-duration-seconds',
    'identity-lease-renew-interval-seconds',
    'lease-reuse-duration-seconds',
    'log-file-max-size',
    'max-connection-bytes-per-sec',
    'port',
    'target-ram-mb',
    'deserialization-cache-size',
  ],
  float: [],
  duration: [
    'etcd-count-metric-poll-period',
    'etcd-readycheck-timeout',
    'kubelet-timeout',
    'livez-grace-period',
    'log-flush-frequency',
    'shutdown-send-retry-after-duration',
    'storage-initialization-timeout',
  ],
  strings: ['watch-cache-sizes', 'disabled-metrics', 'authorization-always-allow-paths'],
  array: [],
  map: ['allow-metric-labels', 'emulated-version'],
};

/** Flags that would let in more, or other, callers than they seem to: giving them is an error rather than a warning. */
export const REFUSED_FLAGS: readonly (readonly [name: string, why: string])[] = [
  ['basic-auth-file', 'basic authentication is not offered; upstream removed it in 1.19'],
  ['tracing-config-file', 'traces are not sent from here; leave it out'],
];

export const apiserverFlags: readonly FlagDefinition[] = [
  ...EFFECTIVE,
  ...auditFlags,
  ...aggregationFlags,
  ...outsideSecurityFlags,
  ...etcdFlags,
  ...Object.entries(WITHOUT_EFFECT).flatMap(([type, names]) =>
    names.map((name) => ({
      name,
      type: type as FlagType,
      description: 'Accepted for compatibility.',
      noEffect: true,
      hidden: true,
    })),
  ),
].sort((a, b) => (a.name < b.name ? -1 : 1));
