import { homedir } from 'node:os';
import { join } from 'node:path';
import { nodeKind } from '../api/core/v1/node.ts';
import { serviceKind } from '../api/core/v1/service.ts';
import type { V1ContainerImage, V1Node, V1Service } from '../api/gen/types.ts';
import { createInformer } from '../client/informer.ts';
import { CodedError } from '../std/coded-error.ts';
import { parseGoDuration } from '../std/go-duration.ts';
import type { Component } from '../std/lifecycle.ts';
import { cgroupMachineOf } from './cgroups/cgroup-machine.ts';
import { createPodCgroups } from './cgroups/pod-cgroups.ts';
import { createUserNamespaces } from './cgroups/user-namespaces.ts';
import { createContainerSettings } from './containers/container-settings.ts';
import { createCpuManager } from './cpus/cpu-manager.ts';
import type { DeviceAmounts } from './devices/device-inventory.ts';
import { createDeviceManager } from './devices/device-manager.ts';
import { createImageCollector } from './images/image-collector.ts';
import { nodeImages } from './images/node-images.ts';
import type { CredentialProviderPaths } from './images/open-credential-providers.ts';
import { createPodImages, type NodeImages } from './images/pod-images.ts';
import { volumeImages } from './images/volume-images.ts';
import { createLogRotator } from './logs/log-rotator.ts';
import { readHasAppArmor } from './node/admission/apparmor-admission.ts';
import { createNodeAdmission } from './node/admission/node-admission.ts';
import type { Machine } from './node/machine.ts';
import { createNodeGuard, type NodeGuard } from './node-guard.ts';
import { createPodResourcesServer } from './pod-resources/pod-resources-server.ts';
import { createHookRunner } from './pods/lifecycle-hooks.ts';
import type { PodPartContext, PodsOfNode } from './pods/pod-parts.ts';
import type { RealPods } from './pods/real-pod-options.ts';
import { createRealPodStarter } from './pods/real-pod-starter.ts';
import { createStaticPods } from './pods/static/static-pods.ts';
import { createRealProbes } from './probes/real-probes.ts';
import { withRuntimeClasses } from './runtime/runtime-classes.ts';
import type { StatisticsPages } from './server/kubelet-view.ts';
import { createStatisticsPages } from './stats/statistics-pages.ts';
import { createStatsCollector } from './stats/stats-collector.ts';
import { createPodVolumes } from './volumes/pod-volumes.ts';

export interface RealPodsOptions {
  readonly context: PodPartContext;
  readonly machine: Machine;
  readonly startedAtMs: number;
  /** The pods of the node; known once their controller has been made. */
  readonly pods: PodsOfNode;
  /** Programs that know the node's own credentials of registries. */
  readonly credentialProviders?: CredentialProviderPaths | undefined;
  /** The Node as this kubelet would register it. */
  readonly firstNode: () => V1Node;
  /** Called when the node's conditions have changed: pressure, a shutdown. */
  readonly nodeChanged: () => void;
}

/** What a kubelet needs to keep pods with processes. */
export interface RealNode {
  readonly real: RealPods;
  /** Parts that run all the time, in the order in which they begin; some wait for the API server. */
  readonly components: readonly Component[];
  readonly statistics: StatisticsPages;
  /** For the Node's status: what must not be detached yet. */
  volumesInUse(): readonly string[];
  /** Of its capacity: what device plugins give. */
  deviceAmounts(): DeviceAmounts;
  /** Beside what the runtime says of itself. */
  readonly health: NodeGuard['health'];
  /** `status.images` of the node. */
  images(): V1ContainerImage[];
  /** Ends what has no end of its own: probes, measurements. */
  stop(): void;
}

/** A pod that could not be started is tried again at the latest after so long (pkg/kubelet: backOffPeriod). */
const LONGEST_RETRY_MS = 10_000;
const SWEEP_MS = 30_000;

/**
 * Puts the parts of pods with processes together. Makes the node's cgroups and recovers what an earlier kubelet left half done.
 *
 * @throws CodedError naming what the machine, the runtime or the configuration lacks
 */
export async function createRealPods(options: RealPodsOptions): Promise<RealNode> {
  const { machine, pods, startedAtMs } = options;
  const { client, configuration, runtime, paths, events, metrics, clock, logger, random, nodeIps, nodeName } = options.context;
  // A pod may come here for a label that the Node has just been given: what the kubelet wrote itself last is too old to judge it by.
  const nodes = createInformer<V1Node>({
    client,
    kind: nodeKind,
    fieldSelector: `metadata.name=${nodeName}`,
    clock,
    logger,
    random,
  });
  const context: PodPartContext = { ...options.context, node: () => nodes.get(nodeName) ?? options.context.node() };
  const { images: imageService, streams } = runtime;
  if (!imageService || !streams)
    throw new CodedError(`the runtime ${runtime.version.name} has no images or streams: it cannot run pods with processes`, {
      code: 'RUNTIME_UNABLE',
    });
  const cpus = createCpuManager({ configuration, runtime, directory: paths.root, clock, logger });
  const devices = createDeviceManager({
    directory: join(paths.root, 'device-plugins'),
    cpus,
    ...(metrics && { metrics }),
    clock,
    logger,
    changed: options.nodeChanged,
  });
  let images: NodeImages | undefined;
  const volumes = createPodVolumes(context, {
    images: { ensure: (...wish) => images!.ensure(...wish) },
    plugins: { DevicePlugin: devices.handler },
  });
  const providers = await providersOf(options);
  const { objects } = volumes;
  images = createPodImages({ context, images: imageService, objects, home: homedir(), ...(providers && { providers }) });
  const services = createInformer<V1Service>({ client, kind: serviceKind, clock, logger, random });
  const settings = createContainerSettings({ context, objects: volumes.objects, services });
  const userNamespaces = createUserNamespaces({
    paths,
    maxPods: configuration.maxPods,
    ...idsPerPodOf(configuration),
    supported: async (name) =>
      (await runtime.status()).handlers?.find((handler) => handler.name === name)?.userNamespaces ?? false,
    logger,
  });
  const runtimeDriver = await runtime.cgroupDriver?.();
  const cgroups = createPodCgroups({
    configuration,
    ...(runtimeDriver && { runtimeDriver }),
    clock,
    logger,
    machine: cgroupMachineOf(machine, configuration),
    userNamespaces,
    cpus,
    pods: () => pods.pods(),
  });
  const { records } = images;
  const collector = createImageCollector({
    context,
    runtime,
    images: imageService,
    records,
    alsoInUse: () => volumeImages(pods.pods()),
  });
  const forgetOnRestart = configuration.featureGates?.['ChangeContainerStatusOnKubeletRestart'] === true;
  const probes = createRealProbes({
    runtime,
    nodeIps,
    events,
    forgetOnRestart,
    ...(metrics && { metrics }),
    clock,
    logger,
    random,
  });
  const stats = createStatsCollector({
    configuration,
    runtime,
    pods: () => pods.pods(),
    paths,
    cgroups,
    mountedVolumes: (podUid, but) => volumes.usageOf(podUid, but),
    clock,
    logger,
  });
  const hasAppArmor = await readHasAppArmor();
  const guard = createNodeGuard({
    context,
    pods,
    stats,
    images: collector,
    admission: {
      ...createNodeAdmission({
        node: () => devices.withDevices(context.node() ?? options.firstNode()),
        allowedUnsafeSysctls: configuration.allowedUnsafeSysctls,
        hasAppArmor,
      }),
      allocate: (pod) => devices.allocate(pod),
      givesCpus: cpus.givesCpus,
    },
    changed: options.nodeChanged,
  });
  const { admission } = guard;
  const runHook = createHookRunner({ streams, clock });
  const staticPods = createStaticPods(context);
  const parts = { volumes, settings, images, cgroups, devices, admission };
  await Promise.all([cgroups.prepare(), cpus.prepare(), devices.prepare(), images.recover(), settings.checkResolverFile()]);
  return {
    real: {
      createStarter: (stop) =>
        createRealPodStarter({
          runtime: withRuntimeClasses(runtime, client),
          paths,
          events,
          clock,
          logger,
          parts,
          runHook,
          stop,
        }),
      runHook,
      probes,
      admission,
      ...(staticPods && { staticPods }),
      subscribe: (listener) => volumes.subscribe(listener),
      ...longestRestartDelayOf(configuration),
      longestRetryMs: LONGEST_RETRY_MS,
      syncMs: parseGoDuration(configuration.syncFrequency),
      sweepMs: SWEEP_MS,
    },
    components: [
      nodes,
      services,
      volumes,
      collector,
      createLogRotator({ runtime, configuration, clock, logger }),
      cpus.component,
      devices.component,
      createPodResourcesServer({
        directory: join(paths.root, 'pod-resources'),
        pods: () => pods.pods(),
        devices,
        cpus,
        logger,
      }),
      ...guard.components,
    ],
    health: () => guard.health(),
    volumesInUse: () => volumes.volumesInUse(),
    deviceAmounts: () => devices.amounts(),
    statistics: createStatisticsPages({ collector: stats, nodeName, startedAtMs, machine }),
    images: () => nodeImages(collector.images, configuration.nodeStatusMaxImages),
    stop() {
      probes.stop();
      stats.stop();
    },
  };
}

function idsPerPodOf(configuration: PodPartContext['configuration']): { idsPerPod?: number } {
  const { idsPerPod } = (configuration['userNamespaces'] as { idsPerPod?: number } | undefined) ?? {};
  return idsPerPod === undefined ? {} : { idsPerPod };
}

function longestRestartDelayOf(configuration: PodPartContext['configuration']): { longestRestartDelayMs?: number } {
  const text = (configuration['crashLoopBackOff'] as { maxContainerRestartPeriod?: string } | undefined)
    ?.maxContainerRestartPeriod;
  return text ? { longestRestartDelayMs: parseGoDuration(text) } : {};
}

/** The programs, checked; few nodes have any. */
async function providersOf({ credentialProviders, context: { clock, logger } }: RealPodsOptions) {
  if (!credentialProviders) return undefined;
  const [{ openCredentialProviders }, { runProgram }] = await Promise.all([
    import('./images/open-credential-providers.ts'),
    import('../host/run-program.ts'),
  ]);
  return openCredentialProviders(credentialProviders, { run: runProgram, environment: process.env, clock, logger });
}
