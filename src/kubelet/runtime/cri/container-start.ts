import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CodedError } from '../../../std/coded-error.ts';
import { GrpcError } from '../../../std/grpc/grpc-error.ts';
import { PodPartError } from '../../pods/pod-parts.ts';
import { containerDirectory, type PodPaths, podLogDirectory } from '../../pods/pod-paths.ts';
import type { ContainerMount, IdMapping, SandboxPreparation } from '../preparation.ts';
import type { ContainerRequest, PodSandbox } from '../runtime.ts';
import type { CriClient, CriInput } from './api/cri-client.ts';
import { NamespaceMode } from './api/enums.ts';
import { detailsIn } from './container-abilities.ts';
import { type ContainerConfigInput, containerConfig } from './translate/container-config.ts';
import type { ImageUser } from './translate/container-security.ts';
import { sandboxConfig } from './translate/sandbox-config.ts';

export type SandboxConfig = CriInput<'PodSandboxConfig'>;

export interface ContainerStartOptions extends Pick<ContainerConfigInput, 'seccomp' | 'moreMaskedPaths'> {
  readonly cri: CriClient;
  readonly paths: PodPaths;
  /** How this process made sandboxes, by their ids. */
  readonly sandboxConfigs: ReadonlyMap<string, SandboxConfig>;
}

/**
 * Creates a container and starts it; answers its id.
 *
 * @throws PodPartError `CreateContainerConfigError` or `CreateContainerError` when there is no container; a CodedError
 * `CONTAINER_NOT_STARTED` when there is one that did not start
 */
export async function createAndStart(
  options: ContainerStartOptions,
  sandbox: PodSandbox,
  request: ContainerRequest,
): Promise<string> {
  const { cri, paths, seccomp, moreMaskedPaths } = options;
  const { preparation, pod, container } = request;
  if (!preparation) throw new Error(`nothing is prepared for container ${container.name}`);
  const [config, imageUser, mounts] = await Promise.all([
    sandboxConfigOf(options, sandbox, request),
    imageUserOf(cri, preparation.imageRef),
    terminationMessageMount(paths, pod.metadata?.uid ?? '', request),
  ]);
  const id = await createContainer(cri, {
    pod_sandbox_id: sandbox.id,
    sandbox_config: config,
    config: containerConfig({
      request: { ...request, preparation },
      imageUser,
      idMappings: idMappingsOf(config),
      mounts,
      seccomp,
      moreMaskedPaths,
    }),
  });
  try {
    await cri.call('StartContainer', { container_id: id });
    return id;
  } catch (error) {
    throw new CodedError(wordsOf(error), { code: 'CONTAINER_NOT_STARTED', cause: error });
  }
}

async function createContainer(cri: CriClient, request: CriInput<'CreateContainerRequest'>): Promise<string> {
  const { config, sandbox_config } = request;
  if (sandbox_config?.log_directory && config?.log_path)
    await mkdir(dirname(join(sandbox_config.log_directory, config.log_path)), { recursive: true, mode: 0o755 });
  try {
    return (await cri.call('CreateContainer', request)).container_id;
  } catch (error) {
    throw new PodPartError('CreateContainerError', wordsOf(error), { eventReason: 'Failed', cause: error });
  }
}

/** What the runtime said, without the form that gRPC gives it; statuses of pods show it so. */
function wordsOf(error: unknown): string {
  return error instanceof GrpcError ? error.detail : (error as Error).message;
}

/**
 * CRI wants to be told again how the sandbox was made. One made by an earlier kubelet: containerd tells it; other runtimes keep for themselves
 * what they need of it, but want to see the rest.
 */
async function sandboxConfigOf(
  { cri, paths, sandboxConfigs }: ContainerStartOptions,
  sandbox: PodSandbox,
  { pod, sandboxPreparation }: ContainerRequest,
): Promise<SandboxConfig> {
  if (sandboxPreparation) return sandboxConfig(pod, sandbox.attempt, sandboxPreparation);
  const known = sandboxConfigs.get(sandbox.id);
  if (known) return known;
  const { info } = await cri.call('PodSandboxStatus', { pod_sandbox_id: sandbox.id, verbose: true });
  const { config } = detailsIn(info);
  if (typeof config === 'object' && config !== null) return config as SandboxConfig;
  const { podNamespace: namespace, podName: name, podUid: uid } = sandbox;
  return sandboxConfig(pod, sandbox.attempt, {
    hostname: pod.spec?.hostname ?? name,
    dns: { servers: [], searches: [], options: [] },
    logDirectory: podLogDirectory(paths, { namespace, name, uid }),
    cgroupParent: '',
  });
}

function idMappingsOf(config: SandboxConfig): SandboxPreparation['idMappings'] {
  const namespace = config.linux?.security_context?.namespace_options?.userns_options;
  if (!namespace || (namespace.mode ?? NamespaceMode.POD) !== NamespaceMode.POD) return undefined;
  return { uids: (namespace.uids ?? []).map(idMapping), gids: (namespace.gids ?? []).map(idMapping) };
}

function idMapping({ host_id = 0, container_id = 0, length = 0 }: CriInput<'IDMapping'>): IdMapping {
  return { hostId: host_id, containerId: container_id, length };
}

async function imageUserOf(cri: CriClient, reference: string): Promise<ImageUser> {
  const { image } = await cri.call('ImageStatus', { image: { image: reference } });
  if (!image)
    throw new PodPartError('CreateContainerError', `failed to get image from containerd "${reference}": not found`, {
      eventReason: 'Failed',
    });
  return { uid: image.uid?.value, username: image.username };
}

/** The file in which the container leaves its last words; anew for each start, so that no words are an older one's. */
async function terminationMessageMount(
  paths: PodPaths,
  uid: string,
  { container, preparation }: ContainerRequest,
): Promise<ContainerMount[]> {
  const containerPath = container.terminationMessagePath ?? '/dev/termination-log';
  if (preparation?.mounts.some((mount) => mount.containerPath === containerPath)) return [];
  const directory = containerDirectory(paths, uid, container.name);
  const hostPath = join(directory, randomBytes(4).toString('hex'));
  await mkdir(directory, { recursive: true, mode: 0o750 });
  await writeFile(hostPath, '', { flag: 'wx' });
  // Whoever the container runs as writes to it; the umask must not decide.
  await chmod(hostPath, 0o666);
  return [{ hostPath, containerPath, readOnly: false, selinuxRelabel: true }];
}
