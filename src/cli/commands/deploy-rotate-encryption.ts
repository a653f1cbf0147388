import { advanceKeys, type EncryptionKeys, type StoredForm, writeEncryptionKeys } from '../../deploy/assets/encryption-keys.ts';
import { type Outline, outlineOfPlan } from '../../deploy/plan/outline.ts';
import { rotateEncryption } from '../../deploy/rotate/encryption.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { DEPLOY_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG, printOutline, wantsJson } from '../deploy/deploy-flags.ts';
import { distribute, requireSound } from '../deploy/distribute.ts';
import { rewriteStoredSecrets } from '../deploy/encryption.ts';
import { lookAt } from '../deploy/look.ts';
import { openSession, type Session } from '../deploy/session.ts';

/** `muster deploy rotate encryption-key`. */
export const deployRotateEncryptionCommand: ComponentCommand = {
  name: 'deploy rotate encryption-key',
  summary:
    'Replaces the key with which Secrets lie in etcd, or how they lie there: all read the new one, then it writes, then all is written anew.',
  flags: [...DEPLOY_FLAGS, DRY_RUN_FLAG, OUTPUT_FLAG],
  async run(flags, io) {
    const dryRun = flags.values.bool('dry-run');
    wantsJson(flags);
    await using session = await openSession(flags, io, {
      readOnly: dryRun,
      ...(!dryRun && { locksAs: 'rotate encryption-key' }),
    });
    const { files } = session;
    const { provider } = session.inventory.encryption;
    const keys = session.material.encryption;
    const isBegun = keys.stage !== 'settled';
    if (!isBegun) {
      requireKey(keys, session);
      await requireSound(session, io);
    }
    if (dryRun) {
      const next = isBegun ? keys : advanceKeys(keys, provider);
      await writeEncryptionKeys(files, next);
      printOutline(flags, io, [outlineOf(next), ...(await hostOutlines(await session.reopened(), io))]);
      return 0;
    }
    if (isBegun) io.stderr('a replacement of the encryption key that was ended goes on\n');
    await rotateEncryption({
      ...{ files, keys, provider },
      distribute: () => distribute(session, io),
      rewrite: async (form) => rewriteStoredSecrets(await session.reopened(), io, form),
      progress: (line) => io.stderr(`${line}\n`),
    });
    io.stderr(`Secrets are kept by ${titleOf((await session.reopened()).material.encryption.forms[0])}\n`);
    return 0;
  },
};

/** @throws CodedError ENCRYPTION_OFF where there is nothing to replace, nor to be */
function requireKey({ forms: [form] }: EncryptionKeys, { inventory }: Session): void {
  if (form.provider === 'none' && inventory.encryption.provider === 'none')
    throw new CodedError('nothing was done: encryption.provider is "none", so Secrets lie in etcd without a key', {
      code: 'ENCRYPTION_OFF',
    });
}

const titleOf = (form: StoredForm): string =>
  form.provider === 'none' ? 'nothing: they are plain' : `${form.provider}, ${form.name}`;

function outlineOf({ stage, forms }: EncryptionKeys): Outline {
  const [first, second] = forms;
  const [from, to] = stage === 'known' ? [first, second] : [second, first];
  const lines = [...(from ? [`- ${titleOf(from)}`] : []), ...(to ? [`+ ${titleOf(to)}`] : [])];
  return { target: 'Secrets in etcd', changes: [{ action: 'change', title: 'how they are kept', lines }] };
}

async function hostOutlines(session: Session, io: CommandIo): Promise<Outline[]> {
  const { plans } = await lookAt(session, io);
  return plans.map(outlineOfPlan);
}
