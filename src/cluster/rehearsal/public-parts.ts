import type { Observations } from '../../doctor/observations.ts';

/** What a rehearsal takes from a live cluster: nothing secret, no key. */
export interface PublicParts {
  readonly nodes: readonly string[];
  /** Undefined when no node shows a certificate of the cluster's authority. */
  readonly certificateLifetimeMs: number | undefined;
  /** What is left of the authority's life; undefined when it is not known. */
  readonly caLifetimeMs: number | undefined;
}

/** From what the doctor saw: names of nodes, how long their serving certificates live, and when the authority ends. */
export function publicParts({ nodes = [], certificates, nowMs }: Observations): PublicParts {
  const lifetimes = nodes.flatMap(({ probe }) =>
    probe?.certificate && !probe.certificate.selfSigned ? [probe.certificate.notAfterMs - probe.certificate.notBeforeMs] : [],
  );
  const authority = certificates.find(({ where, isCa }) => isCa && where.startsWith('kubeconfig authority'));
  return {
    nodes: nodes.map(({ node }) => node.metadata?.name ?? ''),
    certificateLifetimeMs: lifetimes.length > 0 ? Math.max(...lifetimes) : undefined,
    caLifetimeMs: authority && authority.notAfterMs - nowMs,
  };
}
