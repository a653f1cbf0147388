import type { EncryptionProvider } from '../../api/config/v1/inventory.ts';
import type { AssetFiles } from '../assets/asset-files.ts';
import { advanceKeys, type EncryptionKeys, type StoredForm, writeEncryptionKeys } from '../assets/encryption-keys.ts';

export interface EncryptionRun {
  readonly files: AssetFiles;
  /** As the assets have them now: what was ended goes on. */
  readonly keys: EncryptionKeys;
  /** Of what is to come, unless that is made already. */
  readonly provider: EncryptionProvider;
  /** Makes all hosts what the assets say; resolves when all API servers run so. Done again when the command is ended within it. */
  distribute(): Promise<void>;
  /** Has every Secret written anew. @throws unless all of them are in this form then */
  rewrite(form: StoredForm): Promise<void>;
  progress(line: string): void;
}

/**
 * Replaces how Secrets are kept, so that no API server ever meets one that it cannot read: all get to know the new key, then it writes,
 * then everything is written anew with it, and at last the old one goes. The same call goes on wherever it was ended.
 */
export async function rotateEncryption({ files, provider, distribute, rewrite, progress, ...run }: EncryptionRun): Promise<void> {
  let { keys } = run;
  const advance = async () => {
    keys = advanceKeys(keys, provider);
    await writeEncryptionKeys(files, keys);
  };
  if (keys.stage === 'settled') await advance();
  if (keys.stage === 'known') {
    progress('1 of 4: all API servers get to know the new key');
    await distribute();
    await advance();
  }
  if (keys.stage === 'writing') {
    progress('2 of 4: the new key writes');
    await distribute();
    progress('3 of 4: Secrets are written anew');
    await rewrite(keys.forms[0]);
    await advance();
  }
  progress('4 of 4: the old key is dropped');
  await distribute();
  await advance();
}
