import { secretKind } from '../../api/core/v1/secret.ts';
import {
  TOKEN_ID_PATTERN,
  TOKEN_NAMESPACE,
  TOKEN_PATTERN,
  TOKEN_SECRET_PREFIX,
  tokenIdOf,
} from '../../cluster/bootstrap-token.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { TOKEN_FLAGS, tokenClient } from '../token/token-flags.ts';

/** `kubeadm token delete TOKEN …`: by id or whole token. */
export const tokenDeleteCommand: ComponentCommand = {
  name: 'delete',
  arguments: 'TOKEN...',
  summary: 'Deletes bootstrap tokens, given by id or in full; they stop authenticating at once.',
  flags: TOKEN_FLAGS,
  run: deleteTokens,
};

async function deleteTokens(flags: ParsedFlags, io: CommandIo): Promise<number> {
  if (flags.args.length === 0)
    throw new FlagError(
      'TOKEN',
      `missing argument; 'token delete' is missing token of form "${TOKEN_ID_PATTERN}" or "${TOKEN_PATTERN}"`,
    );
  const ids = flags.args.map(tokenIdOf);
  const { client } = await tokenClient(flags, io);
  try {
    const secrets = client.resource(secretKind, TOKEN_NAMESPACE);
    for (const id of ids) {
      await secrets.delete(`${TOKEN_SECRET_PREFIX}${id}`, { dryRun: flags.values.bool('dry-run') }).catch((error: Error) => {
        throw new CodedError(`failed to delete bootstrap token ${JSON.stringify(id)}: ${error.message}`, {
          code: 'TOKEN_NOT_DELETED',
          cause: error,
        });
      });
      io.stdout(`bootstrap token ${JSON.stringify(id)} ${flags.values.bool('dry-run') ? 'would be deleted' : 'deleted'}\n`);
    }
    return 0;
  } finally {
    await client.transport.close({ final: true });
  }
}
