import type { V1Node } from '../api/gen/types.ts';
import { shakeHands } from '../client/peer-certificate.ts';
import type { Certificate } from '../pki/certificate.ts';
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
    const { caPem, timeoutMs, nowMs } = options;
    // A node that does not answer has no quick way; the slower ones stay.
    const shown = await shakeHands({ host: address ?? '', port, caPem, timeoutMs }).catch(() => undefined);
    if (!shown || shown.distrust !== undefined || !isNodes(shown.certificate, node.metadata?.name ?? '', nowMs)) continue;
    const { dnsNames, ipAddresses, notAfterMs } = shown.certificate;
    return { names: [...dnsNames, ...ipAddresses], notAfterMs };
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
