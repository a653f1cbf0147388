import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { listPages } from '../../client/list-pages.ts';
import { shakeHands } from '../../client/peer-certificate.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { atMost } from '../../std/at-most.ts';

/** What a rehearsal takes from a live cluster: nothing secret, no key. */
export interface PublicParts {
  readonly nodes: readonly string[];
  /** Undefined when no node shows a certificate of the cluster's authority. */
  readonly certificateLifetimeMs: number | undefined;
  /** What is left of the authority's life; undefined when it is not known. */
  readonly caLifetimeMs: number | undefined;
}

export interface PublicPartsOptions {
  /** May list Nodes; nothing else is asked of it. */
  readonly client: Client;
  /** The cluster's authority, as the kubeconfig has it. */
  readonly caPem: string | undefined;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /** For one node's handshake. */
  readonly timeoutMs: number;
}

const AT_ONCE = 32;
const KUBELET_PORT = 10250;

/** The names of nodes; by a TLS handshake with each, as anybody may make it, how long serving certificates live; and when the authority ends. */
export async function readPublicParts(options: PublicPartsOptions): Promise<PublicParts> {
  const { client, caPem, nowMs, signal } = options;
  const nodes: V1Node[] = [];
  for await (const page of listPages(client.resource<V1Node>(nodeKind), { signal })) nodes.push(...page.items);
  const looks = await atMost(AT_ONCE, nodes, (node) => servingLifetimeMs(node, options));
  signal.throwIfAborted();
  const lifetimes = looks.flatMap((look) => (look.status === 'fulfilled' && look.value !== undefined ? [look.value] : []));
  const authorityEnds = caPem === undefined ? [] : parseCertificates(caPem).map(({ notAfterMs }) => notAfterMs - nowMs);
  return {
    nodes: nodes.map(({ metadata }) => metadata?.name ?? ''),
    certificateLifetimeMs: lifetimes.length > 0 ? Math.max(...lifetimes) : undefined,
    caLifetimeMs: authorityEnds.length > 0 ? Math.max(...authorityEnds) : undefined,
  };
}

/** Undefined when the certificate is not one of the cluster's authority. Rejects when nobody answers. */
async function servingLifetimeMs({ status }: V1Node, { caPem, timeoutMs }: PublicPartsOptions): Promise<number | undefined> {
  const addresses = status?.addresses ?? [];
  const host = (addresses.find(({ type }) => type === 'InternalIP') ?? addresses[0])?.address;
  if (!host) return undefined;
  const port = status?.daemonEndpoints?.kubeletEndpoint?.Port ?? KUBELET_PORT;
  const { certificate, distrust } = await shakeHands({ host, port, timeoutMs, ...(caPem !== undefined && { caPem }) });
  const foreign = distrust !== undefined && distrust !== 'CERT_HAS_EXPIRED';
  return foreign ? undefined : certificate.notAfterMs - certificate.notBeforeMs;
}
