import { join } from 'node:path';
import type { Clock } from '../std/clock.ts';
import type { ComponentCommand } from '../std/command.ts';
import { flagTexts } from '../std/flag-texts.ts';
import { readLogFormat } from '../std/log-flags.ts';
import { createKlogLogger, type Logger } from '../std/logger.ts';
import { KUBERNETES_VERSION } from '../std/version.ts';
import { openStore } from '../store/open-store.ts';
import { startApiServer } from './apiserver.ts';
import { readCommandConfig } from './command-config.ts';
import { apiserverFlags } from './command-flags.ts';
import type { ApiServer, CertificatePair } from './configuration.ts';
import { chooseAdvertiseAddress, firstAddress } from './default-objects.ts';
import type { Egress } from './egress/egress.ts';
import type { EtcdFlags } from './etcd-flags.ts';
import { allowedOrigins } from './filters/cors.ts';
import type { SecurityConfig } from './security.ts';
import { readServingFiles } from './serving-files.ts';

const SELF_SIGNED_LIFETIME_MS = 365 * 24 * 3_600_000;

/** `kube-apiserver`: one API server, until it is told to end. */
export const apiserverCommand: ComponentCommand = {
  name: 'kube-apiserver',
  summary: 'serve the Kubernetes API',
  flags: apiserverFlags,
  async run(flags, io) {
    if (flags.values.bool('version')) {
      io.stdout(`Kubernetes ${KUBERNETES_VERSION}\n`);
      return 0;
    }
    const config = readCommandConfig(flags, (text) => io.stdout(text));
    const { clock } = io;
    const logger = createKlogLogger({
      component: 'kube-apiserver',
      verbosity: flags.values.int('v'),
      format: readLogFormat(flags.values),
      now: () => clock.now(),
      write: (line) => io.stderr(line),
    });
    const certificates = await readServingFiles(config.files, () => selfSigned(flags.values, config.server, clock), {
      clock,
      logger,
    });
    const security = await readSecurityFiles(flags.values, config.server.security);
    const { etcd } = config;
    const egress = await readEgress(flags.values);
    const corsPatterns = flags.values.strings('cors-allowed-origins');
    const allowsOrigin = corsPatterns.length > 0 ? await allowedOrigins(corsPatterns) : undefined;
    if (config.gatesRemark) logger.warn(config.gatesRemark);
    if (!etcd && flags.isSet('etcd-servers'))
      logger.warn(`The flags of etcd have no effect with --store=${flags.values.string('store')}`);
    const store = await openStore(config.store, {
      directory: config.dataDirectory,
      clock,
      logger: logger.child({ part: 'store' }),
      random: () => io.random(),
      ...(etcd && { etcd: etcd.access }),
    });
    const members = etcd && (await watchMembers(etcd, clock, logger));
    try {
      const server = await startApiServer({
        flags: () => flagTexts(apiserverFlags, flags.values),
        ...config.server,
        ...(egress && { egress }),
        ...(allowsOrigin && { allowsOrigin }),
        ...members?.config,
        security,
        store,
        clock,
        logger,
        random: () => io.random(),
        tls: certificates.tls,
        namedTls: certificates.namedTls,
      });
      const followed = certificates.follow(server);
      io.ready();
      try {
        await untilStopped(server, io.signal);
      } finally {
        followed.close();
      }
      return 0;
    } finally {
      members?.stop();
      await store.close();
    }
  },
};

/** Shows how the members of etcd are, each by itself. */
async function watchMembers({ servers, access, dbMetricIntervalMs }: EtcdFlags, clock: Clock, logger: Logger) {
  const { etcdProbes, watchEtcdSizes } = await import('./etcd-members.ts');
  const { tls } = access;
  const sizes =
    dbMetricIntervalMs > 0 ? watchEtcdSizes({ servers, tls, intervalMs: dbMetricIntervalMs, clock, logger }) : undefined;
  const config = { componentProbes: etcdProbes(servers, tls), ...(sizes && { moreMetrics: [sizes.metric] }) };
  return { config, stop: () => sizes?.stop() };
}

/** With what the files say that are not read with the flags. */
async function readSecurityFiles(values: { string(name: string): string }, security: SecurityConfig): Promise<SecurityConfig> {
  const path = values.string('admission-control-config-file');
  if (!path) return security;
  const { readAdmissionConfiguration } = await import('./admission/configuration/admission-configuration.ts');
  return { ...security, admissionConfiguration: await readAdmissionConfiguration(path) };
}

async function readEgress(values: { string(name: string): string }): Promise<Egress | undefined> {
  const path = values.string('egress-selector-config-file');
  if (!path) return undefined;
  const [{ readEgressConfiguration }, { createEgress }] = await Promise.all([
    import('./egress/egress-configuration.ts'),
    import('./egress/egress.ts'),
  ]);
  return createEgress(await readEgressConfiguration(path));
}

/** Ends with the signal; rejects with what the server has failed of by itself. */
async function untilStopped(server: ApiServer, signal: AbortSignal): Promise<void> {
  const told = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await Promise.race([server.done, told]);
  } finally {
    await server.stop();
  }
}

/** As upstream without --tls-cert-file: a certificate that vouches for itself, kept in --cert-dir. */
async function selfSigned(
  values: { string(name: string): string },
  {
    bindAddress,
    advertiseAddress,
    serviceClusterIpRange,
  }: { bindAddress: string; advertiseAddress?: string; serviceClusterIpRange: string },
  clock: Clock,
): Promise<CertificatePair> {
  const [{ createSelfSigned }, { writeFileAtomic }, { readFile }] = await Promise.all([
    import('../pki/self-signed.ts'),
    import('../std/atomic-file.ts'),
    import('node:fs/promises'),
  ]);
  const directory = values.string('cert-dir');
  const [certificateFile, keyFile] = [join(directory, 'apiserver.crt'), join(directory, 'apiserver.key')];
  try {
    const [certificatePem, privateKeyPem] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')]);
    return { certificatePem, privateKeyPem };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const address = advertiseAddress ?? chooseAdvertiseAddress(bindAddress);
  const pair = await createSelfSigned({
    commonName: `${address}@${Math.floor(clock.now() / 1000)}`,
    dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    ipAddresses: [...new Set(['127.0.0.1', address, firstAddress(serviceClusterIpRange)])],
    notBeforeMs: clock.now() - 3_600_000,
    notAfterMs: clock.now() + SELF_SIGNED_LIFETIME_MS,
  });
  await writeFileAtomic(keyFile, pair.privateKeyPem, { mode: 0o600 });
  await writeFileAtomic(certificateFile, pair.certificatePem, { mode: 0o644 });
  return pair;
}
