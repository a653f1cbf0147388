import { readFile } from 'node:fs/promises';
import { parseCertificates } from '../pki/certificate.ts';
import { CodedError } from '../std/coded-error.ts';
import type { Logger } from '../std/logger.ts';
import { KUBERNETES_VERSION } from '../std/version.ts';
import type { KubeletConfiguration } from './configuration/kubelet-configuration.ts';
import type { Machine } from './node/machine.ts';

/** What a kubelet says of itself and its machine when it starts. */
export function announce(configuration: KubeletConfiguration, machine: Machine, logger: Logger): void {
  const gates = Object.entries(configuration.featureGates ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  logger.info(`feature gates: &{map[${gates.map(([name, on]) => `${name}:${on}`).join(' ')}]}`);
  logger.info(machine.hasSystemd ? 'Detected OS with systemd' : 'Detected OS without systemd');
  logger.info(`Version: ${KUBERNETES_VERSION}`);
  logger.info('No cloud provider specified.');
  logger.info('No cloud provider specified: "" from the config file: ""');
  if (configuration.address === '127.0.0.1')
    logger.warn('address is 127.0.0.1: the API server and others on other machines cannot reach this kubelet');
}

/** @throws CodedError when swap is on and must not be */
export function checkSwap(configuration: KubeletConfiguration, machine: Machine): void {
  if (!configuration.failSwapOn || machine.activeSwaps.length === 0) return;
  throw new CodedError(
    'running with swap on is not supported, please disable swap or set --fail-swap-on flag to false (failSwapOn in the config file). ' +
      `/proc/swaps contained: [${machine.activeSwaps.join('; ')}]`,
    { code: 'SWAP_ON' },
  );
}

/**
 * The authorities that client certificates must come from; undefined when none are accepted.
 *
 * @throws CodedError when the file cannot be read or holds no certificate: with an empty list TLS would trust whom the system trusts
 */
export async function readClientCa(configuration: KubeletConfiguration): Promise<string | undefined> {
  const path = configuration.authentication.x509.clientCAFile;
  if (!path) return undefined;
  try {
    const pem = await readFile(path, 'utf8');
    parseCertificates(pem);
    return pem;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? `open ${path}: no such file or directory` : message;
    throw new CodedError(`unable to load client CA file ${path}: ${why}`, { code: 'CLIENT_CA_UNREADABLE', cause });
  }
}
