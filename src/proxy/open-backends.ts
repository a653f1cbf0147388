import { access } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import type { Family } from '../api/machinery/ip.ts';
import type { RunProgram } from '../host/run-program.ts';
import { CodedError } from '../std/coded-error.ts';
import type { Logger } from '../std/logger.ts';
import { completeConfiguration, ipvsRemark, type KubeProxyConfiguration } from './configuration/kube-proxy-configuration.ts';
import { createIptablesBackend } from './iptables/backend.ts';
import { createIpvsBackend } from './ipvs/backend.ts';
import { DUMMY_DEVICE } from './ipvs/kernel.ts';
import { ipvsObstacle } from './ipvs/obstacle.ts';
import { createNftablesBackend } from './nftables/backend.ts';
import type { ProxyMode, RuleBackend } from './rule-backend.ts';

type FamilyBackend = { readonly family: Family; readonly backend: RuleBackend };
/** A mode that a packet filter serves alone. */
type FilterMode = Exclude<ProxyMode, 'ipvs'>;

const FILTER_MODES: readonly FilterMode[] = ['iptables', 'nftables'];
/** In the order of their clean-up: rules of IPVS use its sets. */
export const ALL_MODES: readonly ProxyMode[] = ['ipvs', 'iptables', 'nftables'];
const PROGRAMS: Readonly<Record<ProxyMode, readonly (readonly [program: string, ...args: string[]])[]>> = {
  iptables: [['iptables-restore', '--version']],
  nftables: [['nft', '--version']],
  ipvs: [
    ['iptables-restore', '--version'],
    ['ipset', '--version'],
    ['ipvsadm', '--version'],
  ],
};
/** Debian's names. */
const PACKAGES: Readonly<Record<FilterMode, string>> = { iptables: 'iptables', nftables: 'nftables' };
/** As upstream. */
const DEFAULT_SCHEDULER = 'rr';

export interface OpenBackendsOptions {
  readonly run: RunProgram;
  readonly logger: Logger;
}

/**
 * What the mode comes down to on this machine. None is iptables, as upstream's default is; and where `ipvs` cannot be had, so is that,
 * with a warning that says why. Where iptables is not installed, it is nftables.
 *
 * @throws CodedError naming the program that is missing, and its package
 */
export async function chooseMode(configuration: KubeProxyConfiguration, options: OpenBackendsOptions): Promise<ProxyMode> {
  const { run, logger } = options;
  const wanted = configuration.mode;
  if (wanted === 'iptables' || wanted === 'nftables') {
    if (await isInstalled(wanted, run)) return wanted;
    throw missing([wanted]);
  }
  const obstacle = wanted === 'ipvs' ? await ipvsObstacle({ run, scheduler: schedulerOf(configuration) }) : undefined;
  if (wanted === 'ipvs' && obstacle === undefined) return 'ipvs';
  for (const mode of FILTER_MODES) {
    if (!(await isInstalled(mode, run))) continue;
    if (obstacle !== undefined) logger.warn(ipvsRemark(configuration, mode, obstacle));
    return mode;
  }
  throw missing(FILTER_MODES);
}

/** The back ends of a mode, for the families that the kernel has: IPv4 first. */
export async function openBackends(
  mode: ProxyMode,
  options: OpenBackendsOptions & { readonly configuration: KubeProxyConfiguration },
): Promise<FamilyBackend[]> {
  const families: Family[] = (await exists('/proc/net/if_inet6')) ? [4, 6] : [4];
  return families.map((family) => ({ family, backend: createBackend(mode, family, options) }));
}

/** Removes what proxies of these modes have left behind, in both families. */
export async function cleanUpModes(modes: readonly ProxyMode[], options: OpenBackendsOptions): Promise<void> {
  for (const mode of modes) {
    if (!(await isInstalled(mode, options.run))) continue;
    const backends = await openBackends(mode, { ...options, configuration: completeConfiguration() });
    // IPv4's takes with it what both families have together.
    for (const { backend } of backends.toReversed()) await backend.cleanUp();
  }
}

/** The modes whose rules a proxy of this one removes before it starts; IPVS takes the chains of iptables over as its own. */
export const leftByOthers = (mode: ProxyMode): readonly ProxyMode[] =>
  mode === 'ipvs' ? ['nftables'] : ALL_MODES.filter((other) => other !== mode);

function createBackend(
  mode: ProxyMode,
  family: Family,
  { configuration, ...options }: OpenBackendsOptions & { readonly configuration: KubeProxyConfiguration },
): RuleBackend {
  switch (mode) {
    case 'nftables':
      return createNftablesBackend({ family, ...options });
    case 'iptables':
      return createIptablesBackend({ family, ...options });
    case 'ipvs':
      return createIpvsBackend({
        ...{ family, ...options, scheduler: schedulerOf(configuration), hostAddresses },
        excludeCidrs: configuration.ipvs.excludeCIDRs ?? [],
      });
  }
}

const schedulerOf = ({ ipvs }: KubeProxyConfiguration): string => ipvs.scheduler || DEFAULT_SCHEDULER;

/** Of the interfaces that are up, which that of IPVS never is. */
function hostAddresses(): string[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    name === DUMMY_DEVICE ? [] : (list ?? []).map(({ address }) => address),
  );
}

async function isInstalled(mode: ProxyMode, run: RunProgram): Promise<boolean> {
  try {
    for (const [program, ...args] of PROGRAMS[mode]) await run(program, args);
    return true;
  } catch (error) {
    if (error instanceof CodedError && error.code === 'PROGRAM_MISSING') return false;
    // ipvsadm(8) asks the kernel even for its own version.
    if (mode === 'ipvs' && error instanceof CodedError) return true;
    throw error;
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const missing = (modes: readonly FilterMode[]) =>
  new CodedError(
    `no packet filter can be written: install Debian's package ${modes.map((mode) => PACKAGES[mode]).join(' or ')}`,
    { code: 'PACKET_FILTER_MISSING' },
  );
