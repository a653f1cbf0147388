import { connect } from 'node:tls';
import type { V1Node } from '../api/gen/types.ts';
import { type Certificate, parseCertificateDer } from '../pki/certificate.ts';
import type { CurrentCertificate } from './request-facts.ts';

const KUBELET_PORT = 10250;
const REACHABLE = new Set(['InternalIP', 'ExternalIP']);
const MOST_ADDRESSES = 4;

export interface ServedCertificateOptions {
  /** The authority that signs kubelets' serving certificates; what it did not sign counts for nothing. */
  readonly caPem: string;
  readonly timeoutMs: number;
  readonly nowMs: number;
}

/**
 * The certificate that a node's kubelet serves now, if the cluster's authority issued it to that very node. Where to ask is told by the
 * node itself; that is harmless, as only a handshake is made and the answer is proven by its signature. Undefined when there is none.
 */
export async function readServedCertificate(
  node: V1Node,
  options: ServedCertificateOptions,
): Promise<CurrentCertificate | undefined> {
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? KUBELET_PORT;
  const addresses = (node.status?.addresses ?? []).filter(({ type }) => REACHABLE.has(type ?? '')).slice(0, MOST_ADDRESSES);
  for (const { address } of addresses) {
    const certificate = await handshake(address ?? '', port, options);
    if (certificate && isNodes(certificate, node.metadata?.name ?? '', options.nowMs))
      return { names: [...certificate.dnsNames, ...certificate.ipAddresses], notAfterMs: certificate.notAfterMs };
  }
  return undefined;
}

function isNodes(certificate: Certificate, nodeName: string, nowMs: number): boolean {
  return (
    certificate.commonName === `system:node:${nodeName}` &&
    certificate.organizations.includes('system:nodes') &&
    certificate.notBeforeMs <= nowMs &&
    nowMs <= certificate.notAfterMs
  );
}

function handshake(host: string, port: number, { caPem, timeoutMs }: ServedCertificateOptions): Promise<Certificate | undefined> {
  return new Promise((resolve) => {
    // The name is checked by the caller, against the subject: a kubelet's alternative names are what is being asked about.
    const socket = connect({ host, port, ca: caPem, minVersion: 'TLSv1.2', checkServerIdentity: () => undefined });
    const end = (certificate?: Certificate) => {
      socket.destroy();
      resolve(certificate);
    };
    socket.setTimeout(timeoutMs, () => end());
    socket.once('error', () => end());
    socket.once('secureConnect', () => {
      try {
        end(parseCertificateDer(socket.getPeerCertificate().raw));
      } catch {
        end(); // not one that we can read is none
      }
    });
  });
}
