import { writeFile } from 'node:fs/promises';
import { availableParallelism, hostname, release } from 'node:os';
import { resolve } from 'node:path';
import { printedConfiguration } from '../api/configuration/printed-configuration.ts';
import type { ParsedConfiguration } from '../api/configuration/read-configuration.ts';
import { overrideByFlags } from '../api/configuration/setting-flags.ts';
import { createClient } from '../client/create-client.ts';
import { createEventRecorder } from '../client/events.ts';
import { transportFromContext } from '../client/kubeconfig-client.ts';
import { withRateLimit } from '../client/transport/rate-limit.ts';
import type { Transport } from '../client/transport/transport.ts';
import { runProgram } from '../host/run-program.ts';
import { readKubeconfig, resolveContext } from '../pki/kubeconfig.ts';
import { CodedError } from '../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { flagTexts } from '../std/flag-texts.ts';
import type { ParsedFlags } from '../std/flags.ts';
import { createKlogLogger } from '../std/logger.ts';
import { runComponents } from '../std/run-components.ts';
import { KUBERNETES_VERSION } from '../std/version.ts';
import { kubeProxyFields } from './configuration/fields.ts';
import {
  completeConfiguration,
  inPlaceOfIpvs,
  type KubeProxyConfiguration,
  readConfigurationFile,
  remarksOn,
} from './configuration/kube-proxy-configuration.ts';
import { kubeProxyFlags } from './flags.ts';
import { applyIpvsTimeouts } from './ipvs/timeouts.ts';
import { ALL_MODES, chooseMode, cleanUpModes, leftByOthers, openBackends } from './open-backends.ts';
import { createProxy } from './proxy.ts';
import { createProxyMetrics } from './proxy-metrics.ts';
import { createProxyServers } from './proxy-servers.ts';
import { applyOomScore, applySysctls, planSysctls } from './sysctls.ts';

/** kube-proxy as upstream's flags start it. */
export const proxyCommand: ComponentCommand = {
  name: 'kube-proxy',
  arguments: '',
  summary: 'make Services reachable on a node',
  flags: kubeProxyFlags(),
  run: runProxy,
};

async function runProxy(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const { clock } = io;
  const { values } = flags;
  if (values.bool('version')) {
    io.stdout(`Kubernetes ${KUBERNETES_VERSION}\n`);
    return 0;
  }
  if (flags.args.length > 0) throw refusal(`unknown command ${flags.args[0]}`);
  if (flags.isSet('write-config-to')) return writeDefaults(resolve(io.cwd, values.string('write-config-to')));
  const { given, warnings } = await readConfiguration(flags, io);
  const configuration = completeConfiguration(given);
  const { format, verbosity } = configuration.logging;
  const logger = createKlogLogger({ component: 'kube-proxy', verbosity, format, now: () => clock.now(), write: io.stderr });
  const tools = { run: runProgram, logger };
  if (values.bool('cleanup')) {
    await cleanUpModes(ALL_MODES, tools);
    return 0;
  }
  for (const warning of [...warnings, ...remarksOn(configuration)]) logger.warn(warning);
  const mode = await chooseMode(configuration, tools);
  await applyOomScore(configuration.oomScoreAdj, logger);
  await applySysctls(planSysctls(configuration, { mode, cpus: availableParallelism(), kernelRelease: release() }), logger);
  if (mode === 'ipvs') await applyIpvsTimeouts(configuration, tools);
  if (values.bool('init-only')) return 0;
  const transport = await openTransport(configuration, flags, io);
  try {
    const nodeName = (configuration.hostnameOverride || hostname()).trim().toLowerCase();
    const client = createClient({ transport, userAgent: 'kube-proxy' });
    const metrics = createProxyMetrics(mode);
    await cleanUpModes(leftByOthers(mode), tools);
    const proxy = createProxy({
      ...{ client, nodeName, metrics, clock, logger, configuration: inPlaceOfIpvs(configuration, mode) },
      backends: await openBackends(mode, { ...tools, configuration }),
      events: createEventRecorder({ client, component: 'kube-proxy', host: nodeName, clock, logger, signal: io.signal }),
      random: io.random,
    });
    const without = (['healthz', 'metrics'] as const).filter((name) => isSwitchedOff(name, flags));
    const pages = { configuration, mode, health: proxy.health, metrics, flags: flagTexts(kubeProxyFlags(), values) };
    const servers = createProxyServers({ ...pages, clock, logger, without });
    logger.info(`Using ${mode} Proxier`, { node: nodeName });
    return await runComponents([servers, proxy], io);
  } finally {
    await transport.close({ final: true });
  }
}

/** What the file and then the flags say. */
async function readConfiguration(flags: ParsedFlags, io: CommandIo): Promise<ParsedConfiguration> {
  const { values } = flags;
  const path = resolve(io.cwd, values.string('config'));
  const file = flags.isSet('config') ? await readConfigurationFile(path) : { given: {}, warnings: [] };
  const given = overrideByFlags(kubeProxyFields, file.given, flags);
  for (const name of ['healthz', 'metrics'] as const) {
    const port = values.int(`${name}-port`);
    const field = `${name}BindAddress`;
    // As upstream: the port of a flag of old, where the address has none.
    if (flags.isSet(`${name}-port`) && port > 0 && !given[field])
      given[field] = `${name === 'healthz' ? '0.0.0.0' : '127.0.0.1'}:${port}`;
  }
  return { given, warnings: file.warnings.map((warning) => `${path}: ${warning}`) };
}

/** By a port of 0, or an address that is given and empty. */
function isSwitchedOff(name: 'healthz' | 'metrics', flags: ParsedFlags): boolean {
  const { values } = flags;
  if (flags.isSet(`${name}-bind-address`)) return values.string(`${name}-bind-address`) === '';
  return flags.isSet(`${name}-port`) && values.int(`${name}-port`) === 0;
}

async function openTransport(configuration: KubeProxyConfiguration, flags: ParsedFlags, io: CommandIo): Promise<Transport> {
  const { kubeconfig, qps, burst } = configuration.clientConnection;
  if (!kubeconfig)
    throw refusal(
      'clientConnection.kubeconfig (or --kubeconfig) is missing: it names the file that says how to reach the API server',
    );
  const context = await resolveContext(await readKubeconfig(resolve(io.cwd, kubeconfig)));
  const server = flags.values.string('master') || context.server;
  const transport = transportFromContext({ ...context, server }, io.clock);
  return qps > 0 ? withRateLimit(transport, { qps, burst, clock: io.clock }) : transport;
}

async function writeDefaults(path: string): Promise<number> {
  const { stringify } = await import('yaml');
  const document = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    ...printedConfiguration(kubeProxyFields, completeConfiguration()),
  };
  await writeFile(path, stringify(document));
  return 0;
}

const refusal = (message: string) => new CodedError(message, { code: 'PROXY_FLAGS_INVALID' });
