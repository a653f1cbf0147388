import type { Family } from '../../api/machinery/ip.ts';
import { addressesOf, readInterfaces } from '../../host/network-interfaces.ts';
import type { RunProgram } from '../../host/run-program.ts';
import { parseVirtualServers, type VirtualServer } from './virtual-servers.ts';

/** As upstream calls it. It is never up: that its addresses are this machine's is all that is needed of it. */
export const DUMMY_DEVICE = 'kube-ipvs0';

/** All services of a family, whoever has made them. */
export async function readVirtualServers(run: RunProgram, family: Family): Promise<Map<string, VirtualServer>> {
  return parseVirtualServers((await run('ipvsadm', ['--list', '--numeric'])).stdout, family);
}

/**
 * Carries out lines of `ipvsadm --restore`, also those after one that the kernel refuses. Answers what it said of those, once each; its
 * status tells nothing, and it does not say which they are.
 */
export async function restoreServers(
  run: RunProgram,
  lines: readonly string[],
  signal?: AbortSignal,
): Promise<readonly string[]> {
  if (lines.length === 0) return [];
  const { stderr } = await run('ipvsadm', ['--restore'], { input: `${lines.join('\n')}\n`, ...(signal && { signal }) });
  return [...new Set(stderr.split('\n').filter((line) => line.trim()))];
}

/** Carries out lines of `ipset restore`: what is there already, or gone already, is no failure. */
export async function restoreSets(run: RunProgram, input: string, signal?: AbortSignal): Promise<void> {
  if (input) await run('ipset', ['restore', '-exist'], { input, ...(signal && { signal }) });
}

/** The addresses of the device; undefined when it is not there. */
export async function readDeviceAddresses(run: RunProgram, family: Family): Promise<Set<string> | undefined> {
  const device = (await readInterfaces(run)).find(({ name }) => name === DUMMY_DEVICE);
  return device && new Set(addressesOf(device, family).flatMap(({ ip, scope }) => (scope === 'link' ? [] : ip)));
}

/** Makes the device where it is missing. */
export async function makeDevice(run: RunProgram, family: Family): Promise<void> {
  try {
    await run('ip', ['link', 'add', DUMMY_DEVICE, 'type', 'dummy']);
  } catch (error) {
    // The other family's has made it meanwhile.
    if ((await readDeviceAddresses(run, family)) === undefined) throw error;
  }
}

/** Takes the device away with all its addresses. */
export async function removeDevice(run: RunProgram): Promise<void> {
  await run('ip', ['link', 'delete', DUMMY_DEVICE]);
}

/** Adds addresses to the device, or takes them off. */
export async function changeAddresses(
  run: RunProgram,
  verb: 'replace' | 'delete',
  addresses: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  if (addresses.length === 0) return;
  const lines = addresses.map((ip) => `address ${verb} ${ip}/${ip.includes(':') ? 128 : 32} dev ${DUMMY_DEVICE}\n`);
  await run('ip', ['-batch', '-'], { input: lines.join(''), ...(signal && { signal }) });
}
