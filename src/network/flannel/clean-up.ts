import { readInterfaces } from '../../host/network-interfaces.ts';
import type { NftTable } from '../../host/nft-table.ts';
import type { RunProgram } from '../../host/run-program.ts';
import type { Logger } from '../../std/logger.ts';
import { FLANNEL_FORWARD, removeForwardRules } from '../forward-rules.ts';
import { bridgeOf, DEFAULT_CNI_CONF } from './cni-conf.ts';
import { forwardingChanges } from './forwarding-plan.ts';
import { readForwarding, writeForwarding } from './kernel-forwarding.ts';
import { type NetworkPaths, removeNetworkFiles } from './network-files.ts';

export interface CleanUpOptions {
  readonly run: RunProgram;
  /** Of masquerading rules, one of each family. */
  readonly tables: readonly NftTable[];
  readonly paths: NetworkPaths;
  readonly logger: Logger;
  /** That pods were on. Default: flannel's own. */
  readonly bridge?: string;
}

const FAMILIES = [4, 6] as const;

/** Takes away what any run has left on this machine, and the bridge when no pod is on it any more. Nothing of others is touched. */
export async function cleanUpFlannel({
  run,
  tables,
  paths,
  logger,
  bridge = bridgeOf(DEFAULT_CNI_CONF),
}: CleanUpOptions): Promise<void> {
  // First, so that the runtime begins no more pods.
  await removeNetworkFiles(paths);
  for (const family of FAMILIES)
    await writeForwarding(
      run,
      forwardingChanges(await readForwarding(run, family, undefined), { routes: [], neighbours: [], tunnels: [] }, {}),
    );
  const interfaces = await readInterfaces(run);
  for (const { name, kind } of interfaces)
    if ((kind === 'vxlan' && /^flannel(-v6)?\.\d+$/.test(name)) || (kind === 'ipip' && name === 'flannel.ipip'))
      await run('ip', ['link', 'delete', name]);
  for (const table of tables) await table.remove();
  for (const family of FAMILIES) await removeForwardRules(run, FLANNEL_FORWARD, family);
  if (!interfaces.some(({ name, kind }) => name === bridge && kind === 'bridge')) return;
  const { stdout } = await run('ip', ['-json', 'link', 'show', 'master', bridge]);
  const ports = JSON.parse(stdout || '[]') as readonly { readonly ifname?: string }[];
  if (ports.length === 0) await run('ip', ['link', 'delete', bridge, 'type', 'bridge']);
  else logger.warn('Pods are on the bridge, so it stays', { bridge, pods: ports.length });
}
