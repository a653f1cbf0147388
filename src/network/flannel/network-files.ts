import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import { type CniConf, flannelConflist } from './cni-conf.ts';
import { formatSubnetEnv, type SubnetEnv } from './subnet-env.ts';

export interface NetworkPaths {
  /** `/run/flannel/subnet.env` */
  readonly subnetFile: string;
  /** Where the runtime looks for networks: `/etc/cni/net.d`. */
  readonly cniConfigurationDirectory: string;
  /** Where host-local keeps which addresses are taken; undefined: where it does by itself. */
  readonly addressDirectory: string | undefined;
}

const CONFLIST = '10-flannel.conflist';

/**
 * Tells other programs of the network, the container runtime last. What says the same already is left alone.
 *
 * @returns the file that the runtime uses instead of ours, when there is one
 */
export async function writeNetworkFiles(paths: NetworkPaths, conf: CniConf, env: SubnetEnv): Promise<string | undefined> {
  const path = join(paths.cniConfigurationDirectory, CONFLIST);
  await writeIfOther(paths.subnetFile, formatSubnetEnv(env));
  await writeIfOther(path, `${JSON.stringify(flannelConflist(conf, env, paths.addressDirectory), null, 2)}\n`);
  // Runtimes take the first by name.
  const [first] = (await readdir(paths.cniConfigurationDirectory)).filter((name) => /\.(conf|conflist|json)$/.test(name)).sort();
  return first === basename(path) ? undefined : first;
}

/** Not there is no failure. */
export async function removeNetworkFiles({ subnetFile, cniConfigurationDirectory }: NetworkPaths): Promise<void> {
  await rm(join(cniConfigurationDirectory, CONFLIST), { force: true });
  await rm(subnetFile, { force: true });
}

async function writeIfOther(path: string, text: string): Promise<void> {
  const present = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (present !== text) await writeFileAtomic(path, text, { mode: 0o644 });
}
