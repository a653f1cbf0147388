import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';
import type { ComponentCommand } from '../../std/command.ts';
import { knownCluster } from '../local/known-cluster.ts';
import { NAME_FLAG } from '../up/up-options.ts';

/** `muster kubeconfig`. */
export const kubeconfigCommand: ComponentCommand = {
  name: 'kubeconfig',
  summary: "Prints a cluster's kubeconfig, with an administrator's certificate.",
  flags: [NAME_FLAG],
  async run(flags, io) {
    const { name, directory } = await knownCluster(flags, io);
    const text = await readFile(join(directory, 'admin.kubeconfig'), 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw cause;
      throw new CodedError(`cluster "${name}" was never ready; "muster up --name ${name}" starts it`, {
        code: 'CLUSTER_INCOMPLETE',
        cause,
      });
    });
    io.stdout(text);
    return 0;
  },
};
