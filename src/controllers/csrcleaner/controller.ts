import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { isIssued } from '../../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { planDeletionMs } from './plan.ts';

/** What was just filed, approved or issued is not due yet: it is looked at once, when all that is over. Upstream looks once an hour. */
const LOOK_AFTER_MS = 60_000;

/** Deletes certificate signing requests that nobody needs any more, each at its time. */
export function createCsrCleanerController(context: ControllerContext): Component {
  const { client, informers, clock, logger } = context;
  const csrs = informers.of<V1CertificateSigningRequest>(certificateSigningRequestKind);

  const reconcile = async (name: string, signal: AbortSignal): Promise<Outcome> => {
    const csr = csrs.get(name);
    if (!csr || csr.metadata?.deletionTimestamp) return;
    const dueMs = planDeletionMs(csr, notAfterMs(csr));
    if (dueMs === undefined) return;
    if (dueMs > clock.now()) return { requeueAfterMs: dueMs - clock.now() };
    logger.debug(2, 'Deleting certificate signing request', { csr: name });
    const preconditions = { uid: csr.metadata?.uid };
    await unlessReason(
      client.resource(certificateSigningRequestKind).delete(name, { signal, preconditions }),
      'NotFound',
      'Conflict',
    );
  };

  const notAfterMs = (csr: V1CertificateSigningRequest): number | undefined => {
    if (!isIssued(csr)) return undefined;
    try {
      return parseCertificates(Buffer.from(csr.status?.certificate ?? '', 'base64').toString())[0]?.notAfterMs;
    } catch (error) {
      // Issued by some other signer in a form of its own; its age still counts.
      logger.debug(2, 'Unable to parse the certificate of a certificate signing request', {
        csr: csr.metadata?.name,
        err: error,
      });
      return undefined;
    }
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics: context.metrics, workers: 1 });
  return createController(context, {
    sources: [
      source(csrs, (csr, change) => {
        if (change.type !== 'deleted') loop.addAfter(keyOf(csr), LOOK_AFTER_MS);
      }),
    ],
    loops: [loop],
  });
}
