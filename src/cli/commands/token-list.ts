import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Secret } from '../../api/gen/types.ts';
import { bootstrapTokenOf, TOKEN_NAMESPACE, TOKEN_SECRET_TYPE } from '../../cluster/bootstrap-token.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import type { ParsedFlags } from '../../std/flags.ts';
import { TOKEN_FLAGS, tokenClient } from '../token/token-flags.ts';
import { tokenFormat } from '../token/token-format.ts';

/** `kubeadm token list`. */
export const tokenListCommand: ComponentCommand = {
  name: 'list',
  summary: 'Lists the bootstrap tokens.',
  flags: [
    { name: 'output', shorthand: 'o', type: 'string', default: 'text', description: 'text, json, yaml or jsonpath=TEMPLATE' },
    { name: 'allow-missing-template-keys', type: 'bool', default: true, description: 'print nothing for what a token lacks' },
    { name: 'show-managed-fields', type: 'bool', description: 'tokens have none', noEffect: true },
    ...TOKEN_FLAGS,
  ],
  run: listTokens,
};

async function listTokens(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const format = await tokenFormat(flags.values.string('output'), flags.values.bool('allow-missing-template-keys'));
  const { client } = await tokenClient(flags, io);
  try {
    const { items } = await client
      .resource<V1Secret>(secretKind, TOKEN_NAMESPACE)
      .list({ fieldSelector: `type=${TOKEN_SECRET_TYPE}` });
    const tokens = items.flatMap((secret) => {
      try {
        return [bootstrapTokenOf(secret)];
      } catch (error) {
        // One Secret that somebody wrote badly does not hide the others.
        if (!(error instanceof CodedError)) throw error;
        io.stderr(`${error.message}\n`);
        return [];
      }
    });
    io.stdout(format(tokens, io.clock.now()));
    return 0;
  } finally {
    await client.transport.close({ final: true });
  }
}
