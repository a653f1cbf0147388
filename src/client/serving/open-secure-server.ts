import { type ComponentPage, flagzPage, statuszPage } from '../../api/configuration/component-pages.ts';
import { createSelfSigned } from '../../pki/self-signed.ts';
import type { Clock } from '../../std/clock.ts';
import type { CommandIo } from '../../std/command.ts';
import { FlagError, type FlagValues } from '../../std/flags.ts';
import type { Logger } from '../../std/logger.ts';
import { readTlsLimits } from '../../std/tls-flags.ts';
import type { Client } from '../client.ts';
import { clientFromKubeconfig } from '../kubeconfig-client.ts';
import { readFlagFile } from './component-flags.ts';
import { followTrustedCallers, type TrustedCallers } from './follow-trusted-callers.ts';
import { createSecureServer, type SecureServer, type ServedPage } from './secure-server.ts';

type Page = () => Promise<{ contentType: string; text: string }>;

const YEAR_MS = 365 * 86_400_000;
const ok = () => Promise.resolve({ contentType: 'text/plain; charset=utf-8', text: 'ok' });

export interface SecureServerContext {
  readonly component: string;
  readonly metrics: Page;
  /** The configuration that holds. Default: no such page. */
  readonly configz?: Page;
  /** Pages of this component alone, by their paths. */
  readonly more?: Readonly<Record<string, Page>>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The command line as it was understood. */
  readonly flags: ReadonlyMap<string, string>;
  /** For programs that kubeconfigs name. */
  readonly environment: CommandIo['env'];
}

/** A component's own port as the flags of `componentFlags` want it; undefined for none. */
export async function openSecureServer(values: FlagValues, context: SecureServerContext): Promise<SecureServer | undefined> {
  const { component, metrics, configz, more, flags, clock, logger, environment } = context;
  const port = values.int('secure-port');
  if (port === 0) return undefined;
  const open = async (flag: string): Promise<Client | undefined> => {
    const path = values.string(flag);
    return path ? clientFromKubeconfig(path, { userAgent: component, environment }) : undefined;
  };
  const authenticationClient = await open('authentication-kubeconfig');
  const trusted = await readTrustedCallers(values);
  if (trusted.frontProxies?.allowedNames.length === 0)
    logger.warn(
      'every certificate of --requestheader-client-ca-file may name any user by headers here: --requestheader-allowed-names says whose may',
    );
  const isMissing = trusted.clientCaPem === undefined || !trusted.frontProxies;
  const lookUp = authenticationClient && isMissing && !values.bool('authentication-skip-lookup');
  const startMs = clock.now();
  const pages: Record<string, ServedPage> = {
    '/healthz': ok,
    '/livez': ok,
    '/readyz': ok,
    '/metrics': metrics,
    ...(configz && { '/configz': configz }),
    ...more,
    '/flagz': async (accept) => served(await flagzPage(component, flags, accept)),
    '/statusz': async (accept) =>
      served(await statuszPage(component, { startMs, nowMs: clock.now(), paths: Object.keys(pages) }, accept)),
  };
  return createSecureServer({
    ...readTlsLimits(values),
    bindAddress: values.string('bind-address'),
    sharesPort: values.bool('permit-port-sharing'),
    port,
    tls: await readServingPair(values, clock),
    trusted,
    ...(lookUp && {
      followTrusted: (tell, signal) => followTrustedCallers(authenticationClient, tell, { clock, logger, signal }),
    }),
    authenticationClient,
    authorizationClient: await open('authorization-kubeconfig'),
    alwaysAllowPaths: values.strings('authorization-always-allow-paths'),
    pages,
    logger,
  });
}

const served = ({ headers, body }: ComponentPage) => ({
  contentType: headers['content-type'] ?? '',
  text: body,
  ...(headers['warning'] && { warning: headers['warning'] }),
});

/** What flags say of it. */
async function readTrustedCallers(values: FlagValues): Promise<TrustedCallers> {
  const read = async (flagName: string) => {
    const path = values.string(flagName);
    return path ? readFlagFile(flagName, path) : undefined;
  };
  const clientCaPem = await read('client-ca-file');
  const caPem = await read('requestheader-client-ca-file');
  const list = (name: string) => {
    const flagName = `requestheader-${name}`;
    const items = values.strings(flagName);
    if (items.some((item) => item.trim() === ''))
      throw new FlagError(`--${flagName}`, `--${flagName}: empty value is not allowed`);
    return items;
  };
  const headers = {
    allowedNames: values.strings('requestheader-allowed-names'),
    usernameHeaders: list('username-headers'),
    groupHeaders: list('group-headers'),
    uidHeaders: list('uid-headers'),
    extraHeaderPrefixes: list('extra-headers-prefix'),
  };
  return { ...(clientCaPem && { clientCaPem }), ...(caPem && { frontProxies: { caPem, ...headers } }) };
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
