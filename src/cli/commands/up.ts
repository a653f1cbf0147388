import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { makeDirectoriesSync } from '../../std/directories.ts';
import type { ParsedFlags } from '../../std/flags.ts';
import { clusterDirectory, clustersDirectory, registerDirectory } from '../local/cluster-home.ts';
import { type DaemonState, readDaemonState } from '../local/daemon-state.ts';
import { deleteUnmade, unmadePlace } from '../local/delete-data.ts';
import { kubeconfigToWrite } from '../local/kubeconfig-location.ts';
import { readUpOptions, UP_FLAGS, type UpOptions } from '../up/up-options.ts';
import { formatUpJson, formatUpText, type UpResult } from '../up/up-report.ts';

/** `muster up`. */
export const upCommand: ComponentCommand = {
  name: 'up',
  summary: 'Starts a cluster in the background and returns when every node is Ready. Run again, it starts what is not running.',
  flags: UP_FLAGS,
  run: up,
};

/** How long another `up` of the same cluster may take before this one stops waiting for it. */
const OTHER_UP_WAIT_MS = 120_000;
const POLL_MS = 25;
/** Between taking the lock and telling of it lies one write of a file. */
const LOCK_TO_STATE_MS = 2_000;
/** How often the lock may be found held by somebody who is then gone. */
const MOST_ATTEMPTS = 5;

/** What a failure says nothing of without the log, which stays with what else there is. */
const NEEDS_LOG: ReadonlySet<string> = new Set(['START_FAILED', 'CLUSTER_DIED']);

async function up(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const options = readUpOptions(flags, io);
  const entry = clusterDirectory(io.env, options.name);
  const isChild = flags.isSet('report-fd');
  const place = isChild ? undefined : await unmadePlace(entry, options.dataDir);
  try {
    return await upIn(await openClusterDirectory(options, io), options, flags, io);
  } catch (error) {
    if (place && error instanceof CodedError && !NEEDS_LOG.has(error.code))
      await deleteUnmade(place).catch((left: Error) => io.stderr(`warning: what the start has left stays: ${left.message}\n`));
    throw error;
  }
}

async function upIn(directory: string, options: UpOptions, flags: ParsedFlags, io: CommandIo): Promise<number> {
  if (flags.isSet('report-fd')) {
    const { runClusterInBackground } = await import('../up/run-cluster.ts');
    return runClusterInBackground(directory, options, io, flags.values.int('report-fd'));
  }
  const running = await settledState(directory, io);
  if (running) {
    const { checkRunning } = await import('../up/check-running.ts');
    checkRunning(running, options);
    await announce(running, 'running', directory, options, io);
    return 0;
  }
  if (flags.values.bool('foreground')) {
    const { runCluster } = await import('../up/run-cluster.ts');
    return runCluster(directory, options, io, async () => {
      const state = await readDaemonState(directory);
      if (state) await announce(state, 'started', directory, options, io);
      io.ready();
    });
  }
  const { spawnCluster } = await import('../up/spawn-cluster.ts');
  let how: 'started' | 'running' = 'started';
  let state: DaemonState | undefined;
  for (let attempt = 1; !state; attempt++) {
    how = 'started';
    try {
      await spawnCluster(directory, backgroundArguments(options), io);
    } catch (error) {
      // Another `up` was quicker; what it starts is what we were asked for. Or a process that was killed is not quite gone.
      if (!(error instanceof CodedError && error.code === 'DATA_LOCKED') || attempt === MOST_ATTEMPTS) throw error;
      how = 'running';
    }
    // Whoever holds the lock may not have written down yet that it does.
    state = await settledState(directory, io, how === 'running' ? LOCK_TO_STATE_MS : 0);
    if (!state && how === 'started')
      throw new CodedError(`the cluster ended while it was being started; ${join(directory, 'cluster.log')} says why`, {
        code: 'CLUSTER_DIED',
      });
  }
  await announce(how === 'started' ? { ...state, readyMs: Math.round(performance.now()) } : state, how, directory, options, io);
  return 0;
}

async function openClusterDirectory(options: UpOptions, io: CommandIo): Promise<string> {
  try {
    makeDirectoriesSync(clustersDirectory(io.env), 0o700);
  } catch (cause) {
    throw new CodedError(`${(cause as Error).message}; name a directory for clusters' data that can be written in $MUSTER_HOME`, {
      code: 'DATA_UNWRITABLE',
      cause,
    });
  }
  const entry = clusterDirectory(io.env, options.name);
  if (options.dataDir !== undefined) {
    const { refuseForeignDirectory } = await import('../../cluster/data-directory.ts');
    try {
      refuseForeignDirectory(options.dataDir);
      makeDirectoriesSync(options.dataDir, 0o700);
    } catch (cause) {
      if (cause instanceof CodedError) throw cause;
      throw new CodedError(`${(cause as Error).message}; name another directory by --data-dir`, {
        code: 'DATA_UNWRITABLE',
        cause,
      });
    }
    await registerDirectory(io.env, options.name, options.dataDir);
  }
  return existsSync(entry) ? realpathSync(entry) : entry;
}

/** What runs in the directory once it is ready; undefined when nothing does, and nothing has come within `appearsMs`. */
async function settledState(directory: string, io: CommandIo, appearsMs = 0): Promise<DaemonState | undefined> {
  const startMs = io.clock.now();
  for (;;) {
    const state = await readDaemonState(directory);
    const waited = io.clock.now() - startMs;
    if (state?.state === 'ready' || (!state && waited >= appearsMs)) return state;
    if (state && waited > OTHER_UP_WAIT_MS)
      throw new CodedError(
        `process ${state.pid} has been starting the cluster for long; "muster down --name ${state.name}" ends it`,
        { code: 'STILL_STARTING' },
      );
    await io.clock.sleep(POLL_MS, io.signal);
  }
}

function backgroundArguments(options: UpOptions): string[] {
  const { name, nodes, store, etcdFiles, dataDir, port, runtime, network, containerRuntimeEndpoint } = options;
  const { legacyServiceAccountTokens, runtimeConfig, verbosity } = options;
  return [
    `--name=${name}`,
    ...(store === undefined ? [] : [`--store=${store}`]),
    ...(etcdFiles?.ca === undefined ? [] : [`--etcd-cafile=${etcdFiles.ca}`]),
    ...(etcdFiles?.certificate === undefined ? [] : [`--etcd-certfile=${etcdFiles.certificate}`]),
    ...(etcdFiles?.key === undefined ? [] : [`--etcd-keyfile=${etcdFiles.key}`]),
    `--runtime=${runtime}`,
    ...(containerRuntimeEndpoint === undefined ? [] : [`--container-runtime-endpoint=${containerRuntimeEndpoint}`]),
    ...(network === undefined ? [] : [`--network=${network}`]),
    ...(nodes === undefined ? [] : [`--nodes=${nodes}`]),
    ...(dataDir === undefined ? [] : [`--data-dir=${dataDir}`]),
    ...(port === undefined ? [] : [`--port=${port}`]),
    ...(legacyServiceAccountTokens ? ['--legacy-service-account-tokens'] : []),
    ...runtimeConfig.map((pair) => `--runtime-config=${pair}`),
    ...(verbosity ? [`--v=${verbosity}`] : []),
  ];
}

/** Adds the context to the kubeconfig and prints what there is. */
async function announce(
  state: DaemonState,
  how: 'started' | 'running',
  directory: string,
  options: UpOptions,
  io: CommandIo,
): Promise<void> {
  const { readKubeconfig } = await import('../../pki/kubeconfig.ts');
  const { addContext } = await import('../local/kubeconfig-file.ts');
  const { rememberKubeconfig } = await import('../local/kubeconfigs-written.ts');
  const kubeconfig = kubeconfigToWrite(options.kubeconfig, io.env);
  // First, so that `down` finds the file even when we are killed between the two.
  await rememberKubeconfig(directory, kubeconfig);
  await addContext(kubeconfig, await readKubeconfig(join(directory, 'admin.kubeconfig')), io.clock).catch((cause: Error) => {
    // Also of one that says itself what is wrong: whoever asked must know that there is a cluster now.
    throw new CodedError(
      `cluster "${state.name}" runs, but its context cannot be put into ${kubeconfig}: ${cause.message}; name another file by --kubeconfig`,
      { code: cause instanceof CodedError ? cause.code : 'KUBECONFIG_UNWRITABLE', cause },
    );
  });
  const result: UpResult = {
    name: state.name,
    server: state.server ?? '',
    kubeconfig,
    dataDir: directory,
    pid: state.pid,
    nodes: state.nodes ?? [],
    realNode: state.realNode,
    readyMs: state.readyMs ?? 0,
  };
  io.stdout(options.json ? formatUpJson(result) : formatUpText(result, how));
}
