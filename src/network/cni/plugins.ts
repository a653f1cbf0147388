import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';

/** What a bridge network needs; the loopback is the runtime's own wish. */
export const NEEDED_PLUGINS = ['bridge', 'host-local', 'loopback', 'portmap'] as const;

/** Where distributions and releases put them. */
const USUAL_DIRECTORIES = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'];

/**
 * Checks that the runtime finds its CNI plugins.
 *
 * @param directories where the runtime looks (its `bin_dir`); when it does not say, the usual places
 * @throws CodedError CNI_PLUGINS_MISSING that names them, and where they are instead when they are somewhere
 */
export async function requireCniPlugins(
  directories: readonly string[],
  usual: readonly string[] = USUAL_DIRECTORIES,
  needed: readonly string[] = NEEDED_PLUGINS,
): Promise<void> {
  const looked = directories.length > 0 ? directories : usual;
  const missing = await missingIn(looked, needed);
  if (missing.length === 0) return;
  const elsewhere = [];
  for (const directory of usual)
    if (!looked.includes(directory) && (await missingIn([directory], needed)).length === 0) elsewhere.push(directory);
  const remedy =
    elsewhere.length > 0
      ? `they are in ${elsewhere[0]}: set bin_dir in the runtime's configuration, or link them`
      : "install Debian's package containernetworking-plugins, or the plugins' release into that directory";
  throw new CodedError(`CNI plugins ${missing.join(', ')} are not in ${looked.join(', ')}; ${remedy}`, {
    code: 'CNI_PLUGINS_MISSING',
  });
}

async function missingIn(directories: readonly string[], needed: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const plugin of needed) {
    const found = await Promise.all(
      directories.map((directory) =>
        access(join(directory, plugin), constants.X_OK).then(
          () => true,
          () => false, // what cannot be run is not there for us
        ),
      ),
    );
    if (!found.includes(true)) missing.push(plugin);
  }
  return missing;
}
