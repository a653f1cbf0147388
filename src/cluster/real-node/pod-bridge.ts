import { access } from 'node:fs/promises';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import type { Logger } from '../../std/logger.ts';

/** There once the kernel can filter what passes over a bridge. */
const BRIDGE_FILTER = '/proc/sys/net/bridge';

/**
 * Makes the bridge of pods, before the plugin that would make it: what passes between two pods of it goes through the packet filter, so
 * that the answer of a pod that was reached by a Service's address comes from that address. The plugin takes the bridge that is there;
 * `removePodNetwork` takes it away.
 */
export async function preparePodBridge(bridge: string, run: RunProgram, logger: Logger, filter = BRIDGE_FILTER): Promise<void> {
  const filtered = ['type', 'bridge', 'nf_call_iptables', '1', 'nf_call_ip6tables', '1'];
  try {
    await run('ip', ['link', 'add', 'name', bridge, ...filtered]);
  } catch (error) {
    if (!(error instanceof ProgramError && /File exists/.test(error.stderr))) throw error;
    await run('ip', ['link', 'set', 'dev', bridge, ...filtered]);
  }
  if (await exists(filter)) return;
  await run('modprobe', ['br_netfilter']).catch((error: unknown) => {
    logger.warn(
      'The kernel cannot filter bridges (br_netfilter): pods do not reach pods of this machine by the address of a Service',
      {
        error,
      },
    );
  });
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
