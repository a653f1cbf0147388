import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { Metric } from '../../std/metric.ts';
import type { Store } from '../../store/store.ts';
import { followFile } from '../configuration-files/follow-file.ts';
import { parseConfiguration, wrongFile } from '../configuration-files/read-configuration.ts';
import { ReloadMetrics } from '../configuration-files/reload-metrics.ts';
import type { HealthCheck } from '../health/health-checks.ts';
import { createEncryptingStore, type EncryptingStore } from './encrypting-store.ts';
import { checkEncryptionConfiguration, ENCRYPTION_FLAG, ENCRYPTION_SHAPE } from './encryption-config.ts';
import { createResourceTransformers, type ResourceTransformers } from './resource-transformers.ts';

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
  readonly random: () => number;
}

export interface Encryption extends EncryptingStore {
  /** Of the plugins that keep keys. */
  readonly checks: readonly HealthCheck[];
  /** How often the file was read again; none where it is not. */
  readonly metrics: readonly Metric[];
  close(): void;
}

/** Values that wait for a plugin of a file that has changed are read by then. */
const LAST_KEYS_MS = 60_000;

/** Puts encryption under a store. Throws a CodedError that names the file and the field, never a key. */
export async function openEncryption(config: EncryptionConfig, deps: EncryptionDeps): Promise<Encryption> {
  const { store, kindOf, clock, logger, random } = deps;
  const opened = new Set<ResourceTransformers>();
  const closePlugins = (transformers: ResourceTransformers) => {
    opened.delete(transformers);
    for (const plugin of transformers.plugins) plugin.close();
  };
  const open = async (text: string): Promise<ResourceTransformers> => {
    const source = { flag: ENCRYPTION_FLAG, path: config.path, shape: ENCRYPTION_SHAPE };
    const resources = checkEncryptionConfiguration(config.path, await parseConfiguration(text, source));
    const formChanged = () => encrypting.forms.changed();
    const transformers = await createResourceTransformers(resources, { clock, logger, random, formChanged });
    opened.add(transformers);
    return transformers;
  };
  const text = await readText(config.path, logger);
  let current: ResourceTransformers;
  const encrypting = createEncryptingStore(store, (key) => {
    const kind = kindOf(key);
    return kind && current.transformerOf(kind.group, kind.resource);
  });
  current = await open(text);
  // One that does not answer does not keep the server from starting: its health says so, and what needs it waits.
  await Promise.all(current.plugins.map((plugin) => plugin.start()));
  const reloads = config.automaticReload ? new ReloadMetrics('encryption', text, clock) : undefined;
  const follower = config.automaticReload
    ? followFile({
        what: 'encryption config',
        path: config.path,
        text,
        read: () => readText(config.path, logger),
        async apply(newer) {
          const next = await open(newer);
          try {
            for (const plugin of next.plugins) await plugin.start();
            for (const plugin of next.plugins) await plugin.check();
          } catch (error) {
            closePlugins(next);
            throw error;
          }
          const old = current;
          current = next;
          encrypting.forms.changed();
          clock.setTimer(LAST_KEYS_MS, () => closePlugins(old));
        },
        clock,
        logger,
        ...(reloads && { observer: reloads }),
      })
    : undefined;
  const checkAll = async () => {
    for (const plugin of current.plugins) await plugin.check();
  };
  const checks = config.automaticReload
    ? [{ name: 'kms-providers', check: checkAll }]
    : current.plugins.map((plugin, i) => ({ name: `kms-provider-${i}`, check: () => plugin.check() }));
  return {
    ...encrypting,
    checks,
    metrics: reloads ? [reloads] : [],
    close() {
      follower?.close();
      for (const transformers of opened) closePlugins(transformers);
    },
  };
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
