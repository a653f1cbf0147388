import { createSelfSigned } from '../../pki/self-signed.ts';
import type { Clock } from '../../std/clock.ts';
import type { CommandIo } from '../../std/command.ts';
import type { FlagValues } from '../../std/flags.ts';
import type { Logger } from '../../std/logger.ts';
import { readTlsLimits } from '../../std/tls-flags.ts';
import type { Client } from '../client.ts';
import { clientFromKubeconfig } from '../kubeconfig-client.ts';
import { readFlagFile } from './component-flags.ts';
import { findClientCa } from './find-client-ca.ts';
import { createSecureServer, type SecureServer } from './secure-server.ts';

type Page = () => Promise<{ contentType: string; text: string }>;

const YEAR_MS = 365 * 86_400_000;
const ok = () => Promise.resolve({ contentType: 'text/plain; charset=utf-8', text: 'ok' });

export interface SecureServerContext {
  readonly component: string;
  readonly metrics: Page;
  /** The configuration that holds. Default: no such page. */
  readonly configz?: Page;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For programs that kubeconfigs name. */
  readonly environment: CommandIo['env'];
}

/** A component's own port as the flags of `componentFlags` want it; undefined for none. */
export async function openSecureServer(values: FlagValues, context: SecureServerContext): Promise<SecureServer | undefined> {
  const { component, metrics, configz, clock, logger, environment } = context;
  const port = values.int('secure-port');
  if (port === 0) return undefined;
  const open = async (flag: string): Promise<Client | undefined> => {
    const path = values.string(flag);
    return path ? clientFromKubeconfig(path, { userAgent: component, environment }) : undefined;
  };
  const clientCaFile = values.string('client-ca-file');
  const authenticationClient = await open('authentication-kubeconfig');
  const lookUp = authenticationClient && !clientCaFile && !values.bool('authentication-skip-lookup');
  return createSecureServer({
    ...readTlsLimits(values),
    bindAddress: values.string('bind-address'),
    port,
    tls: await readServingPair(values, clock),
    clientCaPem: clientCaFile ? await readFlagFile('client-ca-file', clientCaFile) : undefined,
    ...(lookUp && { findClientCa: (signal) => findClientCa(authenticationClient, { clock, logger, signal }) }),
    authenticationClient,
    authorizationClient: await open('authorization-kubeconfig'),
    alwaysAllowPaths: values.strings('authorization-always-allow-paths'),
    pages: {
      '/healthz': ok,
      '/livez': ok,
      '/readyz': ok,
      '/metrics': metrics,
      ...(configz && { '/configz': configz }),
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
