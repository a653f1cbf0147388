import { join, resolve } from 'node:path';
import { CodedError } from '../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../std/command.ts';
import { flagTexts } from '../std/flag-texts.ts';
import type { ParsedFlags } from '../std/flags.ts';
import { createKlogLogger, klogFatalLine } from '../std/logger.ts';
import { KUBERNETES_VERSION } from '../std/version.ts';
import { completeConfiguration } from './configuration/defaults.ts';
import { withDropIns } from './configuration/drop-ins.ts';
import { overrideByFlags } from './configuration/flag-table.ts';
import { type ParsedConfiguration, readConfigurationFile } from './configuration/parse.ts';
import { remarksOn } from './configuration/without-effect.ts';
import { overrideByStructuredFlags } from './flag-values.ts';
import { kubeletFlags } from './flags.ts';
import { identifyKubelet } from './identify.ts';
import { createKubelet } from './kubelet.ts';
import { type KubeletLock, takeKubeletLock } from './kubelet-lock.ts';
import type { KubeletOptions } from './kubelet-options.ts';
import { createLogOutput } from './log-output.ts';
import { createKubeletMetrics, type KubeletMetrics } from './metrics/kubelet-metrics.ts';
import { readMachine } from './node/machine.ts';
import { parseNodeIps } from './node/node-ips.ts';
import { checkNodeLabels } from './node/node-labels.ts';
import { checkRuntimeName, openRuntime } from './open-runtime.ts';

/** klog's Fatal ends a process so. */
const FATAL_EXIT = 255;

/** `kubelet` with upstream's flags. */
export const kubeletCommand: ComponentCommand = {
  name: 'kubelet',
  arguments: '',
  summary: 'The node agent: joins a cluster by TLS bootstrap and runs its pods',
  flags: kubeletFlags(),
  run: runKubelet,
};

async function runKubelet(flags: ParsedFlags, io: CommandIo): Promise<number> {
  if (flags.values.bool('version')) {
    io.stdout(`Kubernetes ${KUBERNETES_VERSION}\n`);
    return 0;
  }
  const klog = { component: 'kubelet', now: () => io.clock.now() };
  let write = io.stderr;
  let lock: KubeletLock | undefined;
  try {
    if (flags.args.length > 0) throw refusal(`unknown command ${flags.args[0]}`);
    write = createLogOutput(flags, io.stderr, io.clock.now());
    const { given, warnings } = await readConfiguration(flags, io);
    const configuration = completeConfiguration(given);
    const { format, verbosity } = configuration.logging;
    const logging = { ...klog, verbosity, format, write };
    const logger = createKlogLogger(logging);
    for (const warning of [...warnings, ...remarksOn(configuration, completeConfiguration())]) logger.warn(warning);
    const name = runtimeName(flags, io);
    checkRuntimeName(name);
    const options = await kubeletOptions(flags, io, configuration, logger);
    const lockPath = flags.values.string('lock-file');
    lock = await takeKubeletLock({
      path: lockPath === '' ? undefined : resolve(io.cwd, lockPath),
      exitOnContention: flags.values.bool('exit-on-lock-contention'),
      signal: io.signal,
      clock: io.clock,
      logger,
    });
    // Before the runtime is looked for, as upstream: one that is still starting must not keep the node from its certificate.
    const identified = await identifyKubelet(options, lock.signal);
    await identified.identity.persisted;
    const opened = await openRuntime({
      name,
      endpoint: given['containerRuntimeEndpoint'] as string | undefined,
      rootDirectory: resolve(io.cwd, flags.values.string('root-dir')),
      podInfraContainerImage: flags.values.string('pod-infra-container-image'),
      pullProgressTimeoutMs: flags.isSet('image-pull-progress-deadline')
        ? flags.values.durationMs('image-pull-progress-deadline')
        : undefined,
      ...options,
    });
    const { runtime, podPaths } = opened;
    try {
      if (podPaths) {
        const { protectOwnProcess } = await import('./cgroups/own-process.ts');
        await protectOwnProcess({ configuration, logger, clock: io.clock });
      }
      const kubelet = createKubelet({
        ...options,
        identified,
        runtime,
        ...(podPaths && { podPaths }),
        flags: flagTexts(shownFlags(), flags.values),
        setVerbosity: (level) => {
          logging.verbosity = level;
        },
      });
      await kubelet.start(lock.signal);
      io.ready();
      await kubelet.done;
    } finally {
      opened.close();
    }
    return 0;
  } catch (error) {
    if (lock?.signal.aborted ?? io.signal.aborted) return 0;
    const message = error instanceof Error ? error.message : String(error);
    write(klogFatalLine(klog, `failed to run Kubelet: ${message}`));
    return FATAL_EXIT;
  } finally {
    await lock?.release();
  }
}

/** What `--runtime` says, else `$MUSTER_RUNTIME`, with which the runbooks' lines run as written where there is no container runtime. */
function runtimeName(flags: ParsedFlags, { env }: CommandIo): string {
  const given = flags.isSet('runtime') ? '' : env['MUSTER_RUNTIME'];
  return given || flags.values.string('runtime');
}

/** Headers of a manifest's request may hold a secret. */
const shownFlags = () => kubeletFlags().filter(({ name }) => name !== 'manifest-url-header');

/** What the file, its drop-ins and the flags say, each over the one before. */
async function readConfiguration(flags: ParsedFlags, io: CommandIo): Promise<ParsedConfiguration> {
  const path = (name: string) => resolve(io.cwd, flags.values.string(name));
  let file: ParsedConfiguration = { given: {}, warnings: [] };
  if (flags.isSet('config')) {
    const { given, warnings } = await readConfigurationFile(path('config'));
    file = { given, warnings: warnings.map((warning) => `${path('config')}: ${warning}`) };
  }
  if (flags.isSet('config-dir')) file = await withDropIns(file, path('config-dir'));
  return { ...file, given: overrideByStructuredFlags(overrideByFlags(file.given, flags), flags) };
}

async function kubeletOptions(
  flags: ParsedFlags,
  io: CommandIo,
  configuration: KubeletOptions['configuration'],
  logger: KubeletOptions['logger'],
): Promise<Omit<KubeletOptions, 'runtime' | 'metrics'> & { readonly metrics: KubeletMetrics }> {
  const { values } = flags;
  const path = (name: string) => (values.string(name) === '' ? undefined : resolve(io.cwd, values.string(name)));
  const kubeconfig = path('kubeconfig');
  if (!kubeconfig) throw refusal(missingKubeconfig(flags.isSet('bootstrap-kubeconfig')));
  const labels = values.map('node-labels');
  checkNodeLabels(labels);
  const machine = await readMachine();
  const nodeIps = parseNodeIps(values.string('node-ip'), machine.addresses);
  const nodeName = (values.string('hostname-override') || machine.hostname).trim().toLowerCase();
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(nodeName) || nodeName.length > 253)
    throw refusal(`node name ${JSON.stringify(nodeName)} is not a valid DNS name: see --hostname-override`);
  const { clock } = io;
  return {
    nodeName,
    paths: {
      kubeconfig,
      bootstrapKubeconfig: path('bootstrap-kubeconfig') ?? path('experimental-bootstrap-kubeconfig'),
      certificateDirectory: path('cert-dir') ?? join(values.string('root-dir'), 'pki'),
    },
    configuration,
    metrics: createKubeletMetrics(),
    clock,
    logger,
    random: io.random,
    ...(nodeIps ? { nodeIps } : defaultNodeIps(configuration.address)),
    labels,
    machine,
    ...credentialProviders(path('image-credential-provider-config'), path('image-credential-provider-bin-dir')),
  };
}

/** Either flag says nothing without the other. */
function credentialProviders(config: string | undefined, directory: string | undefined) {
  if ((config === undefined) !== (directory === undefined))
    throw refusal('--image-credential-provider-config and --image-credential-provider-bin-dir must both be set');
  return config && directory ? { credentialProviders: { config, directory } } : {};
}

/** The address that the API listens on is the node's, when it is one. */
function defaultNodeIps(address: string): { nodeIps?: readonly string[] } {
  return address === '0.0.0.0' || address === '::' ? {} : { nodeIps: [address] };
}

function missingKubeconfig(hasBootstrap: boolean): string {
  return hasBootstrap
    ? '--bootstrap-kubeconfig needs --kubeconfig as well: it names the file where the kubeconfig that the bootstrap obtains is put, and read from at later starts'
    : '--kubeconfig is missing: it names the file that says how to reach the API server (with --bootstrap-kubeconfig, where to put it)';
}

function refusal(message: string): CodedError {
  return new CodedError(message, { code: 'KUBELET_FLAGS_INVALID' });
}
