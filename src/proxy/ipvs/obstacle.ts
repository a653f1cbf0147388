import { access } from 'node:fs/promises';
import type { ProgramError, RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { keyOf, parseVirtualServers, type VirtualServer } from './virtual-servers.ts';

export interface ObstacleOptions {
  readonly run: RunProgram;
  readonly scheduler: string;
  /** Default: /proc. */
  readonly procDirectory?: string;
}

/** Debian's packages have the names of the programs. */
const PROGRAMS = ['ipvsadm', 'ipset', 'iptables'] as const;

/** Of a range for documentation (RFC 5737), as upstream tries a scheduler. */
const TRIAL = { protocol: 'tcp', ip: '198.51.100.0', port: 20_000 } as const;

/**
 * Why IPVS cannot be used on this machine, in words that name what is missing: a program, the kernel's module, or its scheduler.
 * Undefined when it can. Modules are loaded where that is possible.
 */
export async function ipvsObstacle(options: ObstacleOptions): Promise<string | undefined> {
  const { run, scheduler, procDirectory = '/proc' } = options;
  for (const program of PROGRAMS)
    if (!(await isInstalled(program, run))) return `${program} is not installed (Debian's package ${program})`;
  const table = `${procDirectory}/net/ip_vs`;
  if (!(await exists(table))) await load('ip_vs', run);
  if (!(await exists(table))) return 'the kernel has no IPVS, and its module ip_vs cannot be loaded';
  try {
    await run('ipset', ['list', '-name']);
  } catch (error) {
    return `the kernel has no sets of addresses (module ip_set): ${(error as Error).message}`;
  }
  // The module says so of itself only when it is one; and a match of iptables is loaded by the kernel when a rule needs it.
  return (await hasScheduler(scheduler, run))
    ? undefined
    : `the kernel has no IPVS scheduler "${scheduler}" (module ip_vs_${scheduler})`;
}

/** By a service that has it, or else by making one, which loads the module. */
async function hasScheduler(scheduler: string, run: RunProgram): Promise<boolean> {
  const services = parseVirtualServers((await run('ipvsadm', ['--list', '--numeric'])).stdout, 4);
  if ([...services.values()].some((service: VirtualServer) => service.scheduler === scheduler)) return true;
  const address = `${TRIAL.ip}:${TRIAL.port}`;
  // A run that was killed in the middle has left it.
  if (services.has(keyOf(TRIAL))) await run('ipvsadm', ['--delete-service', '--tcp-service', address]);
  try {
    await run('ipvsadm', ['--add-service', '--tcp-service', address, '--scheduler', scheduler]);
  } catch (error) {
    if (/not found/.test((error as ProgramError).stderr)) return false;
    throw error;
  }
  await run('ipvsadm', ['--delete-service', '--tcp-service', address]);
  return true;
}

/** Where there is no modprobe(8), or no module, what is looked at next tells. */
async function load(module: string, run: RunProgram): Promise<void> {
  await run('modprobe', ['--', module]).catch((error: unknown) => {
    if (!(error instanceof CodedError)) throw error;
  });
}

async function isInstalled(program: string, run: RunProgram): Promise<boolean> {
  try {
    await run(program, ['--version']);
    return true;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    // ipvsadm asks the kernel even for its own version.
    return error.code !== 'PROGRAM_MISSING';
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
