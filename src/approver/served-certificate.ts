import type { V1Node } from '../api/gen/types.ts';
import { shakeHands } from '../client/peer-certificate.ts';
import type { Certificate } from '../pki/certificate.ts';
import type { CurrentCertificate } from './request-facts.ts';

const KUBELET_PORT = 10250;
const REACHABLE = new Set(['InternalIP', 'ExternalIP']);
const MOST_ADDRESSES = 4;
/** Signers date certificates back by five minutes, for clocks that are behind. */
const BACKDATING_MS = 10 * 60_000;

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
    if (!shown || shown.distrust !== undefined || !isNodes(shown.certificate, node, nowMs)) continue;
    const { dnsNames, ipAddresses, notAfterMs } = shown.certificate;
    return { names: [...dnsNames, ...ipAddresses], notAfterMs };
  }
  return undefined;
}

/** Issued to this very Node: one from before the Node was made was another machine's of the same name. */
export function isNodes(certificate: Certificate, { metadata }: V1Node, nowMs: number): boolean {
  const madeMs = Date.parse(metadata?.creationTimestamp ?? '');
  return (
    certificate.commonName === `system:node:${metadata?.name}` &&
    !(madeMs - certificate.notBeforeMs > BACKDATING_MS) &&
    certificate.organizations.includes('system:nodes') &&
    certificate.notBeforeMs <= nowMs &&
    nowMs <= certificate.notAfterMs
  );
}
