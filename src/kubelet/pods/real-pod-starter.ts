import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { removeTree } from '../../host/remove-tree.ts';
import { containerHash } from '../runtime/cri/translate/pod-labels.ts';
import type { ContainerPreparation } from '../runtime/preparation.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { newestOf } from './container-kinds.ts';
import { containerSubject } from './container-subject.ts';
import type { RunHook } from './lifecycle-hooks.ts';
import { linkLog, logDirectories, namesIn, removeDeadLinks } from './log-links.ts';
import { type PodPartContext, PodPartError, type PodParts } from './pod-parts.ts';
import { containerLogPath, podDirectory, podLogDirectory } from './pod-paths.ts';
import type { PodStarter, StartRequest } from './pod-starter.ts';

export interface RealStarterOptions extends Pick<PodPartContext, 'runtime' | 'paths' | 'events' | 'clock' | 'logger'> {
  readonly parts: PodParts;
  readonly runHook: RunHook;
  /** Ends a container whose postStart hook failed. */
  readonly stop: (pod: V1Pod, container: RuntimeContainer, message: string) => Promise<void>;
}

/** Starts pods with processes: directories, cgroup and volumes, then the sandbox, then images and containers with their settings. */
export function createRealPodStarter(options: RealStarterOptions): PodStarter {
  return new RealPodStarter(options);
}

/** Where the driver keeps of what definition a container was made. */
const CONTAINER_HASH = 'io.kubernetes.container.hash';

class RealPodStarter implements PodStarter {
  readonly detailed = true;
  readonly #options: RealStarterOptions;

  constructor(options: RealStarterOptions) {
    this.#options = options;
  }

  async prepare(pod: V1Pod, signal: AbortSignal): Promise<void> {
    const { parts, paths } = this.#options;
    const { uid = '' } = pod.metadata ?? {};
    if (pod.spec?.resourceClaims?.length || pod.status?.extendedResourceClaimStatus)
      throw new PodPartError(
        'FailedPrepareDynamicResources',
        'Failed to prepare dynamic resources: this kubelet has no dynamic resource allocation',
      );
    for (const part of ['volumes', 'plugins', 'containers'])
      await mkdir(join(podDirectory(paths, uid), part), { recursive: true, mode: 0o750 });
    try {
      await parts.cgroups.ensure(pod);
    } catch (cause) {
      throw failure('FailedCreatePodContainer', `unable to ensure pod container exists: ${wordsOf(cause)}`, cause);
    }
    signal.throwIfAborted();
    await parts.volumes.setUp(pod, signal);
  }

  async runSandbox(pod: V1Pod, attempt: number, podCidr: string | undefined, signal: AbortSignal) {
    const { parts, runtime, paths } = this.#options;
    const logDirectory = podLogDirectory(paths, identityOf(pod));
    await mkdir(logDirectory, { recursive: true, mode: 0o755 });
    const [dns, { cgroupParent }, idMappings] = await Promise.all([
      parts.settings.dnsOf(pod),
      parts.cgroups.ensure(pod),
      parts.cgroups.idMappingsOf(pod),
    ]);
    signal.throwIfAborted();
    const hostname = parts.settings.hostnameOf(pod);
    const preparation = { hostname, dns, logDirectory, cgroupParent, ...(idMappings && { idMappings }) };
    return runtime.runSandbox({ pod, attempt, ...(podCidr && { podCidr }), preparation });
  }

  async startContainer(request: StartRequest, signal: AbortSignal): Promise<RuntimeContainer> {
    const { runtime, events } = this.#options;
    const { pod, container, attempt, sandbox, containers } = request;
    const { imageRef } = await this.#options.parts.images.ensure(pod, container, signal);
    signal.throwIfAborted();
    const preparation = await this.#settingsOf(request, imageRef).catch((cause: unknown) => {
      throw failure('CreateContainerConfigError', wordsOf(cause), cause);
    });
    signal.throwIfAborted();
    const target = targetOf(pod, container, containers);
    const subject = containerSubject(pod, container.name);
    let started: RuntimeContainer;
    try {
      started = await runtime.startContainer(sandbox, {
        pod,
        container,
        attempt,
        preparation,
        ...(target && { targetContainerId: target }),
      });
    } catch (cause) {
      const created = (cause as { code?: unknown }).code === 'CONTAINER_NOT_STARTED';
      if (created) events?.event(subject, 'Normal', 'Created', 'Container created');
      throw failure(created ? 'RunContainerError' : 'CreateContainerError', wordsOf(cause), cause);
    }
    events?.event(subject, 'Normal', 'Created', 'Container created');
    events?.event(subject, 'Normal', 'Started', 'Container started');
    // The container runs all the same.
    await linkLog(this.#options.paths, pod, started).catch((error: unknown) =>
      this.#options.logger.error('Failed to create legacy symbolic link', { containerID: started.id, err: error }),
    );
    await this.#runPostStart(request, started, signal);
    return started;
  }

  async resize(pod: V1Pod, spec: V1Container, containerId: string): Promise<void> {
    const { runtime, parts } = this.#options;
    if (!runtime.updateResources) throw new Error(`${runtime.version.name} cannot change the limits of a running container`);
    await runtime.updateResources(containerId, parts.cgroups.resourcesOf(pod, spec));
  }

  changed(spec: V1Container, container: RuntimeContainer): boolean {
    const hash = container.annotations?.[CONTAINER_HASH];
    return hash !== undefined && hash !== containerHash(spec);
  }

  async release(podUid: string): Promise<void> {
    const { parts } = this.#options;
    await parts.volumes.tearDown(podUid);
    await parts.cgroups.remove(podUid);
    await parts.devices?.release(podUid);
  }

  async discard(podUid: string): Promise<void> {
    const { paths } = this.#options;
    await this.release(podUid);
    await removeTree(podDirectory(paths, podUid));
    const logs = (await logDirectories(paths)).get(podUid);
    if (logs) await removeTree(logs);
    await removeDeadLinks(paths);
  }

  async known(): Promise<readonly string[]> {
    const { parts, paths } = this.#options;
    const [volumes, cgroups, directories, logs] = await Promise.all([
      parts.volumes.known(),
      parts.cgroups.known(),
      namesIn(join(paths.root, 'pods')),
      logDirectories(paths),
    ]);
    const withDevices = parts.devices?.known() ?? [];
    return [...new Set([...volumes, ...cgroups, ...withDevices, ...directories, ...logs.keys()])];
  }

  async #settingsOf(request: StartRequest, imageRef: string): Promise<ContainerPreparation> {
    const { parts } = this.#options;
    const { pod, container, attempt, podIps } = request;
    const given = await parts.devices?.settingsOf(pod, container);
    const own = await parts.settings.environmentOf(pod, container, podIps);
    // What the pod says goes before what a plugin says.
    const environment = [...(given?.environment ?? []), ...own];
    const [{ mounts, devices }, hosts] = await Promise.all([
      parts.volumes.mountsOf(pod, container, own),
      parts.settings.hostsFileOf(pod, container, podIps),
    ]);
    return {
      imageRef,
      ...parts.settings.commandOf(container, environment),
      environment,
      mounts: [...(given?.mounts ?? []), ...mounts, ...(hosts ? [hosts] : [])],
      devices: [...(given?.devices ?? []), ...devices],
      ...(given?.cdiDevices.length && { cdiDevices: given.cdiDevices }),
      logPath: containerLogPath(container.name, attempt),
      resources: parts.cgroups.resourcesOf(pod, container),
      supplementalGroups: parts.volumes.supplementalGroups(pod),
      annotations: given?.annotations ?? {},
    };
  }

  async #runPostStart(request: StartRequest, started: RuntimeContainer, signal: AbortSignal): Promise<void> {
    const { pod, container, podIps } = request;
    const { runHook, stop, events } = this.#options;
    const handler = container.lifecycle?.postStart;
    if (!handler) return;
    try {
      await runHook({ handler, container, containerId: started.id, podIp: podIps[0] ?? '', signal });
    } catch (cause) {
      if (signal.aborted) throw cause; // the pod is ended, and its containers with it
      // Without its words: they may be what a command printed, and events are read by many.
      events?.event(containerSubject(pod, container.name), 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
      await stop(pod, started, 'FailedPostStartHook');
      throw failure('PostStartHookError', wordsOf(cause), cause);
    }
  }
}

function failure(reason: string, message: string, cause: unknown): PodPartError {
  return cause instanceof PodPartError ? cause : new PodPartError(reason, message, { cause });
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function identityOf({ metadata }: V1Pod) {
  return { name: metadata?.name ?? '', namespace: metadata?.namespace ?? '', uid: metadata?.uid ?? '' };
}

/** The running container that an ephemeral one looks into. */
function targetOf(pod: V1Pod, container: V1Container, containers: readonly RuntimeContainer[]): string | undefined {
  const wanted = pod.spec?.ephemeralContainers?.find(({ name }) => name === container.name)?.targetContainerName;
  if (!wanted) return undefined;
  const target = newestOf(containers, wanted);
  if (target?.phase !== 'running')
    throw new PodPartError('CreateContainerConfigError', `unable to find target container ${wanted}`);
  return target.id;
}
