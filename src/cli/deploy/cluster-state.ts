import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import { componentStatusKind } from '../../api/core/v1/component-status.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1CertificateSigningRequest, V1ComponentStatus, V1Node } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { ClusterState } from '../../deploy/verify/checks.ts';

/** What the API says of a cluster's health. */
export async function readClusterState(client: Client, signal: AbortSignal): Promise<ClusterState> {
  const [components, requests, nodes] = await Promise.all([
    client.resource<V1ComponentStatus>(componentStatusKind).list({ signal }),
    client.resource<V1CertificateSigningRequest>(certificateSigningRequestKind).list({ signal }),
    client.resource<V1Node>(nodeKind).list({ signal }),
  ]);
  return {
    components: components.items.map(({ metadata, conditions = [] }) => {
      const healthy = conditions.find(({ type }) => type === 'Healthy');
      return {
        name: metadata?.name ?? '',
        healthy: healthy?.status === 'True',
        message: healthy?.error || healthy?.message || 'it says nothing of its health',
      };
    }),
    requests: requests.items.map(({ metadata, spec, status }) => ({
      name: metadata?.name ?? '',
      requestor: spec.username ?? '',
      signer: spec.signerName,
      condition: conditionOf(status),
    })),
    nodes: new Map(
      nodes.items.map(({ metadata, status }) => {
        const ready = status?.conditions?.find(({ type }) => type === 'Ready');
        return [
          metadata?.name ?? '',
          { ready: ready?.status === 'True', message: ready?.message ?? 'it has not told its state yet' },
        ];
      }),
    ),
  };
}

/** As kubectl prints it. */
function conditionOf(status: V1CertificateSigningRequest['status']): string {
  const types = (status?.conditions ?? []).map(({ type }) => type);
  if (types.length === 0) return 'Pending';
  return [...types, ...(status?.certificate ? ['Issued'] : [])].join(',');
}
