import { subjectAccessReviewKind } from '../../api/authorization/v1/subject-access-review.ts';
import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { withCondition } from '../../api/certificates/v1/signer-conditions.ts';
import type {
  V1CertificateSigningRequest,
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1SubjectAccessReview,
} from '../../api/gen/types.ts';
import { clusterRoleKind } from '../../api/rbac/v1/cluster-role.ts';
import { clusterRoleBindingKind } from '../../api/rbac/v1/cluster-role-binding.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { parseSpecRequest } from '../../pki/certificate-request.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { mayApprove, planApproval, planReview, type Recognizer } from './plan.ts';

/**
 * Approves kubelets' requests for client certificates when a SubjectAccessReview says that whoever filed them may have them. Requests
 * that may not yet are looked at again, at the latest after a minute and at once when cluster roles or their bindings change.
 */
export function createCsrApprovingController(context: ControllerContext): Component {
  const { client, informers, clock, logger } = context;
  const csrs = informers.of<V1CertificateSigningRequest>(certificateSigningRequestKind);
  const roles = informers.of<V1ClusterRole>(clusterRoleKind);
  const bindings = informers.of<V1ClusterRoleBinding>(clusterRoleBindingKind);

  const isAllowed = async (csr: V1CertificateSigningRequest, recognizer: Recognizer, signal: AbortSignal) => {
    const review = await client.resource(subjectAccessReviewKind).create(planReview(csr, recognizer), { signal });
    return (review as V1SubjectAccessReview).status?.allowed === true;
  };

  const reconcile = async (name: string, signal: AbortSignal): Promise<Outcome> => {
    const csr = csrs.get(name);
    if (!csr || !mayApprove(csr)) return;
    const recognizers = planApproval(csr, readRequest(csr));
    for (const recognizer of recognizers) {
      if (!(await isAllowed(csr, recognizer, signal))) continue;
      const approved = withCondition(csr, {
        type: 'Approved',
        reason: 'AutoApproved',
        message: recognizer.message,
        nowMs: clock.now(),
      });
      const requests = client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
      if (await unlessReason(requests.update(approved, { subresource: 'approval', signal }), 'NotFound'))
        logger.debug(2, 'Approved certificate signing request', { csr: name, requestor: csr.spec.username });
      return;
    }
    if (recognizers.length === 0) return;
    const tried = recognizers.map((r) => r.subresource);
    logger.debug(4, 'Recognized certificate signing request but subject access review was not approved', { csr: name, tried });
    return 'retry';
  };

  // Two requests in flight a worker (review, approval): enough workers that a storm of nodes waits for the server, not for us.
  const loop = new Reconciler({
    name: context.name,
    reconcile,
    clock,
    logger,
    metrics: context.metrics,
    workers: 16,
    initialBackoffMs: 200,
    maxBackoffMs: 60_000,
  });
  const lookAgain = () => {
    for (const csr of csrs.list()) if (mayApprove(csr)) loop.add(keyOf(csr));
  };
  return createController(context, {
    sources: [
      source(csrs, (csr, change) => {
        if (change.type !== 'deleted' && mayApprove(csr)) loop.add(keyOf(csr));
      }),
      // They only say when to look again, so the first approvals need not wait for them.
      source(roles, lookAgain, { required: false }),
      source(bindings, lookAgain, { required: false }),
    ],
    loops: [loop],
  });
}

function readRequest(csr: V1CertificateSigningRequest) {
  try {
    return parseSpecRequest(csr.spec.request);
  } catch (error) {
    throw new CodedError(`unable to parse csr "${csr.metadata?.name}": ${(error as Error).message}`, {
      code: 'CSR_UNREADABLE',
      cause: error,
    });
  }
}
