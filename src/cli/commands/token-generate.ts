import { generateBootstrapToken } from '../../cluster/bootstrap-token.ts';
import type { ComponentCommand } from '../../std/command.ts';
import { TOKEN_FLAGS } from '../token/token-flags.ts';

/** `kubeadm token generate`. */
export const tokenGenerateCommand: ComponentCommand = {
  name: 'generate',
  summary: 'Prints a token that could be used, without making it known to any cluster.',
  flags: TOKEN_FLAGS,
  async run(_flags, io) {
    io.stdout(`${generateBootstrapToken()}\n`);
    return 0;
  },
};
