import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { withCondition } from '../../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { createInformer } from '../../client/informer.ts';
import { LoopMetrics } from '../../client/loop-metrics.ts';
import { Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { parseSpecRequest } from '../../pki/certificate-request.ts';
import type { Clock } from '../../std/clock.ts';
import { type Component, deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { askingNode, isOpenServingRequest, type KnownNode, planServingDecision } from './plan.ts';

export interface ServingApproverOptions {
  /** May list, watch and approve requests for signer kubernetes.io/kubelet-serving. */
  client: Client;
  /** Read at every decision, so a node that is added later counts from then on. */
  nodes: ReadonlyMap<string, KnownNode>;
  clock: Clock;
  logger: Logger;
}

/**
 * Approves or denies the serving requests of the nodes that this cluster started. Requests of other nodes stay Pending until
 * somebody approves them by hand, as upstream.
 */
export function createServingApprover({ client, nodes, clock, logger }: ServingApproverOptions): Component {
  const name = 'serving-approver';
  const requests = client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
  const informer = createInformer<V1CertificateSigningRequest>({ client, kind: certificateSigningRequestKind, clock, logger });
  const done = deferred();
  done.promise.catch(() => undefined); // awaited by whoever stops the approver

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const csr = informer.get(key);
    // Strangers' requests are left alone anyway: no need to verify their signatures first.
    if (!csr || !isOpenServingRequest(csr) || !askingNode(csr, nodes)) return;
    const request = parseSpecRequest(csr.spec.request);
    const decision = planServingDecision(csr, request, await request.verifySignature(), nodes);
    if (decision.type === 'leave') return;
    const approved = decision.type === 'approve';
    const decided = withCondition(csr, {
      type: approved ? 'Approved' : 'Denied',
      reason: approved ? 'NodeKnown' : 'NodeNamesUnknown',
      message: decision.message,
      nowMs: clock.now(),
    });
    await unlessReason(requests.update(decided, { subresource: 'approval', signal }), 'NotFound');
    logger.info(`${approved ? 'Approved' : 'Denied'} serving certificate request`, { csr: key, why: decision.message });
  };
  // Enough workers that a storm of nodes waits for the server and not for this queue.
  const loop = new Reconciler({ name, reconcile, clock, logger, metrics: new LoopMetrics(), workers: 8, maxBackoffMs: 60_000 });

  return {
    name,
    done: done.promise,
    async start(signal) {
      informer.onChange(({ type, object }) => {
        if (type !== 'deleted' && isOpenServingRequest(object)) loop.add(object.metadata?.name ?? '');
      });
      Promise.all([informer.done, loop.run(signal)]).then(() => done.resolve(), done.reject);
      await informer.start(signal);
    },
  };
}
