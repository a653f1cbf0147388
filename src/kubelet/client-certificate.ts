import type { Client } from '../client/client.ts';
import { CLIENT_SIGNER, CLIENT_USAGES, type ClientIdentity, NODES_GROUP, nodeUserName } from './bootstrap/bootstrap.ts';
import { type CertificateManager, createCertificateManager } from './certificates/certificate-manager.ts';
import { createCertificateStore, type KeyPair } from './certificates/certificate-store.ts';
import { rotatesClientCertificate } from './configuration/kubelet-configuration.ts';
import type { KubeletOptions } from './kubelet-options.ts';

/**
 * The renewal of the kubelet's client certificate, where it is switched on and there is one to begin with. A certificate
 * that came embedded in the kubeconfig (as kubeadm delivers it) is put into the store and replaced by one of our own at once.
 */
export async function openClientCertificateManager(
  options: KubeletOptions,
  identity: ClientIdentity,
  client: Client,
  onRenewed: (pair: KeyPair) => void,
): Promise<CertificateManager | undefined> {
  const { configuration, clock, logger, random, nodeName } = options;
  if (!identity.pair || !rotatesClientCertificate(configuration)) return undefined;
  const store = createCertificateStore({ directory: options.paths.certificateDirectory, prefix: 'kubelet-client', clock });
  let initial = identity.pair;
  let forceRotation = false;
  if (!identity.bootstrapped) {
    const stored = await store.load();
    if (stored && stored.notAfterMs > clock.now()) initial = stored;
    else {
      await store.save(initial.certificatePem, initial.privateKeyPem);
      forceRotation = true;
    }
  }
  return createCertificateManager({
    signerName: CLIENT_SIGNER,
    usages: CLIENT_USAGES,
    template: { commonName: nodeUserName(nodeName), organizations: [NODES_GROUP] },
    store,
    initial,
    forceRotation,
    client,
    clock,
    logger,
    random,
    requestTimeoutMs: options.certificateRequestTimeoutMs,
    onRenewed,
  });
}
