import { globSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { Clock } from '../../../std/clock.ts';
import { isGrpcStatus } from '../../../std/grpc/grpc-error.ts';
import type { Logger } from '../../../std/logger.ts';
import type { KubeletMetrics } from '../../metrics/kubelet-metrics.ts';
import type { PodPaths } from '../../pods/pod-paths.ts';
import type { PodSandbox, Runtime, RuntimeStatus, SandboxRequest } from '../runtime.ts';
import { type CriClient, type CriMessage, createCriClient } from './api/cri-client.ts';
import { CgroupDriver, ContainerState } from './api/enums.ts';
import { createContainerAbilities } from './container-abilities.ts';
import { createAndStart, type SandboxConfig } from './container-start.ts';
import { countedClient } from './counted-client.ts';
import { createImageService } from './images/image-service.ts';
import { createLeftTasks } from './left-tasks.ts';
import { PodChanges } from './pod-changes.ts';
import { PodListing } from './pod-listing.ts';
import { SandboxImages } from './sandbox-images.ts';
import { podUidOf, sandboxFromCri } from './translate/container-state.ts';
import { criResources } from './translate/resources.ts';
import { sandboxConfig } from './translate/sandbox-config.ts';

export interface CriRuntimeOptions {
  /** `unix:///run/containerd/containerd.sock`: see `findRuntimeEndpoint`. */
  readonly endpoint: string;
  /** `--image-service-endpoint`; by default `endpoint`. */
  readonly imageEndpoint?: string | undefined;
  /** `runtimeRequestTimeout` of the configuration. */
  readonly requestTimeoutMs: number;
  /** `imagePullProgressDeadline`-like: a pull of which nothing arrives for so long is given up. Default 5 minutes. */
  readonly pullProgressTimeoutMs?: number;
  readonly paths: PodPaths;
  /** `seccompDefault` of the configuration, and where profiles of type Localhost lie (`<root-dir>/seccomp`). */
  readonly seccomp: { readonly seccompDefault: boolean; readonly profileRoot: string };
  /** `--pod-infra-container-image`: one more name under which the pause image is kept. */
  readonly podInfraContainerImage?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: KubeletMetrics | undefined;
}

/** A runtime of real pods; the pods go on when it is closed. */
export interface CriRuntime extends Runtime {
  close(): void;
}

const PULL_PROGRESS_TIMEOUT_MS = 5 * 60_000;

/**
 * Connects to a container runtime that speaks CRI (runtime.v1): containerd 1.6 and newer, CRI-O, cri-dockerd.
 *
 * @throws Error when nobody answers there, or in another version
 */
export async function createCriRuntime(options: CriRuntimeOptions): Promise<CriRuntime> {
  const { endpoint, imageEndpoint, requestTimeoutMs, clock, metrics } = options;
  const cri = countedClient(createCriClient({ endpoint, imageEndpoint, requestTimeoutMs }), metrics, clock);
  try {
    const version = await readVersion(cri, endpoint);
    return runtimeOn(cri, version, options);
  } catch (error) {
    cri.close();
    throw error;
  }
}

async function readVersion(cri: CriClient, endpoint: string): Promise<Runtime['version']> {
  try {
    const { runtime_name, runtime_version } = await cri.call('Version', { version: '0.1.0' });
    return { name: runtime_name, version: runtime_version };
  } catch (error) {
    const hint = isGrpcStatus(error, 'Unimplemented')
      ? ' (the runtime is older than containerd 1.6, or its CRI plugin is switched off: look for disabled_plugins in its configuration)'
      : '';
    const message = `validate service connection: validate CRI v1 runtime API for endpoint "${endpoint}": ${(error as Error).message}${hint}`;
    throw new Error(message, { cause: error });
  }
}

function runtimeOn(cri: CriClient, version: Runtime['version'], options: CriRuntimeOptions): CriRuntime {
  const { requestTimeoutMs, clock, logger, metrics, paths, seccomp } = options;
  const listing = new PodListing(cri);
  const changes = new PodChanges({
    overview: () => listing.overview(),
    events: (signal) => changedPods(cri, signal),
    clock,
    logger,
    metrics,
  });
  const sandboxImages = new SandboxImages({
    cri,
    endpoint: options.endpoint,
    clock,
    logger,
    requestTimeoutMs,
    pullProgressTimeoutMs: options.pullProgressTimeoutMs ?? PULL_PROGRESS_TIMEOUT_MS,
    extraName: options.podInfraContainerImage,
  });
  const leftTasks = createLeftTasks(options.endpoint, requestTimeoutMs);
  const sandboxConfigs = new Map<string, SandboxConfig>();
  const moreMaskedPaths = globSync('/sys/devices/system/cpu/cpu*/thermal_throttle');
  const start = { cri, paths, sandboxConfigs, seccomp, moreMaskedPaths };
  let toldPodCidr: string | undefined;

  /** Only runtimes that write CNI configurations themselves need it: no pod waits for it to be taken. */
  async function tellPodCidr(podCidr: string): Promise<void> {
    try {
      await cri.call('UpdateRuntimeConfig', { runtime_config: { network_config: { pod_cidr: podCidr } } });
      toldPodCidr = podCidr;
    } catch (error) {
      logger.warn('The runtime did not take the range of pod addresses', { podCIDR: podCidr, err: error });
    }
  }

  async function runSandbox({ pod, attempt, podCidr, preparation }: SandboxRequest): Promise<PodSandbox> {
    if (!preparation) throw new Error(`nothing is prepared for pod ${pod.metadata?.namespace}/${pod.metadata?.name}`);
    if (podCidr !== undefined && podCidr !== toldPodCidr) await tellPodCidr(podCidr);
    await mkdir(preparation.logDirectory, { recursive: true, mode: 0o755 });
    const request = { config: sandboxConfig(pod, attempt, preparation), runtime_handler: preparation.runtimeHandler };
    // Networks may take their time; upstream waits twice as long as for other calls.
    const run = () => cri.call('RunPodSandbox', request, { timeoutMs: 2 * requestTimeoutMs });
    const { pod_sandbox_id } = await sandboxImages.provideFor(run);
    sandboxConfigs.set(pod_sandbox_id, request.config);
    const { status } = await cri.call('PodSandboxStatus', { pod_sandbox_id });
    if (!status) throw new Error(`the runtime does not know sandbox ${pod_sandbox_id}, which it has just made`);
    return sandboxFromCri(status, status.network);
  }

  return {
    version,
    async status() {
      return statusOf(await cri.call('Status', {}), changes.problem());
    },
    list: (podUid) => listing.list(podUid),
    runSandbox,
    stopSandbox: (id) => done(cri.call('StopPodSandbox', { pod_sandbox_id: id })),
    async removeSandbox(id) {
      await leftTasks.removing(
        () => endedContainers(cri, id),
        () => done(cri.call('RemovePodSandbox', { pod_sandbox_id: id })),
      );
      sandboxConfigs.delete(id);
    },
    async startContainer(sandbox, request) {
      const id = await createAndStart(start, sandbox, request);
      const container = await listing.read(id, { sandboxId: sandbox.id, podUid: sandbox.podUid });
      if (!container) throw new Error(`container ${id} went as soon as it was started`);
      return container;
    },
    stopContainer(id, gracePeriodMs) {
      const seconds = Math.max(0, Math.ceil(gracePeriodMs / 1000));
      return done(
        cri.call('StopContainer', { container_id: id, timeout: seconds }, { timeoutMs: seconds * 1000 + requestTimeoutMs }),
      );
    },
    async removeContainer(id) {
      await leftTasks.removing(
        async () => [id],
        () => done(cri.call('RemoveContainer', { container_id: id })),
      );
      listing.forget(id);
    },
    async probe() {
      throw new Error('probes of real containers are tried by the kubelet, not by the runtime');
    },
    subscribe: (listener) => changes.subscribe(listener),
    images: createImageService({
      cri,
      sandboxImages: () => sandboxImages.names(),
      watchPull: (signal) => sandboxImages.watchPull(signal),
    }),
    ...createContainerAbilities(cri, requestTimeoutMs),
    async updateResources(id, resources) {
      await cri.call('UpdateContainerResources', { container_id: id, linux: criResources(resources) });
      listing.forget(id);
    },
    async cgroupDriver() {
      try {
        const { linux } = await cri.call('RuntimeConfig', {});
        return linux && (linux.cgroup_driver === CgroupDriver.SYSTEMD ? 'systemd' : 'cgroupfs');
      } catch (error) {
        if (isGrpcStatus(error, 'Unimplemented')) return undefined;
        throw error;
      }
    },
    async checkpoint(id, location, timeoutMs) {
      const seconds = Math.ceil(timeoutMs / 1000);
      const limit = { timeoutMs: timeoutMs + requestTimeoutMs };
      await cri.call('CheckpointContainer', { container_id: id, location, timeout: seconds }, limit);
    },
    close() {
      changes.close();
      sandboxImages.close();
      leftTasks.close();
      cri.close();
    },
  };
}

/** Of a sandbox: those that CRI says have no process. */
async function endedContainers(cri: CriClient, sandboxId: string): Promise<string[]> {
  const { containers } = await cri.call('ListContainers', { filter: { pod_sandbox_id: sandboxId } });
  return containers.filter(({ state }) => state !== ContainerState.RUNNING).map(({ id }) => id);
}

async function* changedPods(cri: CriClient, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  for await (const { pod_sandbox_status: sandbox } of cri.events(signal)) if (sandbox) yield podUidOf(sandbox);
}

function statusOf(answer: CriMessage<'StatusResponse'>, problem: string | undefined): RuntimeStatus {
  const { status, runtime_handlers, features } = answer;
  const conditions = status?.conditions ?? [];
  const [runtime, network] = ['RuntimeReady', 'NetworkReady'].map((type) =>
    conditions.find((condition) => condition.type === type),
  );
  const unmet = runtime?.status ? (network?.status ? undefined : network) : runtime;
  return {
    ready: runtime?.status ?? false,
    networkReady: network?.status ?? false,
    ...(unmet && { reason: unmet.reason, message: unmet.message }),
    ...(runtime_handlers.length > 0 && {
      handlers: runtime_handlers.map(({ name, features }) => ({
        name,
        recursiveReadOnlyMounts: features?.recursive_read_only_mounts ?? false,
        userNamespaces: features?.user_namespaces ?? false,
      })),
    }),
    ...(features && { features: { supplementalGroupsPolicy: features.supplemental_groups_policy } }),
    ...(problem !== undefined && { problems: [problem] }),
  };
}

/** For calls whose wish is fulfilled when what they are about is gone. */
async function done(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isGrpcStatus(error, 'NotFound')) throw error;
  }
}
