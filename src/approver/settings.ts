import { statSync } from 'node:fs';
import { formatIp, type IpRange, parseCidr, parseIp } from '../api/machinery/ip.ts';
import { checkDnsSubdomain } from '../api/machinery/names.ts';
import type { Client } from '../client/client.ts';
import { readFlagFile } from '../client/serving/component-flags.ts';
import type { Clock } from '../std/clock.ts';
import { FlagError, type FlagValues } from '../std/flags.ts';
import type { ClusterNameSettings } from './cluster-names.ts';
import { createCommandSource } from './names/command-source.ts';
import { createConfigMapSource } from './names/config-map-source.ts';
import { createDnsSource } from './names/dns-source.ts';
import { createFileSource } from './names/file-source.ts';
import { createHttpSource } from './names/http-source.ts';
import type { NameSource } from './names/name-source.ts';
import type { ApproverLimits } from './request-facts.ts';

/** The limits that the flags set. Throws a FlagError. */
export function readLimits(values: FlagValues): ApproverLimits {
  const limits = {
    maxNames: values.int('max-names'),
    minLifetimeMs: values.durationMs('min-lifetime'),
    maxLifetimeMs: values.durationMs('max-lifetime'),
    maxPendingPerNode: values.int('max-pending-per-node'),
    acceptNodeStatus: values.bool('accept-node-status'),
    allowRejoin: values.bool('allow-rejoin'),
    allowLoopback: values.bool('allow-loopback'),
  };
  if (limits.maxNames < 1 || limits.maxNames > 64) throw wrong('max-names', 'must be from 1 to 64');
  if (limits.maxPendingPerNode < 1) throw wrong('max-pending-per-node', 'must be 1 or more');
  if (limits.maxLifetimeMs < limits.minLifetimeMs) throw wrong('max-lifetime', 'must not be shorter than --min-lifetime');
  return limits;
}

/** Ranges out of a flag; a plain address is a range of one. Throws a FlagError. */
export function readRanges(values: FlagValues, flagName: string): IpRange[] {
  return values.strings(flagName).map((text) => {
    const address = parseIp(text);
    const range = parseCidr(address ? `${formatIp(address)}/${address.bytes.length * 8}` : text);
    if (!range) throw wrong(flagName, `${JSON.stringify(text)} is neither an address nor a range`);
    return range;
  });
}

/** The sources that the flags name, the strongest first. Throws a FlagError. */
export function openSources(values: FlagValues, client: Client, clock: Clock): NameSource[] {
  const timeoutMs = values.durationMs('names-timeout');
  const sources: NameSource[] = [];
  const file = values.string('names-file');
  if (file) {
    // One that is mistyped would leave every request undecided, and nothing would say why.
    if (!statSync(file, { throwIfNoEntry: false })?.isFile())
      throw wrong('names-file', `there is no file ${JSON.stringify(file)}`);
    sources.push(createFileSource(file));
  }
  const configMap = values.string('names-configmap');
  if (configMap) {
    const [namespace, name, ...rest] = configMap.split('/');
    if (!namespace || !name || rest.length > 0)
      throw wrong('names-configmap', `${JSON.stringify(configMap)} is not namespace/name`);
    sources.push(createConfigMapSource({ client, namespace, name, clock }));
  }
  const [program, ...args] = values.strings('names-command');
  if (program) sources.push(createCommandSource([program, ...args], timeoutMs));
  const url = values.string('names-url');
  if (url) {
    if (!URL.canParse(url) || new URL(url).protocol !== 'https:')
      throw wrong('names-url', `${JSON.stringify(url)} is no https URL`);
    const file = (flagName: string) => {
      const path = values.string(flagName);
      return path ? () => readFlagFile(flagName, path) : undefined;
    };
    sources.push(createHttpSource({ url, timeoutMs, token: file('names-url-token-file'), ca: file('names-url-ca-file') }));
  }
  const domains = values.strings('dns-domains').map((domain) => domain.replace(/\.$/, '').toLowerCase());
  for (const domain of domains)
    if (checkDnsSubdomain(domain).length > 0) throw wrong('dns-domains', `${JSON.stringify(domain)} is no domain`);
  if (domains.length > 0) sources.push(createDnsSource({ domains, servers: values.strings('dns-servers'), timeoutMs }));
  return sources;
}

/** What the flags say of the cluster. Throws a FlagError. */
export function readClusterNameSettings(values: FlagValues, server: string): ClusterNameSettings {
  return {
    clusterDomain: values.string('cluster-domain'),
    serviceRanges: readRanges(values, 'service-cluster-ip-range'),
    server,
    denyNames: values.strings('deny-names').map((name) => name.toLowerCase()),
    denyRanges: readRanges(values, 'deny-addresses'),
  };
}

const wrong = (flagName: string, problem: string) => new FlagError(`--${flagName}`, `--${flagName}: ${problem}`);
