/** The mounts of one container, from its spec and the pod's ready volumes (upstream's kubelet_pods.go, makeMounts). */
import { join } from 'node:path';
import type { V1Container, V1VolumeMount } from '../../api/gen/types.ts';
import type { Mounts } from '../../host/mounts.ts';
import type { Logger } from '../../std/logger.ts';
import { expandVariables } from '../containers/variable-expansion.ts';
import { PodPartError } from '../pods/pod-parts.ts';
import type { ContainerDevice, ContainerMount, MountPropagation } from '../runtime/preparation.ts';
import { bindSubPath } from './sub-path.ts';
import type { VolumeCalls } from './volume-calls.ts';
import type { ReadyVolume } from './volume-kind.ts';

export type Variables = readonly { readonly name: string; readonly value: string }[];

export interface ContainerMountsRequest {
  readonly container: V1Container;
  readonly volumes: ReadonlyMap<string, ReadyVolume>;
  readonly environment: Variables;
  /** `pods/<uid>`. */
  readonly podDirectory: string;
  /** Whether the runtime and the kernel can make everything below a mount read only. */
  readonly recursiveReadOnly: boolean;
}

export interface HostTools {
  readonly mounts: Mounts;
  readonly calls: VolumeCalls;
  readonly logger: Logger;
}

const PROPAGATION: Readonly<Record<string, MountPropagation>> = {
  None: 'private',
  HostToContainer: 'host-to-container',
  Bidirectional: 'bidirectional',
};

/** Rejects with reason CreateContainerConfigError. */
export async function containerMounts(
  request: ContainerMountsRequest,
  host: HostTools,
): Promise<{ mounts: ContainerMount[]; devices: ContainerDevice[] }> {
  const { container, volumes } = request;
  const made: ContainerMount[] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const volume = readyVolume(volumes, mount.name, container);
    const place = await placeOf({ volume, mount, index, request }, host);
    const readOnly = (mount.readOnly ?? false) || volume.readOnly;
    made.push({
      ...place,
      containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      readOnly,
      ...(wantsRecursive(mount, request.recursiveReadOnly) && { recursiveReadOnly: true }),
      ...(volume.relabel && { selinuxRelabel: true }),
      propagation: PROPAGATION[mount.mountPropagation ?? 'None'] ?? 'private',
    });
  }
  const devices = (container.volumeDevices ?? []).map(({ name, devicePath }): ContainerDevice => {
    const volume = readyVolume(volumes, name, container);
    if (!volume.devicePath) throw refusal(`volume ${name} of container ${container.name} is no block device`);
    return { hostPath: volume.devicePath, containerPath: devicePath, permissions: volume.readOnly ? 'r' : 'mrw' };
  });
  return { mounts: made, devices };
}

function readyVolume(volumes: ReadonlyMap<string, ReadyVolume>, name: string, container: V1Container): ReadyVolume {
  const volume = volumes.get(name);
  if (!volume) throw refusal(`cannot find volume "${name}" to mount into container "${container.name}"`);
  return volume;
}

/** Checked and with its variables replaced; undefined when the whole volume is meant. */
export function subPathOf({ subPath, subPathExpr }: V1VolumeMount, environment: Variables): string | undefined {
  const path = subPathExpr ? expandStrictly(subPathExpr, environment) : subPath;
  if (!path) return undefined;
  if (path.startsWith('/')) throw refusal(`error SubPath \`${path}\` must not be an absolute path`);
  if (path.split('/').includes('..')) throw refusal(`unable to provision SubPath \`${path}\`: must not contain '..'`);
  return path;
}

/** Every variable must be there: a part of another name would be somebody else's data. */
function expandStrictly(text: string, environment: Variables): string {
  const values = new Map(environment.map(({ name, value }) => [name, value]));
  return expandVariables(text, (name) => {
    const value = values.get(name);
    if (value === undefined) throw refusal(`missing value for "${name}"`);
    return value;
  });
}

interface Place {
  readonly volume: ReadyVolume;
  readonly mount: V1VolumeMount;
  /** Among the container's mounts: it names the directory of the part. */
  readonly index: number;
  readonly request: ContainerMountsRequest;
}

async function placeOf(
  { volume, mount, index, request }: Place,
  host: HostTools,
): Promise<Pick<ContainerMount, 'hostPath' | 'image'>> {
  const { container, podDirectory, environment } = request;
  const subPath = subPathOf(mount, environment);
  if (volume.image) return { hostPath: '', image: { ...volume.image, ...(subPath && { subPath }) } };
  if (volume.path === undefined) throw refusal(`volume ${mount.name} of container ${container.name} cannot be mounted`);
  if (subPath === undefined) return { hostPath: volume.path };
  const target = join(podDirectory, 'volume-subpaths', mount.name, container.name, String(index));
  try {
    return { hostPath: await bindSubPath({ volumePath: volume.path, isOwn: volume.isOwn, subPath, target }, host) };
  } catch (cause) {
    // The user is told no paths of the host.
    host.logger.error('Failed to prepare subPath', { volume: mount.name, container: container.name, subPath, error: cause });
    throw refusal(`failed to prepare subPath for volumeMount "${mount.name}" of container "${container.name}"`, cause);
  }
}

function wantsRecursive({ name, readOnly, mountPropagation, recursiveReadOnly }: V1VolumeMount, supported: boolean): boolean {
  if (recursiveReadOnly === undefined || recursiveReadOnly === 'Disabled') return false;
  const only = `volume "${name}" requested recursive read-only mode, but it is not`;
  if (recursiveReadOnly !== 'IfPossible' && recursiveReadOnly !== 'Enabled')
    throw refusal(`unknown recursive read-only mode "${recursiveReadOnly}"`);
  if (!readOnly) throw refusal(`${only} read-only`);
  if (mountPropagation !== undefined && mountPropagation !== 'None')
    throw refusal(`${only} compatible with propagation "${mountPropagation}"`);
  if (!supported && recursiveReadOnly === 'Enabled') throw refusal(`${only} supported by the runtime`);
  return supported;
}

const refusal = (message: string, cause?: unknown) =>
  new PodPartError('CreateContainerConfigError', message, { eventReason: 'Failed', cause });
