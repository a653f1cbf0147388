import { readFileSync } from 'node:fs';
import { createAuthorityFile } from '../client/transport/authority-file.ts';
import { type FeatureGates, readFeatureGates } from '../std/feature-gates.ts';
import type { FlagValues, ParsedFlags } from '../std/flags.ts';
import { FlagError } from '../std/flags.ts';
import { readTlsLimits } from '../std/tls-flags.ts';
import type { StoreSpec } from '../store/open-store.ts';
import { checkPluginNames } from './admission/admission-plugins.ts';
import { readAggregationFlags, readFrontProxyFlags } from './aggregation/aggregation-flags.ts';
import { readAuditFlags } from './audit/audit-flags.ts';
import { FEATURE_GATES, REFUSED_FLAGS } from './command-flags.ts';
import type { ApiServerConfig, KubeletAccess } from './configuration.ts';
import { lastGoodPair } from './configuration-files/last-good-pair.ts';
import { type EtcdFlags, readEtcdFlags } from './etcd-flags.ts';
import { strictTransportSecurity } from './filters/transport-security.ts';
import { readRuntimeConfig } from './kinds/runtime-config.ts';
import { readOutsideSecurityFlags } from './outside-security/security-flags.ts';
import type { AuthorizationMode, SecurityConfig, ServiceAccountConfig } from './security.ts';
import { parseAddressRanges } from './services/address-range.ts';
import { PortRange } from './services/port-range.ts';
import type { NamedFiles, PairFiles, ServingFiles } from './serving-files.ts';

/** What the command line says of the server, read and checked; files have been read. */
export interface CommandConfig {
  readonly store: StoreSpec;
  readonly dataDirectory: string;
  /** When the store is an etcd. */
  readonly etcd?: EtcdFlags;
  /** One line about feature gates that were given and switch nothing. */
  readonly gatesRemark: string | undefined;
  /** What certificates are read from, also while the server runs. */
  readonly files: ServingFiles;
  readonly server: Omit<ApiServerConfig, 'store' | 'clock' | 'logger' | 'random' | 'tls'>;
}

const MODES: ReadonlySet<string> = new Set<AuthorizationMode>(['AlwaysAllow', 'AlwaysDeny', 'ABAC', 'Webhook', 'Node', 'RBAC']);

/**
 * Turns flags into a configuration.
 *
 * @throws FlagError naming the flag, and the file when one cannot be read
 */
export function readCommandConfig({ values, isSet }: ParsedFlags, writeStdout?: (text: string) => void): CommandConfig {
  for (const [name, why] of REFUSED_FLAGS)
    if (isSet(name) && values.string(name)) throw new FlagError(`--${name}`, `--${name}: ${why}`);
  if (values.int('insecure-port') !== 0)
    throw new FlagError(
      '--insecure-port',
      `--insecure-port=${values.int('insecure-port')}: only 0 is allowed; there is no insecure port`,
    );
  if (!values.bool('kubelet-https'))
    throw new FlagError('--kubelet-https', '--kubelet-https=false: kubelets are reached by HTTPS only');
  const port = values.int('secure-port');
  if (port < 0 || port > 65_535)
    throw new FlagError('--secure-port', `--secure-port ${port} must be between 0 and 65535, inclusive`);
  const tlsLimits = readTlsLimits(values);
  const gates = readFeatureGates(values, 'kube-apiserver', FEATURE_GATES);
  const clientCaPem = fileOf(values, 'client-ca-file');
  const frontProxy = readFrontProxyFlags(values, readFlagFile);
  const advertiseAddress = values.string('advertise-address');
  const tls = readTlsFlags(values);
  const named = readNamedCertificates(values);
  const audit = readAuditFlags(values, writeStdout);
  const encryption = readEncryption(values);
  const ownStore = values.string('store');
  // With a store of its own a server needs nothing of an etcd, whose files may not be there.
  const etcd = ownStore === '' || ownStore === 'etcd' ? readEtcdFlags(values, readFlagFile) : undefined;
  return {
    store: readStore(values, etcd),
    ...(etcd && { etcd }),
    dataDirectory: values.string('data-dir'),
    gatesRemark: gates.remark,
    files: {
      ...(tls && { tls }),
      named,
      clientCa: clientCaPem === undefined ? undefined : { path: values.string('client-ca-file'), pem: clientCaPem },
      frontProxyCa: frontProxy && { path: values.string('requestheader-client-ca-file'), pem: frontProxy.caPem },
    },
    server: {
      storagePrefix: values.string('etcd-prefix'),
      bindAddress: values.string('bind-address'),
      port,
      ...(advertiseAddress && { advertiseAddress }),
      ...tlsLimits,
      http2MaxStreams: readMaxStreams(values),
      disableHttp2: values.bool('disable-http2-serving'),
      sharesPort: values.bool('permit-port-sharing'),
      ...(clientCaPem !== undefined && { clientCaPem }),
      serviceClusterIpRange: readRange(values, 'service-cluster-ip-range', parseAddressRanges),
      serviceNodePortRange: readRange(values, 'service-node-port-range', (text) => new PortRange(text)),
      security: readSecurity(values, isSet, gates, clientCaPem !== undefined, frontProxy),
      maxRequestsInflight: values.int('max-requests-inflight'),
      maxMutatingRequestsInflight: values.int('max-mutating-requests-inflight'),
      priorityAndFairness: values.bool('enable-priority-and-fairness'),
      features: gates.all,
      goawayChance: readGoawayChance(values),
      keepsAnonymousConnections: !gates.enabled('UnauthenticatedHTTP2DOSMitigation'),
      requestTimeoutMs: values.durationMs('request-timeout'),
      shutdownTimeoutMs: values.durationMs('request-timeout'),
      shutdownDelayMs: readNotNegative(values, 'shutdown-delay-duration'),
      shutdownWatchTerminationMs: readNotNegative(values, 'shutdown-watch-termination-grace-period'),
      shutdownSendRetryAfter: values.bool('shutdown-send-retry-after'),
      minRequestTimeoutMs: values.int('min-request-timeout') * 1000,
      strictTransportSecurity: strictTransportSecurity(values.strings('strict-transport-security-directives')),
      eventTtlSeconds: values.durationMs('event-ttl') / 1000,
      kubelet: readKubelet(values, gates),
      runtimeConfig: readRuntimeConfig(values.strings('runtime-config')),
      aggregation: readAggregationFlags(values, readFlagFile),
      ...(audit && { audit }),
      ...(encryption && { encryption }),
      ...(etcd && { peers: etcd.peers }),
    },
  };
}

function readMaxStreams(values: FlagValues): number {
  const name = 'http2-max-streams-per-connection';
  const most = values.int(name);
  if (most >= 0 && most <= 0xffff_ffff) return most;
  throw new FlagError(`--${name}`, `--${name}=${most}: must be between 0 and 4294967295`);
}

function readGoawayChance(values: FlagValues): number {
  const chance = values.float('goaway-chance');
  if (chance >= 0 && chance <= 0.02) return chance;
  throw new FlagError('--goaway-chance', '--goaway-chance can not be less than 0 or greater than 0.02');
}

function readNotNegative(values: FlagValues, name: string): number {
  const durationMs = values.durationMs(name);
  if (durationMs >= 0) return durationMs;
  throw new FlagError(`--${name}`, `--${name} can not be negative value`);
}

function readEncryption(values: FlagValues): ApiServerConfig['encryption'] {
  const path = values.string('encryption-provider-config') || values.string('experimental-encryption-provider-config');
  const automaticReload = values.bool('encryption-provider-config-automatic-reload');
  if (path) return { path, automaticReload };
  if (!automaticReload) return undefined;
  const flag = '--encryption-provider-config-automatic-reload';
  throw new FlagError(flag, `${flag} must be set with --encryption-provider-config`);
}

/** `--store` names one of Muster's own; otherwise it is the etcd. */
function readStore(values: FlagValues, etcd: EtcdFlags | undefined): StoreSpec {
  const store = values.string('store');
  if (store === 'sqlite' || store === 'memory') return store;
  if (store !== '' && store !== 'etcd')
    throw new FlagError('--store', `--store=${store}: use sqlite or memory, or --etcd-servers`);
  if (etcd) return `etcd=${etcd.servers}`;
  throw new FlagError('--etcd-servers', '--etcd-servers must be specified, or --store: sqlite (with --data-dir) or memory');
}

/** The flag's text when it can be read; what it says is kept as it is. */
function readRange(values: FlagValues, name: string, parse: (text: string) => unknown): string {
  const text = values.string(name);
  try {
    parse(text);
    return text;
  } catch (error) {
    throw new FlagError(`--${name}`, `--${name}: ${(error as Error).message}`);
  }
}

function readTlsFlags(values: FlagValues): PairFiles | undefined {
  const [certificate, key] = [values.string('tls-cert-file'), values.string('tls-private-key-file')];
  if (!certificate && !key) return undefined;
  if (!certificate) throw new FlagError('--tls-cert-file', '--tls-private-key-file is given without --tls-cert-file');
  if (!key) throw new FlagError('--tls-private-key-file', '--tls-cert-file is given without --tls-private-key-file');
  readFlagFile('tls-cert-file', certificate);
  readFlagFile('tls-private-key-file', key);
  return { certificate, key };
}

/** `FILE,KEYFILE` or `FILE,KEYFILE:NAME,NAME`. */
function readNamedCertificates(values: FlagValues): readonly NamedFiles[] {
  const name = 'tls-sni-cert-key';
  return values.array(name).map((text) => {
    const at = text.indexOf(':');
    const names = at < 0 ? [] : text.slice(at + 1).split(',');
    const [certificate, key, ...more] = (at < 0 ? text : text.slice(0, at)).split(',').map((file) => file.trim());
    if (!certificate || !key || more.length)
      throw new FlagError(`--${name}`, `--${name}=${text}: expected comma separated certificate and key file paths`);
    readFlagFile(name, certificate);
    readFlagFile(name, key);
    return { certificate, key, names: names.map((each) => each.trim()).filter((each) => each !== '') };
  });
}

function readKubelet(values: FlagValues, gates: FeatureGates): KubeletAccess {
  const certificate = values.string('kubelet-client-certificate');
  const key = values.string('kubelet-client-key');
  const caPem = fileOf(values, 'kubelet-certificate-authority');
  if (Boolean(certificate) !== Boolean(key)) {
    const missing = !certificate ? '--kubelet-client-certificate' : '--kubelet-client-key';
    throw new FlagError(missing, `${missing} is missing: --kubelet-client-certificate and --kubelet-client-key go together`);
  }
  const read = () => ({
    certificatePem: readFlagFile('kubelet-client-certificate', certificate),
    privateKeyPem: readFlagFile('kubelet-client-key', key),
  });
  return {
    ...(certificate && { client: lastGoodPair(read) }),
    ...(caPem !== undefined && { caPem: createAuthorityFile(values.string('kubelet-certificate-authority'), caPem) }),
    preferredAddressTypes: values.strings('kubelet-preferred-address-types'),
    webSocketsNeedCreate: gates.enabled('AuthorizePodWebsocketUpgradeCreatePermission'),
  };
}

function readSecurity(
  values: FlagValues,
  isSet: (name: string) => boolean,
  gates: FeatureGates,
  clientCa: boolean,
  frontProxy: SecurityConfig['frontProxy'],
): SecurityConfig {
  const modes = values.strings('authorization-mode');
  for (const mode of modes)
    if (!MODES.has(mode))
      throw new FlagError('--authorization-mode', `--authorization-mode: ${mode} is not one of ${[...MODES].join(', ')}`);
  const tokenAuthFile = values.string('token-auth-file');
  if (tokenAuthFile) readFlagFile('token-auth-file', tokenAuthFile);
  const admissionControl = values.strings('admission-control');
  const [enableAdmissionPlugins, disableAdmissionPlugins] = [
    values.strings('enable-admission-plugins'),
    values.strings('disable-admission-plugins'),
  ];
  checkPluginNames({ enable: enableAdmissionPlugins, disable: disableAdmissionPlugins, only: admissionControl });
  const serviceAccount = readServiceAccount(values);
  const outside = readOutsideSecurityFlags(values, isSet, readFlagFile);
  return {
    anonymousAuth: values.bool('anonymous-auth'),
    clientCa,
    ...(tokenAuthFile && { tokenAuthFile }),
    ...(frontProxy && { frontProxy }),
    ...(outside && { outside }),
    enableBootstrapTokenAuth: values.bool('enable-bootstrap-token-auth'),
    authorizationModes: modes as AuthorizationMode[],
    enableAdmissionPlugins,
    disableAdmissionPlugins,
    ...(admissionControl.length && { admissionControl }),
    allowPrivileged: values.bool('allow-privileged'),
    defaultNotReadyTolerationSeconds: values.int('default-not-ready-toleration-seconds'),
    defaultUnreachableTolerationSeconds: values.int('default-unreachable-toleration-seconds'),
    ...(serviceAccount && { serviceAccount }),
    legacyServiceAccountTokenAutoGeneration: !gates.enabled('LegacyServiceAccountTokenNoAutoGeneration'),
  };
}

function readServiceAccount(values: FlagValues): ServiceAccountConfig | undefined {
  const [issuer, ...acceptedIssuers] = values.strings('service-account-issuer');
  const signingKeyPem = fileOf(values, 'service-account-signing-key-file');
  const verificationKeyPems = values
    .strings('service-account-key-file')
    .map((path) => readFlagFile('service-account-key-file', path));
  if (signingKeyPem === undefined && verificationKeyPems.length === 0) return undefined;
  if (!issuer) throw new FlagError('--service-account-issuer', '--service-account-issuer must not be empty');
  const named = values.strings('api-audiences');
  const apiAudiences = named.length ? named : values.strings('service-account-api-audiences');
  const jwksUri = values.string('service-account-jwks-uri');
  const maxTokenExpirationMs = values.durationMs('service-account-max-token-expiration');
  return {
    issuer,
    acceptedIssuers,
    ...(apiAudiences.length && { apiAudiences }),
    ...(signingKeyPem !== undefined && { signingKeyPem }),
    verificationKeyPems: verificationKeyPems.length ? verificationKeyPems : [signingKeyPem!],
    lookup: values.bool('service-account-lookup'),
    ...(maxTokenExpirationMs > 0 && { maxTokenExpirationMs }),
    extendTokenExpiration: values.bool('service-account-extend-token-expiration'),
    ...(jwksUri && { jwksUri }),
  };
}

function fileOf(values: FlagValues, name: string): string | undefined {
  const path = values.string(name);
  return path ? readFlagFile(name, path) : undefined;
}

/** @throws FlagError that names flag and file */
function readFlagFile(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'no such file or directory' : code === 'EACCES' ? 'permission denied' : message;
    throw new FlagError(`--${name}`, `--${name}: open ${path}: ${why}`);
  }
}
