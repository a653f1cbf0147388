import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import { StatusError } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';

/**
 * Whether the API server gives ServiceAccounts tokens on request (`serviceaccounts/token`). One without a key to sign them with does not:
 * then tokens are in Secrets, as they were before Kubernetes 1.20.
 */
export async function givesTokensOnRequest(client: Client, signal?: AbortSignal): Promise<boolean> {
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [] } };
  const accounts = client.resource(serviceAccountKind, 'kube-system');
  try {
    await accounts.create(request, { name: 'default', subresource: 'token', dryRun: true, ...(signal && { signal }) });
    return true;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    if (error.reason === 'MethodNotAllowed') return false;
    // An account that is not there is named; a path that leads nowhere is not.
    if (error.reason === 'NotFound') return error.status.details?.kind === 'serviceaccounts';
    throw error;
  }
}
