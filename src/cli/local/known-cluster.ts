import { realpath } from 'node:fs/promises';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo } from '../../std/command.ts';
import type { ParsedFlags } from '../../std/flags.ts';
import { checkClusterName, clusterDirectory } from './cluster-home.ts';

/**
 * The directory of the cluster that `--name` says.
 *
 * @throws CodedError CLUSTER_UNKNOWN
 */
export async function knownCluster(flags: ParsedFlags, io: CommandIo): Promise<{ name: string; directory: string }> {
  const name = checkClusterName(flags.values.string('name'));
  try {
    return { name, directory: await realpath(clusterDirectory(io.env, name)) };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new CodedError(`there is no cluster "${name}"; "muster ls" lists them and "muster up --name ${name}" starts it`, {
      code: 'CLUSTER_UNKNOWN',
      cause,
    });
  }
}
