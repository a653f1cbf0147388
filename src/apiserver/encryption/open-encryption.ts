import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { Store } from '../../store/store.ts';
import { followFile } from '../configuration-files/follow-file.ts';
import { parseConfiguration, wrongFile } from '../configuration-files/read-configuration.ts';
import { createEncryptingStore, type EncryptingStore } from './encrypting-store.ts';
import { checkEncryptionConfiguration, ENCRYPTION_FLAG, ENCRYPTION_SHAPE } from './encryption-config.ts';
import { createResourceTransformers, type TransformerOf } from './resource-transformers.ts';

export interface EncryptionConfig {
  /** `--encryption-provider-config`. */
  readonly path: string;
  /** `--encryption-provider-config-automatic-reload`. */
  readonly automaticReload: boolean;
}

export interface EncryptionDeps {
  readonly store: Store;
  /** Which kind's values lie under a key; undefined for keys that belong to none. */
  readonly kindOf: (key: string) => { readonly group: string; readonly resource: string } | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Encryption extends EncryptingStore {
  close(): void;
}

/** Puts encryption under a store. Throws a CodedError that names the file and the field, never a key. */
export async function openEncryption(config: EncryptionConfig, deps: EncryptionDeps): Promise<Encryption> {
  const { store, kindOf, clock, logger } = deps;
  const text = await readText(config.path, logger);
  let transformers: TransformerOf = await load(config.path, text);
  const encrypting = createEncryptingStore(store, (key) => {
    const kind = kindOf(key);
    return kind && transformers(kind.group, kind.resource);
  });
  const follower = config.automaticReload
    ? followFile({
        what: 'encryption config',
        path: config.path,
        text,
        read: () => readText(config.path, logger),
        async apply(newer) {
          transformers = await load(config.path, newer);
          encrypting.forms.changed();
        },
        clock,
        logger,
      })
    : undefined;
  return { ...encrypting, close: () => follower?.close() };
}

async function load(path: string, text: string): Promise<TransformerOf> {
  const source = { flag: ENCRYPTION_FLAG, path, shape: ENCRYPTION_SHAPE };
  return createResourceTransformers(checkEncryptionConfiguration(path, await parseConfiguration(text, source)));
}

async function readText(path: string, logger: Logger): Promise<string> {
  try {
    const { mode } = await stat(path);
    if (mode & 0o077) logger.warn('The file with encryption keys can be read by others than its owner; chmod 600 it', { path });
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : (cause as Error).message;
    throw wrongFile(ENCRYPTION_FLAG, path, `open ${path}: ${why}`, cause);
  }
}
