import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { FieldTable } from '../../api/configuration/field-schema.ts';
import { type ParsedConfiguration, readConfiguration } from '../../api/configuration/read-configuration.ts';
import { withDefaults } from '../../api/configuration/with-defaults.ts';
import { parseCidr, parseIp } from '../../api/machinery/ip.ts';
import { CodedError } from '../../std/coded-error.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { LogFormat } from '../../std/logger.ts';
import type { ProxyMode } from '../rule-backend.ts';
import { kubeProxyFields, retiredFields } from './fields.ts';

interface SyncPeriods {
  readonly syncPeriod: string;
  readonly minSyncPeriod: string;
}

/** The effective configuration: file, flags and defaults together, under upstream's names; durations in Go's form. */
export interface KubeProxyConfiguration {
  readonly featureGates?: Readonly<Record<string, boolean>>;
  readonly clientConnection: { readonly kubeconfig: string; readonly qps: number; readonly burst: number };
  readonly logging: { readonly format: LogFormat; readonly verbosity: number };
  readonly hostnameOverride: string;
  readonly bindAddress: string;
  /** Empty: no such server. */
  readonly healthzBindAddress: string;
  readonly metricsBindAddress: string;
  readonly bindAddressHardFail: boolean;
  readonly enableProfiling: boolean;
  readonly mode: '' | 'nftables' | 'iptables' | 'ipvs';
  readonly iptables: SyncPeriods & {
    readonly masqueradeBit: number;
    readonly masqueradeAll: boolean;
    readonly localhostNodePorts: boolean;
  };
  readonly ipvs: SyncPeriods & {
    /** Empty: `rr`. */
    readonly scheduler: string;
    readonly excludeCIDRs?: readonly string[] | null;
    readonly strictARP: boolean;
    /** 0: as the kernel has it. */
    readonly tcpTimeout: string;
    readonly tcpFinTimeout: string;
    readonly udpTimeout: string;
  };
  readonly nftables: SyncPeriods & { readonly masqueradeBit: number; readonly masqueradeAll: boolean };
  readonly detectLocalMode: 'ClusterCIDR' | 'NodeCIDR' | 'BridgeInterface' | 'InterfaceNamePrefix';
  readonly detectLocal: { readonly bridgeInterface: string; readonly interfaceNamePrefix: string };
  readonly clusterCIDR: string;
  readonly nodePortAddresses?: readonly string[];
  readonly oomScoreAdj: number;
  readonly conntrack: {
    readonly maxPerCore: number;
    readonly min: number;
    readonly tcpEstablishedTimeout: string;
    readonly tcpCloseWaitTimeout: string;
    readonly tcpBeLiberal: boolean;
    readonly udpTimeout: string;
    readonly udpStreamTimeout: string;
  };
  readonly [field: string]: unknown;
}

/**
 * Reads a KubeProxyConfiguration from a JSON or YAML file.
 *
 * @throws CodedError naming the file and the fields
 */
export async function readConfigurationFile(path: string): Promise<ParsedConfiguration> {
  try {
    return await parseConfiguration(await readFile(path, 'utf8'));
  } catch (cause) {
    throw refusal(`failed to load kube-proxy config file, path: ${path}, error: ${(cause as Error).message}`, cause);
  }
}

/** Reads a KubeProxyConfiguration from text; see `readConfiguration`. */
export const parseConfiguration = (text: string): Promise<ParsedConfiguration> =>
  readConfiguration(text, {
    kind: 'KubeProxyConfiguration',
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    fields: kubeProxyFields,
    retiredFields,
  });

/**
 * The whole configuration from what was said, which has the right types already.
 *
 * @throws CodedError naming each field whose value is not legal
 */
export function completeConfiguration(given: Readonly<Record<string, unknown>> = {}): KubeProxyConfiguration {
  const complete = withDefaults(kubeProxyFields, given);
  const anyAddress = String(complete['bindAddress']).includes(':') ? '[::]' : '0.0.0.0';
  const loopback = anyAddress === '[::]' ? '[::1]' : '127.0.0.1';
  complete['healthzBindAddress'] = withPort(complete['healthzBindAddress'], `${anyAddress}:10256`);
  complete['metricsBindAddress'] = withPort(complete['metricsBindAddress'], `${loopback}:10249`);
  const configuration = complete as KubeProxyConfiguration;
  const problems = [...fieldProblems(kubeProxyFields, complete), ...crossProblems(configuration)];
  if (problems.length > 0) throw refusal(`invalid configuration: ${problems.join(', ')}`);
  return configuration;
}

/** As upstream: an address without a port gets the default's. An empty one counts as not given in a file. */
function withPort(given: unknown, standard: string): string {
  if (typeof given !== 'string' || given === '') return standard;
  const address = parseIp(given);
  const port = standard.slice(standard.lastIndexOf(':'));
  return address ? `${address.family === 6 ? `[${given}]` : given}${port}` : given;
}

function fieldProblems(table: FieldTable, values: Readonly<Record<string, unknown>>, path = ''): string[] {
  return Object.entries(table).flatMap(([name, { type, min, max, oneOf }]) => {
    const at = `${path}${name}`;
    const value = values[name];
    if (value === undefined || value === null) return [];
    if (typeof type === 'object')
      return 'object' in type ? fieldProblems(type.object, value as Record<string, unknown>, `${at}.`) : [];
    if (oneOf && !oneOf.includes(String(value)))
      return [
        `${at}: Unsupported value: ${JSON.stringify(value)}: supported values: ${oneOf
          .filter(Boolean)
          .map((v) => `"${v}"`)
          .join(', ')}`,
      ];
    const size = type === 'duration' ? parseGoDuration(String(value)) / 1000 : value;
    if (typeof size !== 'number' || ((min === undefined || size >= min) && (max === undefined || size <= max))) return [];
    return [
      `${at}: Invalid value: ${JSON.stringify(value)}: must be ${max === undefined ? `at least ${min}` : `within [${min}, ${max}]`}`,
    ];
  });
}

const ADDRESS_AND_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/;

/** Takes `0.0.0.0:10256` and `[::]:10256` apart. Undefined for what is not so. */
export function parseAddressAndPort(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, six, four, portText] = ADDRESS_AND_PORT.exec(text) ?? [];
  const host = six ?? four;
  const port = Number(portText);
  return host !== undefined && parseIp(host) && port > 0 && port <= 65_535 ? { host, port } : undefined;
}

function crossProblems(c: KubeProxyConfiguration): string[] {
  const problems: string[] = [];
  const complain = (at: string, value: unknown, why: string) =>
    problems.push(`${at}: Invalid value: ${JSON.stringify(value)}: ${why}`);
  if (!parseIp(c.bindAddress)) complain('bindAddress', c.bindAddress, 'not a valid textual representation of an IP address');
  for (const name of ['healthzBindAddress', 'metricsBindAddress'] as const)
    if (!parseAddressAndPort(c[name])) complain(name, c[name], 'must be IP:port');
  for (const mode of ['iptables', 'nftables', 'ipvs'] as const) {
    if (mode === 'ipvs' && c.mode !== 'ipvs') continue;
    const { syncPeriod, minSyncPeriod } = c[mode];
    if (parseGoDuration(minSyncPeriod) > parseGoDuration(syncPeriod))
      complain(`${mode}.syncPeriod`, minSyncPeriod, `must be greater than or equal to ${mode}.minSyncPeriod`);
  }
  if (c.mode === 'ipvs') {
    if (!IPVS_SCHEDULERS.includes(c.ipvs.scheduler))
      complain('ipvs.scheduler', c.ipvs.scheduler, `must be one of ${IPVS_SCHEDULERS.filter(Boolean).join(', ')}, or empty`);
    for (const [i, text] of (c.ipvs.excludeCIDRs ?? []).entries())
      if (!parseCidr(text)) complain(`ipvs.excludeCIDRs[${i}]`, text, 'must be a valid CIDR block');
  }
  if (!isPortRange(String(c['portRange']))) complain('portRange', c['portRange'], 'must be a valid port range (e.g. 300-2000)');
  const ranges = clusterCidrs(c);
  const families = ranges.map((text) => parseCidr(text)?.address.family);
  if (families.includes(undefined))
    complain('clusterCIDR', c.clusterCIDR, 'must be a valid CIDR block (e.g. 10.100.0.0/16 or fde4:8dba:82e1::/48)');
  else if (ranges.length > 2 || new Set(families).size !== families.length)
    complain('clusterCIDR', c.clusterCIDR, 'must be a valid DualStack CIDR (e.g. 10.100.0.0/16,fde4:8dba:82e1::/48)');
  if (c.detectLocalMode === 'BridgeInterface' && !INTERFACE.test(c.detectLocal.bridgeInterface))
    complain('detectLocal.bridgeInterface', c.detectLocal.bridgeInterface, 'must name an interface');
  if (c.detectLocalMode === 'InterfaceNamePrefix' && !INTERFACE.test(c.detectLocal.interfaceNamePrefix))
    complain('detectLocal.interfaceNamePrefix', c.detectLocal.interfaceNamePrefix, 'must begin the name of an interface');
  for (const [i, text] of (c.nodePortAddresses ?? []).entries())
    if (!parseCidr(text) && (text !== 'primary' || c.nodePortAddresses!.length > 1))
      complain(`nodePortAddresses[${i}]`, text, 'must be a valid CIDR block, or "primary" alone');
  return problems;
}

/** The kernel's, as ipvsadm(8) names them. */
const IPVS_SCHEDULERS = ['', 'rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'sh', 'dh', 'sed', 'nq', 'mh'];

/** Nothing, one port, `from-to`, or `from+more`. */
function isPortRange(text: string): boolean {
  const [whole, first, sign, second] = /^(\d{1,5})(?:([-+])(\d{1,5}))?$/.exec(text.trim()) ?? [];
  if (text === '' || whole === undefined) return text === '';
  const from = Number(first);
  const to = sign === undefined ? from : sign === '+' ? from + Number(second) : Number(second);
  return from <= 65_535 && to <= 65_535 && from <= to;
}

const INTERFACE = /^[a-zA-Z0-9._-]{1,15}$/;

export const clusterCidrs = ({ clusterCIDR }: Pick<KubeProxyConfiguration, 'clusterCIDR'>): string[] =>
  clusterCIDR.split(',').flatMap((text) => text.trim() || []);

/** Settings that upstream has and that change nothing here; those of `ipvs` without that mode. */
const WITHOUT_EFFECT: readonly string[] = [
  ...['configSyncPeriod', 'featureGates', 'ipvs', 'portRange', 'showHiddenMetricsForVersion', 'winkernel', 'windowsRunAsService'],
];

/** What somebody asked for and does not get, in one line. */
export function remarksOn(configuration: KubeProxyConfiguration): string[] {
  const standard = completeConfiguration();
  const names = WITHOUT_EFFECT.filter((name) => !isDeepStrictEqual(configuration[name], standard[name])).filter(
    (name) => name !== 'ipvs' || configuration.mode !== 'ipvs',
  );
  return names.length > 0
    ? [`fields of the configuration that have no effect in this kube-proxy: ${names.sort().join(', ')}`]
    : [];
}

/** Settings of `ipvs` that hold for whatever takes its place. */
const KEPT_OF_IPVS: readonly string[] = ['syncPeriod', 'minSyncPeriod'];

/**
 * The configuration by which another mode does what `ipvs` was asked for: its own periods, and the masquerading of `iptables`, which
 * upstream's ipvs follows too. Any other configuration stays as it is.
 */
export function inPlaceOfIpvs(configuration: KubeProxyConfiguration, mode: ProxyMode): KubeProxyConfiguration {
  if (configuration.mode !== 'ipvs' || mode === 'ipvs') return configuration;
  const { ipvs, iptables } = configuration;
  const { masqueradeAll, masqueradeBit } = iptables;
  const { syncPeriod, minSyncPeriod } = ipvs;
  return { ...configuration, [mode]: { ...configuration[mode], masqueradeAll, masqueradeBit, syncPeriod, minSyncPeriod } };
}

/** The one line that says why `ipvs` is not to be had, and which of its settings go with it. */
export function ipvsRemark(configuration: KubeProxyConfiguration, mode: 'iptables' | 'nftables', why: string): string {
  const standard: Readonly<Record<string, unknown>> = { ...completeConfiguration().ipvs };
  const lost = Object.entries(configuration.ipvs)
    .filter(([name, value]) => !KEPT_OF_IPVS.includes(name) && !isDeepStrictEqual(value, standard[name]))
    .map(([name]) => `ipvs.${name}`);
  return [
    `The proxy mode "ipvs" cannot be used: ${why}; "${mode}" is used instead, with the same Services and without ipvsadm's tables`,
    ...(lost.length > 0 ? [`${lost.sort().join(', ')} ${lost.length > 1 ? 'have' : 'has'} no effect`] : []),
  ].join('; ');
}

function refusal(message: string, cause?: unknown): CodedError {
  return new CodedError(message, { code: 'PROXY_CONFIGURATION_INVALID', cause });
}
