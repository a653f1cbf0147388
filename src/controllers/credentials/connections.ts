import type { Client } from '../../client/client.ts';
import { createClient } from '../../client/create-client.ts';
import { transportFromContext } from '../../client/kubeconfig-client.ts';
import { withRateLimit } from '../../client/transport/rate-limit.ts';
import type { RestClientMetrics } from '../../client/transport/rest-client-metrics.ts';
import type { Transport } from '../../client/transport/transport.ts';
import { readKubeconfig, resolveContext } from '../../pki/kubeconfig.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { FlagValues } from '../../std/flags.ts';
import type { Logger } from '../../std/logger.ts';
import type { ControllerManagerOptions } from '../controller-manager-options.ts';
import { MANAGER_ACCOUNT } from '../known-controllers.ts';
import { createServiceAccountTransport, ensureServiceAccount } from './service-account-transport.ts';

const NAMESPACE = 'kube-system';
/** What acts as the manager even when each controller has its own account, as upstream. */
const ROOT_ACCOUNTS = new Set(['shared-informers', 'leader-election', MANAGER_ACCOUNT]);

export interface Connections extends Pick<ControllerManagerOptions, 'clientFor' | 'ensureAccount'> {
  close(): Promise<void>;
}

/** Clients for all controllers over `--kubeconfig`. Rejects with what is wrong with it. */
export async function openConnections(
  values: FlagValues,
  context: { clock: Clock; logger: Logger; limitRate: boolean; restClient: RestClientMetrics },
): Promise<Connections> {
  const { clock, logger, restClient } = context;
  const path = values.string('kubeconfig');
  if (!path)
    throw new CodedError('--kubeconfig is required: there is no API server to work with', { code: 'KUBECONFIG_REQUIRED' });
  const fromFile = await resolveContext(await readKubeconfig(path));
  const resolved = { ...fromFile, server: values.string('master') || fromFile.server };
  const limit = (plain: Transport): Transport => {
    const transport = restClient.counting(plain, resolved.server);
    return context.limitRate
      ? withRateLimit(transport, { qps: values.float('kube-api-qps'), burst: values.int('kube-api-burst'), clock })
      : transport;
  };
  const rootTransport = limit(transportFromContext(resolved, clock));
  const root = createClient({ transport: rootTransport, userAgent: 'kube-controller-manager' });
  if (!values.bool('use-service-account-credentials'))
    return { clientFor: () => root, close: () => rootTransport.close({ final: true }) };

  const { server, caPem, caFile, tlsServerName, insecureSkipTlsVerify } = resolved;
  const anonymous = limit(
    transportFromContext({ server, caPem, ...(caFile !== undefined && { caFile }), tlsServerName, insecureSkipTlsVerify }, clock),
  );
  const clients = new Map<string, Client>();
  const clientFor = (account: string): Client => {
    if (ROOT_ACCOUNTS.has(account)) return root;
    let client = clients.get(account);
    if (!client) {
      const transport = createServiceAccountTransport({ anonymous, root, namespace: NAMESPACE, account, clock, logger });
      client = createClient({ transport, userAgent: 'kube-controller-manager' });
      clients.set(account, client);
    }
    return client;
  };
  const close = async () => {
    await Promise.all([rootTransport.close({ final: true }), anonymous.close({ final: true })]);
  };
  const ensureAccount = (account: string) => ensureServiceAccount(root, { namespace: NAMESPACE, account });
  return { clientFor, ensureAccount, close };
}
