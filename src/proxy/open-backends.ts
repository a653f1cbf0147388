import { access } from 'node:fs/promises';
import type { Family } from '../api/machinery/ip.ts';
import type { RunProgram } from '../host/run-program.ts';
import { CodedError } from '../std/coded-error.ts';
import type { Logger } from '../std/logger.ts';
import { ipvsRemark, type KubeProxyConfiguration } from './configuration/kube-proxy-configuration.ts';
import { createIptablesBackend } from './iptables/backend.ts';
import { createNftablesBackend } from './nftables/backend.ts';
import type { RuleBackend } from './rule-backend.ts';

export type Mode = RuleBackend['name'];
type FamilyBackend = { readonly family: Family; readonly backend: RuleBackend };

const MODES: readonly Mode[] = ['iptables', 'nftables'];
const PROGRAMS: Readonly<Record<Mode, readonly (readonly [program: string, ...args: string[]])[]>> = {
  iptables: [['iptables-restore', '--version']],
  nftables: [['nft', '--version']],
};
/** Debian's names. */
const PACKAGES: Readonly<Record<Mode, string>> = { iptables: 'iptables', nftables: 'nftables' };

export interface OpenBackendsOptions {
  readonly run: RunProgram;
  readonly logger: Logger;
}

/**
 * What the mode comes down to on this machine: `ipvs`, and none, are iptables as upstream's default is, or nftables where iptables is
 * not installed.
 *
 * @throws CodedError naming the program that is missing, and its package
 */
export async function chooseMode(configuration: KubeProxyConfiguration, { run, logger }: OpenBackendsOptions): Promise<Mode> {
  const wanted = configuration.mode;
  if (wanted === 'iptables' || wanted === 'nftables') {
    if (await isInstalled(wanted, run)) return wanted;
    throw missing([wanted]);
  }
  for (const mode of MODES) {
    if (!(await isInstalled(mode, run))) continue;
    if (wanted === 'ipvs') logger.warn(ipvsRemark(configuration, mode));
    return mode;
  }
  throw missing(MODES);
}

/** The back ends of a mode, for the families that the kernel has: IPv4 first. */
export async function openBackends(mode: Mode, options: OpenBackendsOptions): Promise<FamilyBackend[]> {
  const families: Family[] = (await exists('/proc/net/if_inet6')) ? [4, 6] : [4];
  return families.map((family) => ({ family, backend: createBackend(mode, family, options) }));
}

/** Removes what proxies of these modes have left behind, in both families. */
export async function cleanUpModes(modes: readonly Mode[], options: OpenBackendsOptions): Promise<void> {
  for (const mode of modes) {
    if (!(await isInstalled(mode, options.run))) continue;
    for (const { backend } of await openBackends(mode, options)) await backend.cleanUp();
  }
}

export const otherModes = (mode: Mode): Mode[] => MODES.filter((other) => other !== mode);

function createBackend(mode: Mode, family: Family, options: OpenBackendsOptions): RuleBackend {
  return mode === 'nftables' ? createNftablesBackend({ family, ...options }) : createIptablesBackend({ family, ...options });
}

async function isInstalled(mode: Mode, run: RunProgram): Promise<boolean> {
  try {
    for (const [program, ...args] of PROGRAMS[mode]) await run(program, args);
    return true;
  } catch (error) {
    if (error instanceof CodedError && error.code === 'PROGRAM_MISSING') return false;
    throw error;
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const missing = (modes: readonly Mode[]) =>
  new CodedError(
    `no packet filter can be written: install Debian's package ${modes.map((mode) => PACKAGES[mode]).join(' or ')}`,
    { code: 'PACKET_FILTER_MISSING' },
  );
