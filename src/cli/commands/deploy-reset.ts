import { resetHosts } from '../../deploy/reset/reset.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { ComponentCommand } from '../../std/command.ts';
import { FlagError } from '../../std/flags.ts';
import { DEPLOY_FLAGS } from '../deploy/deploy-flags.ts';
import { openSession } from '../deploy/session.ts';
import { describeError } from '../describe-error.ts';

/** `muster deploy reset`. */
export const deployResetCommand: ComponentCommand = {
  name: 'deploy reset',
  summary: 'Takes a cluster down: removes from the hosts what "deploy apply" put there, the data of the cluster too.',
  flags: [...DEPLOY_FLAGS, { name: 'yes', type: 'bool', description: "delete the cluster's data" }],
  async run(flags, io) {
    if (!flags.values.bool('yes')) throw new FlagError('--yes', "--yes is missing: all of the cluster's data would be gone");
    await using session = await openSession(flags, io, { readOnly: true, locksAs: 'reset' });
    const { inventory, transports, assetsDirectory } = session;
    const progress = (line: string) => io.stdout(`${line}\n`);
    const failures = await resetHosts(inventory, transports, { progress, signal: io.signal });
    if (failures.size > 0) {
      const lines = [...failures].map(([host, error]) => `${host}: ${describeError(error)}`);
      throw new CodedError(`${lines.length} of ${inventory.hosts.length} hosts are not reset: ${lines.join('; ')}`, {
        code: 'RESET_FAILED',
        retryable: true,
      });
    }
    io.stdout(`the cluster's keys are still in ${assetsDirectory}\n`);
    return 0;
  },
};
