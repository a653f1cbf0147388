import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Secret } from '../../api/gen/types.ts';
import { bootstrapTokenOf, TOKEN_NAMESPACE, TOKEN_SECRET_TYPE } from '../../cluster/bootstrap-token.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { TOKEN_FLAGS, tokenClient } from '../token/token-flags.ts';
import { formatTokenTable, tokenDocuments } from '../token/token-table.ts';

/** `kubeadm token list`. */
export const tokenListCommand: ComponentCommand = {
  name: 'list',
  summary: 'Lists the bootstrap tokens.',
  flags: [{ name: 'output', shorthand: 'o', type: 'string', default: 'text', description: 'text, json or yaml' }, ...TOKEN_FLAGS],
  run: listTokens,
};

async function listTokens(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const output = flags.values.string('output');
  if (!['text', 'json', 'yaml'].includes(output))
    throw new FlagError(
      '--output',
      `invalid argument ${JSON.stringify(output)} for "-o, --output" flag: must be text, json or yaml`,
    );
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
    if (output === 'text') io.stdout(formatTokenTable(tokens, io.clock.now()));
    else if (output === 'json')
      io.stdout(
        tokenDocuments(tokens)
          .map((token) => `${JSON.stringify(token, null, 4)}\n`)
          .join(''),
      );
    else {
      const { stringify } = await import('yaml');
      io.stdout(
        tokenDocuments(tokens)
          .map((token) => stringify(token))
          .join('---\n'),
      );
    }
    return 0;
  } finally {
    await client.transport.close({ final: true });
  }
}
