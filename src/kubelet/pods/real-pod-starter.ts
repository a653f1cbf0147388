import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Container, V1Pod } from '../../api/gen/types.ts';
import { removeTree } from '../../host/remove-tree.ts';
import type { ContainerMount, ContainerPreparation } from '../runtime/preparation.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import { containerAnnotations, definitionChanged } from './container-annotations.ts';
import { newestOf } from './container-kinds.ts';
import { containerSubject } from './container-subject.ts';
import type { RunHook } from './lifecycle-hooks.ts';
import { ifMissing, linkLog, removeDeadLinks } from './log-links.ts';
import { type PodPartContext, PodPartError, type PodParts } from './pod-parts.ts';
import { containerLogPath, podDirectory, podLogDirectory } from './pod-paths.ts';
import type { PodStarter, StartRequest } from './pod-starter.ts';
import { makeMessageFile, messageFile, readMessage, shareOfMessages } from './termination-messages.ts';

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

class RealPodStarter implements PodStarter {
  readonly detailed = true;
  readonly #options: RealStarterOptions;
  /** What ended containers left, by id: it does not change any more. By pod, to be forgotten with it. */
  readonly #messages = new Map<string, Map<string, string>>();

  constructor(options: RealStarterOptions) {
    this.#options = options;
  }

  async prepare(pod: V1Pod, signal: AbortSignal): Promise<void> {
    const { parts, paths } = this.#options;
    const { uid = '' } = pod.metadata ?? {};
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
    await this.#link(pod, container.name, started);
    await this.#runPostStart(request, started, signal);
    return started;
  }

  async describe(pod: V1Pod, containers: readonly RuntimeContainer[]): Promise<readonly RuntimeContainer[]> {
    const { uid = '' } = pod.metadata ?? {};
    const known = this.#messages.get(uid) ?? new Map<string, string>();
    this.#messages.set(uid, known);
    const share = shareOfMessages((pod.spec?.containers.length ?? 0) + (pod.spec?.initContainers?.length ?? 0));
    return Promise.all(
      containers.map(async (container) => {
        if (container.phase !== 'exited') return container;
        const left = known.get(container.id) ?? (await this.#readMessage(pod, container)).slice(0, share);
        known.set(container.id, left);
        return left === '' ? container : { ...container, message: container.message ? `${container.message}: ${left}` : left };
      }),
    );
  }

  changed(spec: V1Container, container: RuntimeContainer): boolean {
    return definitionChanged(spec, container);
  }

  async release(podUid: string): Promise<void> {
    const { parts } = this.#options;
    await parts.volumes.tearDown(podUid);
    await parts.cgroups.remove(podUid);
  }

  async discard(podUid: string): Promise<void> {
    const { paths } = this.#options;
    await this.release(podUid);
    this.#messages.delete(podUid);
    await removeTree(podDirectory(paths, podUid));
    const logs = await readdir(paths.logs).catch(ifMissing<string[]>([]));
    for (const name of logs.filter((entry) => entry.endsWith(`_${podUid}`))) await removeTree(join(paths.logs, name));
    await removeDeadLinks(paths.containerLogs, paths.logs);
  }

  async known(): Promise<readonly string[]> {
    const { parts, paths } = this.#options;
    const [volumes, cgroups, directories, logs] = await Promise.all([
      parts.volumes.known(),
      parts.cgroups.known(),
      readdir(join(paths.root, 'pods')).catch(ifMissing<string[]>([])),
      readdir(paths.logs).catch(ifMissing<string[]>([])),
    ]);
    const logged = logs.flatMap((name) => /^[^_]+_[^_]+_(?<uid>[^_]+)$/.exec(name)?.groups?.['uid'] ?? []);
    return [...new Set([...volumes, ...cgroups, ...directories, ...logged])];
  }

  async #settingsOf(request: StartRequest, imageRef: string): Promise<ContainerPreparation> {
    const { parts, paths } = this.#options;
    const { pod, container, attempt, podIps } = request;
    const { uid = '' } = pod.metadata ?? {};
    const environment = await parts.settings.environmentOf(pod, container, podIps);
    const [{ mounts, devices }, hosts, message] = await Promise.all([
      parts.volumes.mountsOf(pod, container, environment),
      parts.settings.hostsFileOf(pod, container, podIps),
      this.#messageMount(uid, container, attempt),
    ]);
    const logDirectory = podLogDirectory(paths, identityOf(pod));
    await mkdir(join(logDirectory, container.name), { recursive: true, mode: 0o755 });
    const extra = [hosts, message].filter((mount) => mount !== undefined);
    return {
      imageRef,
      ...parts.settings.commandOf(container, environment),
      environment,
      mounts: [...mounts, ...extra],
      devices,
      logPath: containerLogPath(container.name, attempt),
      resources: parts.cgroups.resourcesOf(pod, container),
      supplementalGroups: parts.volumes.supplementalGroups(pod),
      annotations: containerAnnotations(pod, container, attempt),
    };
  }

  async #messageMount(uid: string, container: V1Container, attempt: number): Promise<ContainerMount | undefined> {
    const containerPath = container.terminationMessagePath;
    if (!containerPath) return undefined;
    const hostPath = messageFile(this.#options.paths, uid, container.name, attempt);
    await makeMessageFile(hostPath);
    return { hostPath, containerPath, readOnly: false };
  }

  async #link(pod: V1Pod, container: string, { id, attempt }: RuntimeContainer): Promise<void> {
    const { paths, logger } = this.#options;
    const { name, namespace, uid } = identityOf(pod);
    const file = join(podLogDirectory(paths, { name, namespace, uid }), containerLogPath(container, attempt));
    try {
      await linkLog(paths.containerLogs, { pod: { name, namespace }, container, id, file });
    } catch (error) {
      // The container runs all the same.
      logger.error('Failed to create legacy symbolic link', { path: paths.containerLogs, containerID: id, err: error });
    }
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

  async #readMessage(pod: V1Pod, container: RuntimeContainer): Promise<string> {
    const { paths } = this.#options;
    const { name, attempt, podUid } = container;
    const logFile = join(podLogDirectory(paths, identityOf(pod)), containerLogPath(name, attempt));
    return readMessage(container, messageFile(paths, podUid, name, attempt), logFile);
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
