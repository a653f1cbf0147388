import type { Client } from '../../client/client.ts';
import { clientFromKubeconfig } from '../../client/kubeconfig-client.ts';
import { createSelfSigned } from '../../pki/self-signed.ts';
import type { Clock } from '../../std/clock.ts';
import type { FlagValues } from '../../std/flags.ts';
import type { Logger } from '../../std/logger.ts';
import type { ControllerManager } from '../controller-manager.ts';
import { readFlagFile } from '../read-options.ts';
import { formatMetrics } from './metrics-text.ts';
import { createSecureServer, type SecureServer } from './secure-server.ts';

const YEAR_MS = 365 * 86_400_000;
const ok = () => Promise.resolve({ contentType: 'text/plain; charset=utf-8', text: 'ok' });

/** The manager's own port as the flags want it; undefined for none. */
export async function openSecureServer(
  values: FlagValues,
  context: { manager: ControllerManager; clock: Clock; logger: Logger },
): Promise<SecureServer | undefined> {
  const { manager, clock, logger } = context;
  const port = values.int('secure-port');
  if (port === 0) return undefined;
  const open = async (flag: string): Promise<Client | undefined> => {
    const path = values.string(flag);
    return path ? clientFromKubeconfig(path, { userAgent: 'kube-controller-manager' }) : undefined;
  };
  const clientCaFile = values.string('client-ca-file');
  return createSecureServer({
    bindAddress: values.string('bind-address'),
    port,
    tls: await readServingPair(values, clock),
    clientCaPem: clientCaFile ? await readFlagFile('client-ca-file', clientCaFile) : undefined,
    authenticationClient: await open('authentication-kubeconfig'),
    authorizationClient: await open('authorization-kubeconfig'),
    alwaysAllowPaths: values.strings('authorization-always-allow-paths'),
    pages: {
      '/healthz': ok,
      '/livez': ok,
      '/readyz': ok,
      '/metrics': () => formatMetrics(manager.metrics, manager.isLeading),
    },
    logger,
  });
}

async function readServingPair(values: FlagValues, clock: Clock): Promise<{ certificatePem: string; privateKeyPem: string }> {
  const certificateFile = values.string('tls-cert-file');
  const keyFile = values.string('tls-private-key-file');
  if (certificateFile && keyFile)
    return {
      certificatePem: await readFlagFile('tls-cert-file', certificateFile),
      privateKeyPem: await readFlagFile('tls-private-key-file', keyFile),
    };
  const nowMs = clock.now();
  return createSelfSigned({
    commonName: 'localhost',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1', '::1'],
    notBeforeMs: nowMs - 3_600_000,
    notAfterMs: nowMs + YEAR_MS,
  });
}
