/** How whole hosts of tests are reached: a bridge, and ssh. As root. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runOrFail } from './run-command.ts';
import { HOST_KEY } from './systemd-image.ts';
import { unusedPrefix } from './unused-prefix.ts';

export interface Network {
  readonly bridge: string;
  /** Of the addresses: `10.240.7`. */
  readonly prefix: string;
}

/** A network of hosts, on a bridge of this name that this machine is on, too. */
export async function makeBridge(bridge: string): Promise<Network> {
  // Outside of the ranges that the runbooks give to pods and services.
  const prefix = unusedPrefix(172, 20, 30);
  await runOrFail('ip', ['link', 'add', bridge, 'type', 'bridge']);
  await runOrFail('ip', ['address', 'add', `${prefix}.1/24`, 'dev', bridge]);
  await runOrFail('ip', ['link', 'set', bridge, 'up']);
  return { bridge, prefix };
}

/** Makes a key and a configuration for ssh in a directory. The hosts' keys are the image's, so they can be known beforehand. */
export async function writeSshConfig(directory: string, image: string, prefix: string): Promise<string> {
  await runOrFail('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'id')]);
  const key = await readFile(join(image, HOST_KEY), 'utf8');
  await writeFile(join(directory, 'known_hosts'), `${prefix}.* ${key}`);
  const path = join(directory, 'ssh_config');
  const lines = [
    `Host ${prefix}.*`,
    'User root',
    `IdentityFile ${join(directory, 'id')}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${join(directory, 'known_hosts')}`,
    'StrictHostKeyChecking yes',
    'BatchMode yes',
    // A machine may be busy with other tests; a host whose power goes does not say goodbye.
    'ConnectTimeout 240',
    'ServerAliveInterval 30',
    'LogLevel ERROR',
  ];
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}
