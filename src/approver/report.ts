import { certificateSigningRequestKind } from '../api/certificates/v1/certificate-signing-request.ts';
import {
  hasCondition,
  isIssued,
  KUBE_APISERVER_CLIENT_KUBELET,
  KUBELET_SERVING,
} from '../api/certificates/v1/signer-conditions.ts';
import { nodeKind } from '../api/core/v1/node.ts';
import type { V1CertificateSigningRequest, V1Node } from '../api/gen/types.ts';
import type { Client } from '../client/client.ts';
import { createInformer } from '../client/informer.ts';
import { atMost } from '../std/at-most.ts';
import type { Clock } from '../std/clock.ts';
import type { Logger } from '../std/logger.ts';
import { visibleLine } from '../std/visible-text.ts';
import { createClusterView } from './cluster-view.ts';
import { type Decision, decide } from './decide.ts';
import { type FactsContext, gatherFacts } from './gather-facts.ts';
import type { RequestFacts } from './request-facts.ts';

export interface ReportedRequest {
  readonly csr: V1CertificateSigningRequest;
  readonly facts: RequestFacts;
  readonly decision: Decision;
  /** What has become of it. */
  readonly actual: 'Pending' | 'Approved' | 'Denied' | 'Issued' | 'Failed';
}

export interface ReportOptions {
  readonly client: Client;
  readonly context: Omit<FactsContext, 'view' | 'signal'>;
  /** Requests of other days, which the cluster has no more; undefined for none. Given those that it still has. */
  readonly past?: (present: ReadonlySet<string>) => readonly V1CertificateSigningRequest[];
  /** One request alone. */
  readonly only?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Sources are asked for no more at a time. */
const AT_ONCE = 32;

/** What the rules say today of every kubelet request that the cluster still has and of past ones, decided or not, newest first. Writes nothing. */
export async function reportOnRequests(options: ReportOptions): Promise<ReportedRequest[]> {
  const { client, context, only, clock, logger } = options;
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, options.signal]);
  const nodes = createInformer<V1Node>({ client, kind: nodeKind, clock, logger });
  const requests = createInformer<V1CertificateSigningRequest>({ client, kind: certificateSigningRequestKind, clock, logger });
  const view = createClusterView({ requests, nodes, clock });
  try {
    await nodes.start(signal);
    await requests.start(signal);
    const present = requests.list();
    const past = options.past?.(new Set(present.map(({ metadata }) => metadata?.name ?? ''))) ?? [];
    const chosen = [...present, ...past].filter(
      ({ metadata, spec }) => isForKubelet(spec.signerName) && (!only || metadata?.name === only),
    );
    const results = await atMost(AT_ONCE, chosen, async (csr) => {
      const facts = await gatherFacts(csr, { ...context, view, signal });
      return { csr, facts, decision: decide(facts), actual: actualOf(csr) };
    });
    const reported = results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
    const time = ({ csr }: ReportedRequest) => Date.parse(String(csr.metadata?.creationTimestamp ?? 0));
    return reported.sort((a, b) => time(b) - time(a));
  } finally {
    ending.abort();
    await Promise.all([nodes.done, requests.done]);
  }
}

const isForKubelet = (signer: string) => signer === KUBELET_SERVING || signer === KUBE_APISERVER_CLIENT_KUBELET;

function actualOf(csr: V1CertificateSigningRequest): ReportedRequest['actual'] {
  if (isIssued(csr)) return 'Issued';
  for (const type of ['Denied', 'Failed', 'Approved'] as const) if (hasCondition(csr, type)) return type;
  return 'Pending';
}

/** The report as columns for people. */
export function reportLines(reported: readonly ReportedRequest[]): string[][] {
  const rows = reported.map(({ csr, facts, decision, actual }) => [
    csr.metadata?.name ?? '',
    visibleLine(facts.nodeName || (csr.spec.username ?? '')),
    facts.purpose,
    actual,
    decision.outcome,
    decision.rule ? `${decision.rule.code} ${decision.rule.name}` : 'all rules hold',
  ]);
  return [['NAME', 'NODE', 'PURPOSE', 'IS', 'WOULD', 'BECAUSE'], ...rows];
}
