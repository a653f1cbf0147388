import type { ComponentCommand } from '../../std/command.ts';
import { KUBERNETES_VERSION, MUSTER_VERSION } from '../../std/version.ts';

/** `muster version`. */
export const versionCommand: ComponentCommand = {
  name: 'version',
  summary: "Prints Muster's version and the Kubernetes release that it follows.",
  flags: [{ name: 'output', shorthand: 'o', type: 'string', description: 'json for an object instead of a line' }],
  async run(flags, io) {
    const version = { muster: MUSTER_VERSION, kubernetes: KUBERNETES_VERSION, node: process.version };
    io.stdout(
      flags.values.string('output') === 'json'
        ? `${JSON.stringify(version)}\n`
        : `muster ${version.muster} (Kubernetes ${version.kubernetes}, Node ${version.node})\n`,
    );
    return 0;
  },
};
