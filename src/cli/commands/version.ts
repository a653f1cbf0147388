import type { ComponentCommand } from '../../std/command.ts';
import { FlagError } from '../../std/flags.ts';
import { KUBERNETES_VERSION, MUSTER_VERSION } from '../../std/version.ts';

/** `muster version`. */
export const versionCommand: ComponentCommand = {
  name: 'version',
  summary: "Prints Muster's version and the Kubernetes release that it follows.",
  flags: [{ name: 'output', shorthand: 'o', type: 'string', description: 'json for an object instead of a line' }],
  async run(flags, io) {
    const output = flags.values.string('output');
    if (output !== '' && output !== 'json') throw new FlagError('--output', `--output: "${output}" is not json`);
    const version = { muster: MUSTER_VERSION, kubernetes: KUBERNETES_VERSION, node: process.version };
    io.stdout(
      output === 'json'
        ? `${JSON.stringify(version)}\n`
        : `muster ${version.muster} (Kubernetes ${version.kubernetes}, Node ${version.node})\n`,
    );
    return 0;
  },
};
