import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type BridgeNetwork, bridgeConflist } from './conflist.ts';

/** Our file's name; runtimes take the first by name, and others' begin with digits as well. */
const fileOf = ({ name }: Pick<BridgeNetwork, 'name'>) => `90-${name}.conflist`;
const IS_CONFIGURATION = /\.(conf|conflist|json)$/;

/**
 * What is there beside ours; undefined when nothing is.
 *
 * @param configurationDirectory where the runtime looks for networks: `/etc/cni/net.d`
 */
export async function foreignNetwork(configurationDirectory: string, name: string): Promise<string | undefined> {
  const entries = await readdir(configurationDirectory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.sort().find((entry) => IS_CONFIGURATION.test(entry) && entry !== fileOf({ name }));
}

/**
 * Gives the runtime a network for pods. Somebody else's configuration stays and is used instead.
 *
 * @returns the file that the runtime uses, and whether it is ours
 */
export async function installPodNetwork(
  configurationDirectory: string,
  network: BridgeNetwork,
): Promise<{ readonly path: string; readonly own: boolean }> {
  const foreign = await foreignNetwork(configurationDirectory, network.name);
  if (foreign !== undefined) return { path: join(configurationDirectory, foreign), own: false };
  await mkdir(configurationDirectory, { recursive: true, mode: 0o755 });
  const path = join(configurationDirectory, fileOf(network));
  const text = `${JSON.stringify(bridgeConflist(network), null, 2)}\n`;
  // A runtime reads the file whenever it changes; what says the same is left alone.
  if ((await readFile(path, 'utf8').catch(() => undefined)) !== text) await writeFileAtomic(path, text, { mode: 0o644 });
  return { path, own: true };
}

/**
 * Takes down what `installPodNetwork` and the plugins made: the configuration, the bridge and the record of addresses. To be called
 * when no pod is left. What is not there is no failure.
 *
 * @throws CodedError when the bridge cannot be removed
 */
export async function removePodNetwork(
  configurationDirectory: string,
  { name, bridge, addressDirectory }: Pick<BridgeNetwork, 'name' | 'bridge' | 'addressDirectory'>,
  run: RunProgram,
): Promise<void> {
  await rm(join(configurationDirectory, fileOf({ name })), { force: true });
  try {
    await run('ip', ['link', 'delete', bridge, 'type', 'bridge']);
  } catch (error) {
    if (!(error instanceof ProgramError && /Cannot find device/.test(error.stderr)))
      throw new CodedError(`cannot remove the pods' bridge ${bridge}: ${(error as Error).message}`, {
        code: 'BRIDGE_REMAINS',
        cause: error,
      });
  }
  await rm(addressDirectory, { recursive: true, force: true });
}
