import type { ComponentCommand } from '../../std/command.ts';
import { FlagError } from '../../std/flags.ts';
import { KUBERNETES_VERSION } from '../../std/version.ts';
import { TOKEN_FLAGS } from '../token/token-flags.ts';

/** `kubeadm version`. */
export const kubeadmVersionCommand: ComponentCommand = {
  name: 'version',
  summary: 'Prints the version of Kubernetes that this follows.',
  flags: [{ name: 'output', shorthand: 'o', type: 'string', description: 'short, json or yaml' }, ...TOKEN_FLAGS],
  async run(flags, io) {
    const output = flags.values.string('output');
    const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(KUBERNETES_VERSION) ?? [];
    const version = { major, minor, gitVersion: KUBERNETES_VERSION, compiler: `node ${process.version}` };
    const platform = `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`;
    const document = { clientVersion: { ...version, platform } };
    if (output === '') io.stdout(`kubeadm version: ${KUBERNETES_VERSION} (${version.compiler}, ${platform})\n`);
    else if (output === 'short') io.stdout(`${KUBERNETES_VERSION}\n`);
    else if (output === 'json') io.stdout(`${JSON.stringify(document, null, 2)}\n`);
    else if (output === 'yaml') io.stdout((await import('yaml')).stringify(document, { version: '1.1', sortMapEntries: true }));
    else throw new FlagError('--output', `invalid output format: ${output}; there are short, json and yaml`);
    return 0;
  },
};
