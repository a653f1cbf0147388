/**
 * Volumes of CSI drivers (upstream's pkg/volume/csi):
 *
 *     attached (by the cluster) → NodeStage, once a node → NodePublish, once a pod → fsGroup
 *     NodeUnpublish → when no pod is left: NodeUnstage
 *
 * What was asked for is on disk before the driver is asked, so that it is taken back whatever happens in between.
 */
import { mkdir, rmdir, symlink, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { V1CSIDriver, V1Pod } from '../../../api/gen/types.ts';
import { removeTree } from '../../../host/remove-tree.ts';
import { Turns } from '../../../std/turns.ts';
import type { ObjectReader } from '../../pods/object-reader.ts';
import type { PodPartContext } from '../../pods/pod-parts.ts';
import type { FilesystemSpace } from '../../stats/disk-usage.ts';
import { failedMount } from '../mount-failures.ts';
import { ownershipFor } from '../pod-groups.ts';
import { namesIn } from '../pod-leftovers.ts';
import type { ServiceAccountTokens } from '../service-account-tokens.ts';
import type { ReadyVolume, VolumeKind, VolumeTask } from '../volume-kind.ts';
import { applyOwnership } from '../volume-ownership.ts';
import type { CsiClient } from './csi-client.ts';
import { type CsiCluster, createCsiCluster } from './csi-cluster.ts';
import type { CsiDrivers } from './csi-drivers.ts';
import { expandVolume } from './csi-expansion.ts';
import { USAGE_UNIT } from './csi-messages.ts';
import {
  CSI_PLUGIN,
  type CsiVolumeData,
  type CsiVolumePaths,
  devicePaths,
  filePaths,
  readVolumeData,
  writeVolumeData,
} from './csi-paths.ts';
import { accessModeNumber, appliesGroup, type CsiVolume, checkLifecycle, csiVolumeOf, podInfo } from './csi-source.ts';

export interface CsiKindOptions {
  readonly context: PodPartContext;
  readonly drivers: CsiDrivers;
  readonly objects: ObjectReader;
  readonly tokens: ServiceAccountTokens;
}

export interface CsiKind extends VolumeKind {
  /** Gives back every volume of a pod, by what is written in its directory. */
  release(podDirectory: string): Promise<void>;
  /** `kubernetes.io/csi/<driver>^<handle>` of the attachable volumes that pods here use: `Node.status.volumesInUse`. */
  volumesInUse(): string[];
}

interface Published {
  readonly volume: CsiVolume;
  readonly paths: CsiVolumePaths;
  readonly ready: ReadyVolume;
  readonly republish: boolean;
  readonly attachable: boolean;
}

/** What staging and publishing one volume for one pod take. */
interface Step {
  readonly client: CsiClient;
  readonly volume: CsiVolume;
  readonly paths: CsiVolumePaths;
  /** From the driver's controller. */
  readonly publishContext: Record<string, string>;
  readonly object: V1CSIDriver | undefined;
  readonly isStaged: boolean;
  readonly task: VolumeTask;
}

export function createCsiKind(options: CsiKindOptions): CsiKind {
  return new CsiVolumes(options);
}

class CsiVolumes implements CsiKind {
  readonly plugin = CSI_PLUGIN;
  readonly refreshed = true;
  readonly #options: CsiKindOptions;
  readonly #cluster: CsiCluster;
  /** By target path. */
  readonly #published = new Map<string, Published>();
  /** Staged by this process, by staging path. After a restart drivers are asked again, which changes nothing for them. */
  readonly #staged = new Set<string>();
  /** Staging and unstaging of one volume must not cross. */
  readonly #turns = new Turns<string>();

  constructor(options: CsiKindOptions) {
    this.#options = options;
    this.#cluster = createCsiCluster(options);
  }

  async setUp(task: VolumeTask): Promise<ReadyVolume> {
    const { context } = this.#options;
    const volume = csiVolumeOf(task, context.nodeName);
    const { root } = context.paths;
    const paths = volume.block
      ? devicePaths(root, task.podUid, volume.name)
      : filePaths(root, task.directory, volume.driver, volume.handle);
    const before = this.#published.get(paths.target);
    if (!before) return this.#make(task, volume, paths);
    try {
      if (before.republish) return await this.#make(task, volume, paths);
      const { drivers } = this.#options;
      const told = () => capability(drivers.get(volume.driver), volume, task.pod);
      if (task.bound) await expandVolume({ context, drivers, cluster: this.#cluster, capability: told, task, volume, paths });
    } catch (error) {
      // The driver may be away for a moment: the volume is there, and the next sync tries again.
      context.events?.event(task.pod, 'Warning', 'FailedMount', failedMount(volume.name, error as Error).message);
    }
    return before.ready;
  }

  async #make(task: VolumeTask, volume: CsiVolume, paths: CsiVolumePaths): Promise<ReadyVolume> {
    const client = this.#options.drivers.get(volume.driver);
    const object = await this.#cluster.driverObject(volume.driver);
    checkLifecycle(volume, object);
    const attachable = volume.lifecycle === 'Persistent' && (object?.spec.attachRequired ?? true);
    const publishContext = attachable ? await this.#cluster.attached(volume, task.signal) : {};
    return this.#turns.take(turnOf(volume.driver, volume.handle), async () => {
      await writeVolumeData(paths.data, this.#dataOf(volume));
      if (volume.block) await linkDevice(devicePaths(this.#options.context.paths.root, task.podUid, volume.name));
      const isStaged = volume.lifecycle === 'Persistent' && (await client.can('stageUnstageVolume'));
      const step = { client, volume, paths, publishContext, object, isStaged, task };
      if (isStaged) await this.#stage(step);
      await this.#publish(step);
      const place = volume.block ? { devicePath: paths.target } : { path: paths.target };
      const ready: ReadyVolume = { ...place, readOnly: volume.readOnly };
      const republish = object?.spec.requiresRepublish ?? false;
      this.#published.set(paths.target, { volume, paths, ready, republish, attachable });
      return ready;
    });
  }

  #dataOf({ driver, handle, name, lifecycle, attachment }: CsiVolume): CsiVolumeData {
    return {
      driverName: driver,
      volumeHandle: handle,
      specVolID: name,
      nodeName: this.#options.context.nodeName,
      attachmentID: attachment,
      volumeLifecycleMode: lifecycle,
    };
  }

  async #stage({ client, volume, paths, publishContext, task: { pod, signal } }: Step): Promise<void> {
    if (this.#staged.has(paths.staging)) return;
    const secrets = await this.#cluster.secretOf(volume.stageSecret);
    await mkdir(paths.staging, { recursive: true, mode: 0o750 });
    if (!volume.block) await writeVolumeData(join(dirname(paths.staging), 'vol_data.json'), this.#dataOf(volume));
    const request = {
      volume_id: volume.handle,
      publish_context: publishContext,
      staging_target_path: paths.staging,
      volume_capability: await capability(client, volume, pod),
      secrets,
      volume_context: volume.attributes,
    };
    await client.call('NodeStageVolume', request, signal);
    this.#staged.add(paths.staging);
  }

  async #publish({ client, volume, paths, publishContext, object, isStaged, task: { pod, signal } }: Step): Promise<void> {
    const publishSecrets =
      volume.lifecycle === 'Persistent'
        ? await this.#cluster.secretOf(volume.publishSecret)
        : await this.#cluster.secretOfPod(volume.publishSecret);
    const tokens = await this.#cluster.tokensFor(pod, object);
    const inSecrets = object?.spec.serviceAccountTokenInSecrets ?? false;
    await mkdir(dirname(paths.target), { recursive: true, mode: 0o750 });
    const request = {
      volume_id: volume.handle,
      publish_context: publishContext,
      staging_target_path: isStaged ? paths.staging : '',
      target_path: paths.target,
      volume_capability: await capability(client, volume, pod),
      readonly: volume.readOnly,
      secrets: { ...publishSecrets, ...(inSecrets && tokens) },
      volume_context: {
        ...volume.attributes,
        ...(object?.spec.podInfoOnMount && podInfo(pod, volume.lifecycle)),
        ...(!inSecrets && tokens),
      },
    };
    await client.call('NodePublishVolume', request, signal);
    const ownership = volume.block || !appliesGroup(volume, object) ? undefined : ownershipFor(pod, false);
    // Drivers that mount for a group do so themselves.
    if (ownership && !(await client.can('volumeMountGroup'))) await applyOwnership(paths.target, ownership);
  }

  async release(podDirectory: string): Promise<void> {
    const { root } = this.#options.context.paths;
    const plugin = CSI_PLUGIN.replace('/', '~');
    const directory = join(podDirectory, 'volumes', plugin);
    for (const name of await namesIn(directory)) {
      const data = await readVolumeData(join(directory, name, 'vol_data.json'));
      if (data) await this.#takeDown(data, filePaths(root, join(directory, name), data.driverName, data.volumeHandle));
    }
    const podUid = basename(podDirectory);
    for (const name of await namesIn(join(podDirectory, 'volumeDevices', plugin))) {
      const paths = devicePaths(root, podUid, name);
      const data = await readVolumeData(paths.data);
      if (data) await this.#takeDown(data, paths, paths.link);
    }
  }

  #takeDown(data: CsiVolumeData, paths: CsiVolumePaths, link?: string): Promise<void> {
    const { driverName, volumeHandle } = data;
    return this.#turns.take(turnOf(driverName, volumeHandle), async () => {
      const client = this.#options.drivers.get(driverName);
      await client.call('NodeUnpublishVolume', { volume_id: volumeHandle, target_path: paths.target });
      this.#published.delete(paths.target);
      // The driver should have removed it; what it left must not be mounted.
      await removeTree(paths.target);
      const unused = link ? (await namesIn(dirname(paths.target))).length === 0 : !(await this.#usedByOthers(data, paths.data));
      // What says that the volume is here goes last.
      if (data.volumeLifecycleMode === 'Persistent' && unused) await this.#unstage(client, data, paths, link !== undefined);
      if (link) await unlink(link).catch(ifMissing);
      else await removeTree(dirname(paths.target));
    });
  }

  async #unstage(client: CsiClient, data: CsiVolumeData, paths: CsiVolumePaths, block: boolean): Promise<void> {
    if (await client.can('stageUnstageVolume'))
      await client.call('NodeUnstageVolume', { volume_id: data.volumeHandle, staging_target_path: paths.staging });
    this.#staged.delete(paths.staging);
    await removeTree(paths.staging);
    if (!block) return removeTree(dirname(paths.staging));
    await rmdir(dirname(paths.target)).catch(ifMissing);
    await removeTree(dirname(dirname(paths.data)));
  }

  /** Whether another pod's directory names the volume; `own` is the file of the one that asks. */
  async #usedByOthers({ driverName, volumeHandle }: CsiVolumeData, own: string): Promise<boolean> {
    const pods = join(this.#options.context.paths.root, 'pods');
    for (const uid of await namesIn(pods)) {
      const directory = join(pods, uid, 'volumes', CSI_PLUGIN.replace('/', '~'));
      for (const name of await namesIn(directory)) {
        const path = join(directory, name, 'vol_data.json');
        const data = path === own ? undefined : await readVolumeData(path);
        if (data?.driverName === driverName && data.volumeHandle === volumeHandle) return true;
      }
    }
    return false;
  }

  volumesInUse(): string[] {
    const attachable = [...this.#published.values()].filter((one) => one.attachable);
    return [...new Set(attachable.map(({ volume }) => `${CSI_PLUGIN}/${volume.driver}^${volume.handle}`))].sort();
  }

  async usage(ready: ReadyVolume): Promise<FilesystemSpace | undefined> {
    const published = this.#published.get(ready.path ?? ready.devicePath ?? '');
    if (!published) return undefined;
    const { volume, paths } = published;
    const client = this.#options.drivers.get(volume.driver);
    if (!(await client.can('getVolumeStats'))) return undefined;
    const { usage } = await client.call('NodeGetVolumeStats', { volume_id: volume.handle, volume_path: paths.target });
    const bytes = usage.find(({ unit }) => unit === USAGE_UNIT.bytes);
    const inodes = usage.find(({ unit }) => unit === USAGE_UNIT.inodes);
    return {
      usedBytes: bytes?.used ?? 0,
      availableBytes: bytes?.available ?? 0,
      capacityBytes: bytes?.total ?? 0,
      inodesUsed: inodes?.used ?? 0,
      inodesFree: inodes?.available ?? 0,
      inodes: inodes?.total ?? 0,
    };
  }
}

const turnOf = (driver: string, handle: string) => `${driver}^${handle}`;

async function capability(client: CsiClient, volume: CsiVolume, pod: V1Pod) {
  const { fsGroup } = pod.spec?.securityContext ?? {};
  const group = fsGroup !== undefined && (await client.can('volumeMountGroup')) ? String(fsGroup) : '';
  const mode = accessModeNumber(volume.accessModes, await client.can('singleNodeMultiWriter'));
  const access = volume.block
    ? { block: {} }
    : { mount: { fs_type: volume.fsType, mount_flags: volume.mountFlags, volume_mount_group: group } };
  return { ...access, access_mode: { mode } };
}

/** In the pod's directory, where a kubelet started anew looks. */
async function linkDevice({ link, target }: { readonly link: string; readonly target: string }): Promise<void> {
  await mkdir(dirname(link), { recursive: true, mode: 0o750 });
  await symlink(target, link).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

function ifMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
