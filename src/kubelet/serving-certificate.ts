import { readFile } from 'node:fs/promises';
import type { Client } from '../client/client.ts';
import { CodedError } from '../std/coded-error.ts';
import { NODES_GROUP, nodeUserName } from './bootstrap/bootstrap.ts';
import { type CertificateManager, createCertificateManager } from './certificates/certificate-manager.ts';
import { createCertificateStore, type KeyPair, readPair } from './certificates/certificate-store.ts';
import { ensureSelfSignedPair } from './certificates/self-signed-pair.ts';
import { requestsServingCertificate } from './configuration/kubelet-configuration.ts';
import type { KubeletOptions } from './kubelet-options.ts';

export interface ServingCertificate {
  /** Undefined while none has been issued yet. */
  readonly pair: KeyPair | undefined;
  /** Keeps it renewed; undefined when it is not requested from the cluster. */
  readonly manager: CertificateManager | undefined;
}

/**
 * The certificate of :10250: the one that `tlsCertFile` names; or one requested from the cluster, where the configuration asks for
 * it; or a self-signed one. Rejects when a file is missing.
 */
export async function openServingCertificate(
  options: KubeletOptions,
  client: Client,
  names: { hostname: string; ipAddresses: readonly string[] },
  onRenewed: (pair: KeyPair) => void,
): Promise<ServingCertificate> {
  const { configuration, clock, logger, random } = options;
  const directory = options.paths.certificateDirectory;
  if (configuration.tlsCertFile && configuration.tlsPrivateKeyFile) {
    const pair = await readPairFiles(configuration.tlsCertFile, configuration.tlsPrivateKeyFile);
    return { pair, manager: undefined };
  }
  if (!requestsServingCertificate(configuration))
    return { pair: await ensureSelfSignedPair({ directory, ...names, clock }), manager: undefined };
  const store = createCertificateStore({ directory, prefix: 'kubelet-server', clock });
  const initial = await store.load();
  const manager = createCertificateManager({
    signerName: 'kubernetes.io/kubelet-serving',
    usages: ['digital signature', 'key encipherment', 'server auth'],
    template: {
      commonName: nodeUserName(options.nodeName),
      organizations: [NODES_GROUP],
      dnsNames: [names.hostname],
      ipAddresses: names.ipAddresses,
    },
    store,
    initial,
    client,
    clock,
    logger,
    random,
    requestTimeoutMs: options.certificateRequestTimeoutMs,
    onRenewed,
  });
  return { pair: manager.current(), manager };
}

async function readPairFiles(certificatePath: string, keyPath: string): Promise<KeyPair> {
  try {
    const [certificate, key] = await Promise.all([readFile(certificatePath, 'utf8'), readFile(keyPath, 'utf8')]);
    return readPair(certificate, key, certificatePath);
  } catch (cause) {
    throw new CodedError(`unable to load the serving certificate ${certificatePath}: ${(cause as Error).message}`, {
      code: 'SERVING_CERTIFICATE_UNUSABLE',
      cause,
    });
  }
}
