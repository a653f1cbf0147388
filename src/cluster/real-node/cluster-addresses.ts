import { createHash } from 'node:crypto';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';

const DEVICE = 'lo';

/** Where pods find what runs in the cluster's own process. */
export interface ClusterAddresses {
  readonly dns: string;
  readonly api: string;
}

/**
 * Addresses of the loopback device for what Services of the cluster lead to, so that pods of this machine reach it however their network is
 * made, and others only when they send what is for it here on purpose. Of a range that no network uses (198.18.0.0/15, RFC 2544), others
 * for each cluster.
 *
 * @param bridge of the cluster's pods, which no other cluster on this machine has
 */
export function clusterAddresses(bridge: string): ClusterAddresses {
  const addressOf = (what: string) => {
    const [a = 0, b = 0, c = 0] = createHash('sha256').update(`${what} ${bridge}`).digest();
    return `198.${18 + (a % 2)}.${b}.${1 + (c % 254)}`;
  };
  return { dns: addressOf('dns'), api: addressOf('api') };
}

/** Gives the machine an address. There already is no failure. */
export async function addClusterAddress(address: string, run: RunProgram): Promise<void> {
  await run('ip', ['address', 'replace', `${address}/32`, 'dev', DEVICE, 'scope', 'host']);
}

/** Takes it away. Not there is no failure. @throws CodedError CLUSTER_ADDRESS_REMAINS */
export async function removeClusterAddress(address: string, run: RunProgram): Promise<void> {
  try {
    await run('ip', ['address', 'delete', `${address}/32`, 'dev', DEVICE]);
  } catch (cause) {
    if (cause instanceof ProgramError && /Cannot assign requested address|Address not found/.test(cause.stderr)) return;
    throw new CodedError(`cannot remove the cluster's address ${address}: ${(cause as Error).message}`, {
      code: 'CLUSTER_ADDRESS_REMAINS',
      cause,
    });
  }
}
