import { readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { applyMergePatch } from '../../api/patch/merge-patch.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type ParsedConfiguration, readConfigurationFile } from './parse.ts';

/**
 * Lays the `*.conf` files of a directory and those below it over a configuration, one after the other in the order of their names
 * (`--config-dir`): objects and maps are merged, lists and plain values replaced, null takes a value back.
 *
 * @throws CodedError naming the directory, the file and the field
 */
export async function withDropIns(base: ParsedConfiguration, directory: string): Promise<ParsedConfiguration> {
  let { given } = base;
  const warnings = [...base.warnings];
  for (const path of await dropInFiles(directory)) {
    try {
      const dropIn = await readConfigurationFile(path);
      given = applyMergePatch(given, dropIn.given);
      warnings.push(...dropIn.warnings.map((warning) => `${path}: ${warning}`));
    } catch (cause) {
      throw refusal(directory, `failed to load kubelet dropin file, path: ${path}, error: ${(cause as Error).message}`, cause);
    }
  }
  return { given, warnings };
}

/** In the order of a walk: names in each directory sorted by their bytes. Links to directories are not followed. */
async function dropInFiles(directory: string): Promise<string[]> {
  let entries: { name: string; isDirectory(): boolean }[];
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (cause) {
    throw refusal(directory, (cause as Error).message, cause);
  }
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) files.push(...(await dropInFiles(path)));
    else if (extname(entry.name) === '.conf') files.push(path);
  }
  return files;
}

function refusal(directory: string, why: string, cause: unknown): CodedError {
  return new CodedError(
    `failed to merge kubelet configs: failed to walk through kubelet dropin directory ${JSON.stringify(directory)}: ${why}`,
    { code: 'KUBELET_CONFIGURATION_INVALID', cause },
  );
}
