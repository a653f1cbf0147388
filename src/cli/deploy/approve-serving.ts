import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { withCondition } from '../../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { askingNode, isOpenServingRequest, type KnownNode, planServingDecision } from '../../cluster/serving-approver/plan.ts';
import { type CertificateRequest, parseSpecRequest } from '../../pki/certificate-request.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';

export interface ServingApproval {
  readonly client: Client;
  /** Names of nodes with their addresses. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Approves the open serving requests of nodes that name no more than the inventory does; the others are left to people. */
export async function approveServing({ client, addresses, clock, signal }: ServingApproval): Promise<void> {
  const nodes = new Map([...addresses].map(([name, own]): [string, KnownNode] => [name, { name, addresses: own }]));
  const requests = client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
  for (const csr of (await requests.list({ signal })).items) {
    if (!isOpenServingRequest(csr) || !askingNode(csr, nodes)) continue;
    const request = readable(csr);
    if (!request || planServingDecision(csr, request, await request.verifySignature(), nodes).type !== 'approve') continue;
    const condition = {
      type: 'Approved',
      reason: 'InventoryHost',
      message: 'Names and addresses are those of the host in the inventory.',
      nowMs: clock.now(),
    } as const;
    // Whoever else approves was quicker, or it was taken back: the next look tells.
    const own = requests.update(withCondition(csr, condition), { subresource: 'approval', signal });
    await unlessReason(own, 'Conflict', 'NotFound');
  }
}

/** Other API servers let requests in that our reader refuses: of one such the others are none the worse. */
function readable({ spec }: V1CertificateSigningRequest): CertificateRequest | undefined {
  try {
    return parseSpecRequest(spec.request);
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}
