import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunProgram } from '../../host/run-program.ts';
import type { Logger } from '../../std/logger.ts';

const SWITCHES = ['bridge-nf-call-iptables', 'bridge-nf-call-ip6tables'];

/**
 * Packets between two ports of a bridge come by the packet filter only where the kernel is told so; without, pods on one bridge speak
 * to each other whatever policies say. What cannot be switched on is told.
 *
 * @param root of the kernel's settings
 */
export async function filterBridges(run: RunProgram, logger: Logger, root = '/proc/sys/net/bridge'): Promise<void> {
  for (const name of SWITCHES) {
    const file = join(root, name);
    try {
      const value = await readFile(file, 'utf8').catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        await run('modprobe', ['br_netfilter']);
        return readFile(file, 'utf8');
      });
      if (value.trim() === '1') continue;
      await writeFile(file, '1');
      logger.info('Set sysctl', { entry: `net.bridge.${name}`, value: 1 });
    } catch (error) {
      logger.warn('Policies do not hold between pods on the same bridge: load the module br_netfilter and set this to 1', {
        entry: `net.bridge.${name}`,
        error,
      });
    }
  }
}
